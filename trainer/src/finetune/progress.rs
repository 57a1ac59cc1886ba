//! A fine-tuning under way, kept in a file when it is stopped: the same command goes on as if it had not been.

use parallax_captcha::text::SCHEME_VERSION;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    lambda::{Controller, Lambda},
    queries::Query,
    run::{FinetuneConfig, Finetuned, Measurement},
};
use crate::{
    train::{StateError, TrainingState, state},
    zoo::Weights,
};

/// All that further steps follow from, besides what the run began with.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// After the last step.
    pub state: TrainingState,
    /// The best weights that were measured.
    pub best: Weights,
    /// How it went so far.
    pub course: Course,
}

/// How a fine-tuning goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// Before the first step.
    pub before: Measurement,
    /// That of the best weights.
    pub best: Measurement,
    /// Measurements since the best one.
    pub since_best: usize,
    /// All after the first step.
    pub all: Vec<Measurement>,
    /// After the last measurement.
    pub controller: Controller,
}

impl Course {
    /// Of a run that begins.
    #[must_use]
    pub fn new(before: Measurement, controller: Controller) -> Self {
        Self {
            before,
            best: before,
            since_best: 0,
            all: Vec::new(),
            controller,
        }
    }

    /// Adds a measurement; whether it is the best so far.
    pub fn add(&mut self, measured: Measurement, controller: Controller, lambda: Lambda) -> bool {
        let [now, best] = [&measured, &self.best].map(|one| score(one, lambda));
        // Of few queries few are held out, and answers that no model gave yet come late: until one does, later weights are the
        // better ones, since each step leads away from what the attacker has learned to see past.
        let none_yet = measured.agreement == 0.0 && self.best.agreement == 0.0;
        let is_best = now > best || none_yet && now >= best;
        if is_best {
            self.best = measured;
        }
        self.since_best = if is_best { 0 } else { self.since_best + 1 };
        self.all.push(measured);
        self.controller = controller;
        is_best
    }
}

/// What the best weights are best at.
fn score(measured: &Measurement, lambda: Lambda) -> f64 {
    let forgotten = match lambda {
        Lambda::Adaptive { target } => (target - measured.accuracy).max(0.0),
        Lambda::Fixed(_) => 0.0,
    };
    measured.agreement - forgotten
}

#[derive(Serialize, Deserialize)]
struct About {
    step: u64,
    course: Course,
    /// The bits of [`numbers`]: JSON's decimals may be read back as neighbours of what was written, and whether one
    /// measurement is better than another may hang on that.
    bits: Vec<u64>,
}

/// Every number of a course that more than the report depends on.
fn numbers(course: &mut Course) -> Vec<&mut f64> {
    let measurements = [&mut course.before, &mut course.best]
        .into_iter()
        .chain(&mut course.all);
    let numbers = measurements.flat_map(|measured| [&mut measured.accuracy, &mut measured.agreement]);
    numbers.chain([course.controller.log_mut()]).collect()
}

impl Progress {
    /// As a file.
    ///
    /// # Errors
    /// [`StateError::Format`] when it has no JSON form.
    pub fn encode(&self) -> Result<Vec<u8>, StateError> {
        let mut course = self.course.clone();
        let bits = numbers(&mut course)
            .into_iter()
            .map(|number| number.to_bits())
            .collect();
        let about = About {
            step: self.state.step,
            course,
            bits,
        };
        let [parameters, running, first_moment, second_moment] = self.state.vectors();
        let best = [&self.best.parameters, &self.best.running];
        let vectors = [parameters, running, first_moment, second_moment]
            .into_iter()
            .chain(best);
        state::encode(&about, &vectors.map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// From a file.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let (about, mut vectors) = state::decode(bytes)?;
        let About { step, mut course, bits } = about;
        let numbers = numbers(&mut course);
        if numbers.len() != bits.len() {
            return Err(StateError::Damaged);
        }
        for (number, bits) in numbers.into_iter().zip(bits) {
            *number = f64::from_bits(bits);
        }
        let (Some(running), Some(parameters)) = (vectors.pop(), vectors.pop()) else {
            return Err(StateError::Damaged);
        };
        Ok(Self {
            state: TrainingState::from_vectors(vectors, step)?,
            best: Weights { parameters, running },
            course,
        })
    }
}

/// What came of a run, as a file: of several, those that are done need not be done again.
///
/// # Errors
/// [`StateError::Format`] when it has no JSON form.
pub fn kept(tuned: &Finetuned) -> Result<Vec<u8>, StateError> {
    let Weights { parameters, running } = &tuned.weights;
    state::encode(&tuned.report, &[parameters, running])
}

/// What [`kept`] wrote.
///
/// # Errors
/// [`StateError`].
pub fn finished(bytes: &[u8]) -> Result<Finetuned, StateError> {
    let (report, vectors) = state::decode(bytes)?;
    let [parameters, running] = vectors.try_into().map_err(|_| StateError::Damaged)?;
    Ok(Finetuned {
        weights: Weights { parameters, running },
        report,
    })
}

/// Raised when the code of fine-tuning changes what comes of it: older runs are then not gone on with, and older results not
/// used any more.
pub(crate) const VERSION: u32 = 2;

/// SHA-256 of what a run follows from: weights, queries, settings, and `machine`, which says where it runs. What was kept
/// of another run has another name.
#[must_use]
pub fn origin(weights: &Weights, queries: &[Query], config: &FinetuneConfig, machine: &str) -> String {
    let mut digest = Sha256::new();
    // The configuration's form for people names every field, and always exists.
    digest.update(format!("{VERSION} {SCHEME_VERSION} {machine} {config:?}\n"));
    let images = queries.iter().map(|query| &*query.image);
    for values in [&*weights.parameters, &*weights.running].into_iter().chain(images) {
        digest.update((values.len() as u64).to_le_bytes());
        for value in values {
            digest.update(value.to_le_bytes());
        }
    }
    for query in queries {
        digest.update(format!("{} {:?} {}\n", query.picture, query.classes, query.weight));
    }
    hex::encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_counts_less_what_is_forgotten() {
        let measured = |accuracy, agreement| Measurement {
            step: 0,
            lambda: 1.0,
            accuracy,
            agreement,
        };
        let adaptive = Lambda::Adaptive { target: 0.9 };
        assert!((score(&measured(0.8, 0.5), adaptive) - 0.4).abs() < 1e-9);
        assert!((score(&measured(0.95, 0.5), adaptive) - 0.5).abs() < 1e-9);
        assert!((score(&measured(0.1, 0.5), Lambda::Fixed(1.0)) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn while_no_answer_is_given_later_weights_are_better() {
        let measured = |accuracy, agreement| Measurement {
            step: 25,
            lambda: 1.0,
            accuracy,
            agreement,
        };
        let lambda = Lambda::Adaptive { target: 0.9 };
        // What was measured before, what is measured now, as shares of originals and of answers; whether now is the best.
        for (before, now, expected) in [
            ((0.99, 0.0), (0.95, 0.0), true),
            ((0.99, 0.0), (0.80, 0.0), false),
            ((0.70, 0.0), (0.80, 0.0), true),
            ((0.99, 0.1), (0.95, 0.1), false),
            ((0.99, 0.1), (0.95, 0.2), true),
            ((0.99, 0.1), (0.99, 0.0), false),
        ] {
            let mut course = Course::new(measured(before.0, before.1), Controller::new(lambda));
            let is_best = course.add(measured(now.0, now.1), course.controller, lambda);
            assert_eq!(is_best, expected, "{before:?}, {now:?}");
            assert_eq!(course.since_best, usize::from(!expected));
        }
    }

    #[test]
    fn whatever_a_run_follows_from_names_it() {
        let weights = |value: f32| Weights {
            parameters: vec![value],
            running: vec![],
        };
        let query = |classes: Vec<usize>| Query {
            image: vec![0.5].into(),
            picture: 0,
            classes,
            weight: 1.0,
            source: None,
            right: None,
        };
        let config = |seed: u64| FinetuneConfig {
            seed,
            ..FinetuneConfig::default()
        };
        let name = |value, classes, seed, machine| origin(&weights(value), &[query(classes)], &config(seed), machine);
        let one = name(0.5, vec![1, 2], 3, "cpu 2");
        assert_eq!(one, name(0.5, vec![1, 2], 3, "cpu 2"));
        let others = [
            name(0.25, vec![1, 2], 3, "cpu 2"),
            name(0.5, vec![1, 3], 3, "cpu 2"),
            name(0.5, vec![1, 2], 4, "cpu 2"),
            name(0.5, vec![1, 2], 3, "cpu 1"),
        ];
        assert!(others.iter().all(|other| *other != one));
    }

    #[test]
    fn progress_is_read_back_to_the_last_bit() {
        let measured = |step| Measurement {
            step,
            lambda: 0.1,
            accuracy: 1.0 / 3.0,
            agreement: 0.1 + 0.2,
        };
        let mut controller = Controller::new(Lambda::Adaptive { target: 0.92 });
        controller.measured(2.0 / 3.0);
        let mut course = Course::new(measured(0), controller);
        assert!(
            !course.add(measured(25), controller, Lambda::Fixed(1.0)),
            "not better than before"
        );
        let weights = Weights {
            parameters: vec![0.1, -0.2],
            running: vec![f32::MIN_POSITIVE],
        };
        let mut state = TrainingState::untrained(weights.clone());
        state.step = 25;
        let progress = Progress {
            state,
            best: weights,
            course,
        };
        let bytes = progress.encode().unwrap();
        assert_eq!(Progress::decode(&bytes), Ok(progress));
        assert_eq!(Progress::decode(&bytes[..bytes.len() - 1]), Err(StateError::Damaged));
    }
}
