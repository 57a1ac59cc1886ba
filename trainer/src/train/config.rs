//! What a training run is determined by, and its learning rate.

use std::collections::BTreeSet;

use parallax_captcha::{perturb::PerturbConfig, text::Style};
use serde::{Deserialize, Serialize};

/// What a training run is determined by: the same configuration gives the same weights, bit for bit, on one machine's
/// CPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainConfig {
    /// Name of the model.
    pub model: String,
    /// Pictures to learn from, each seen once.
    pub samples: u64,
    /// Seed of the first weights and of the pictures.
    pub seed: u64,
    /// Pictures in a step.
    pub batch: usize,
    /// The highest learning rate.
    pub learning_rate: f32,
    /// Steps until it is reached.
    pub warmup: u64,
    /// The lowest learning rate, as a share of the highest.
    pub floor: f32,
    /// Steps after which the recurrent layers and Adam begin anew, on the features that the auxiliary head has formed
    /// by then; see [`super::restart_recurrent`]. 0 is never.
    pub feature_steps: u64,
    /// How often the learning rate goes up and down again after that (Loshchilov and Hutter 2017).
    pub cycles: u64,
    /// Threads of the runtime: products are summed in another order with another number.
    pub threads: usize,
    /// How the pictures look.
    pub style: Style,
    /// Whether every other picture goes through a filter.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub filtered: bool,
    /// How a generator's captchas are perturbed; `None` of a model, which learns from plain ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub perturb: Option<PerturbConfig>,
    /// Version of the renderer.
    pub scheme_version: u32,
    /// Digest of the checkpoint whose weights are the first ones, or of a generator's victims; `None` of weights that follow from
    /// the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

impl TrainConfig {
    /// Steps of the run.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.samples.div_ceil(self.batch.max(1) as u64)
    }

    /// Learning rate of the step after `done` steps: rising linearly over the warm-up and staying there while features
    /// form, then in each cycle rising again and falling linearly down to the floor.
    #[must_use]
    pub fn learning_rate_after(&self, done: u64) -> f32 {
        let share = |part: u64, whole: u64| (part as f64 / whole.max(1) as f64) as f32;
        let rise = |done: u64| share(done + 1, self.warmup).min(1.0);
        let Some(done) = done.checked_sub(self.feature_steps) else {
            return self.learning_rate * rise(done);
        };
        let rest = self.steps().saturating_sub(self.feature_steps);
        let cycle = rest.div_ceil(self.cycles.max(1)).max(1);
        let done = done % cycle;
        let fall = (1.0 - share(done, cycle)).max(self.floor);
        self.learning_rate * rise(done) * fall
    }

    /// The step from which Adam counts, once `done` steps are done.
    #[must_use]
    pub fn adam_origin(&self, done: u64) -> u64 {
        if done >= self.feature_steps {
            self.feature_steps
        } else {
            0
        }
    }

    /// The settings in which this run differs from another, with this run's values: `seed 1, samples 640`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> String {
        let fields = |config: &Self| match serde_json::to_value(config) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        let (mine, theirs) = (fields(self), fields(other));
        let names: BTreeSet<&String> = mine.keys().chain(theirs.keys()).collect();
        let differing = names.into_iter().filter(|name| mine.get(*name) != theirs.get(*name));
        let shown = |name: &String| match mine.get(name) {
            Some(value) => format!("{name} {value}"),
            None => format!("no {name}"),
        };
        differing.map(shown).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> TrainConfig {
        TrainConfig {
            model: "crnn".to_owned(),
            samples: 63_999,
            seed: 0,
            batch: 64,
            learning_rate: 1e-3,
            warmup: 300,
            floor: 0.02,
            feature_steps: 0,
            cycles: 1,
            threads: 1,
            style: Style::default(),
            filtered: false,
            perturb: None,
            scheme_version: 1,
            from: None,
        }
    }

    #[test]
    fn differences_are_named() {
        let other = TrainConfig {
            seed: 3,
            samples: 640,
            ..config()
        };
        assert_eq!(other.difference(&config()), "samples 640, seed 3");
        let from = TrainConfig {
            from: Some("abc".to_owned()),
            ..config()
        };
        assert_eq!(from.difference(&config()), "from \"abc\"");
        assert_eq!(config().difference(&from), "no from");
    }

    #[test]
    fn the_learning_rate_rises_and_falls() {
        let config = config();
        assert_eq!(config.steps(), 1_000);
        for (done, expected) in [(0, 1e-3 / 300.0), (299, 1e-3 * 0.701), (500, 5e-4), (999, 2e-5)] {
            let rate = config.learning_rate_after(done);
            assert!((rate / expected - 1.0).abs() < 1e-5, "after {done}: {rate}");
        }
        let features = TrainConfig {
            samples: config.samples + 640,
            feature_steps: 10,
            warmup: 5,
            ..config.clone()
        };
        assert_eq!(features.learning_rate_after(1), 2e-3 / 5.0);
        assert_eq!(features.learning_rate_after(9), 1e-3);
        assert_eq!(features.learning_rate_after(10), 1e-3 / 5.0, "warm again");
        assert_eq!((features.adam_origin(9), features.adam_origin(10)), (0, 10));
        let twice = TrainConfig {
            samples: 2 * config.samples,
            cycles: 2,
            ..config.clone()
        };
        for done in 0..1_000 {
            assert_eq!(twice.learning_rate_after(done), config.learning_rate_after(done));
            assert_eq!(
                twice.learning_rate_after(done + 1_000),
                config.learning_rate_after(done)
            );
        }
    }
}
