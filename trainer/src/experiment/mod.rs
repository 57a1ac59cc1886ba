//! The paper's experiments, at any scale: `parallax experiment NAME`.
//!
//! Attackers really retrain, substitutes really learn from their answers, and every captcha in a measurement is perturbed
//! with the substitute of that moment. What an experiment is made of are stages of a [`Lab`], each kept: a run that was
//! interrupted goes on, and a repeated one does only what changed.

mod cache;
mod clusters;
mod fig10;
mod fig11;
mod fig8;
mod fig9;
mod generations;
mod lab;
mod report;
mod rotation;
pub mod statistics;
mod table5;

pub use cache::Cache;
pub(crate) use cache::digest;
pub use lab::{Answer, Images, Lab, PREPROCESSING, Setting, Success, Trained};
pub(crate) use lab::{pack, unpack};
pub use report::{Report, Row};

use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use statistics::Share;

use crate::{
    attack::AttackError,
    files::FilesError,
    runtime::RuntimeError,
    train::TrainError,
    zoo::{Architecture, WeightsError},
};

/// An experiment of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Experiment {
    /// The attacker retrains, the substitute is fine-tuned on its answers, round after round
    Fig8,
    /// Five attackers, and how many of their answers it takes
    Fig9,
    /// Some of the answers are people's
    Fig10,
    /// Lambda against the share of people
    Table5,
    /// Which captchas to serve: ordinary, perturbed, or near the boundary
    Fig11,
    /// Several attackers: one substitute against several, and against several that share them (the paper's future work)
    Clusters,
    /// Whether it is enough to perturb with other models, without learning from the attacker
    Rotation,
    /// Whether it is enough that each set's models have learned to read the set before
    Generations,
}

/// How large an experiment is, and who defends.
#[derive(Debug, Clone, PartialEq)]
pub struct Size {
    /// 1 has the paper's counts.
    pub scale: f64,
    /// Repetitions, each with captchas, attackers and fine-tunings of its own.
    pub seeds: u64,
    /// Captchas in a measurement.
    pub measured: usize,
    /// Clean captchas that base models learn from; `None` as many as suffice.
    pub base_samples: Option<u64>,
    /// Rounds of the race, or image sets after the first.
    pub rounds: u64,
    /// What captchas are perturbed with, in turns.
    pub substitutes: Vec<Architecture>,
}

impl Size {
    /// `count` of the paper at this scale, at least 50.
    #[must_use]
    pub fn scaled(&self, count: u32) -> usize {
        ((f64::from(count) * self.scale).round() as usize).max(50)
    }
}

/// Why an experiment ended.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    /// A file.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A temporary folder.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// ONNX Runtime.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// Training.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A model.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// Perturbing.
    #[error(transparent)]
    Attack(AttackError),
    /// A result that has no JSON form, or is none any more.
    #[error("a kept result: {0}")]
    Json(#[from] serde_json::Error),
    /// A kept result is damaged.
    #[error("{0}: remove the cache's folder")]
    Cache(String),
    /// The user stopped it.
    #[error("interrupted; the same command goes on")]
    Interrupted,
}

/// What an experiment measures in one repetition.
type Measure = fn(&Bench<'_>) -> Result<Vec<Row>, ExperimentError>;

impl From<AttackError> for ExperimentError {
    fn from(error: AttackError) -> Self {
        match error {
            AttackError::Interrupted => Self::Interrupted,
            error => Self::Attack(error),
        }
    }
}

impl Experiment {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.parts().0
    }

    /// Its name, what measures it, and what tells it.
    fn parts(self) -> (&'static str, Measure, fn() -> report::Page) {
        match self {
            Self::Fig8 => ("fig8", fig8::rows, fig8::page),
            Self::Fig9 => ("fig9", fig9::rows, fig9::page),
            Self::Fig10 => ("fig10", fig10::rows, fig10::page),
            Self::Table5 => ("table5", table5::rows, table5::page),
            Self::Fig11 => ("fig11", fig11::rows, fig11::page),
            Self::Clusters => ("clusters", clusters::rows, clusters::page),
            Self::Rotation => ("rotation", rotation::rows, rotation::page),
            Self::Generations => ("generations", generations::rows, generations::page),
        }
    }

    /// Makes it, in each of `settings`, which have names; as many repetitions at a time as `lab` says.
    ///
    /// # Errors
    /// [`ExperimentError`]; what was done is kept.
    pub fn run(self, lab: &Lab, size: &Size, settings: &[(&'static str, Setting)]) -> Result<Report, ExperimentError> {
        let of_setting = |(name, setting)| {
            (0..size.seeds).map(move |seed| Bench {
                lab,
                size,
                setting,
                name,
                seed,
            })
        };
        let benches: Vec<_> = settings
            .iter()
            .map(|(name, setting)| (*name, setting))
            .flat_map(of_setting)
            .collect();
        let (name, rows, _) = self.parts();
        Ok(Report {
            experiment: name.to_owned(),
            scale: size.scale,
            seeds: size.seeds,
            measured: size.measured,
            base_samples: size.base_samples,
            rows: in_jobs(&benches, lab.jobs(), rows)?.concat(),
        })
    }

    /// The report as Markdown and its plot as SVG; the Markdown names the plot `NAME.svg`.
    #[must_use]
    pub fn render(self, report: &Report, command: &str) -> (String, String) {
        let (.., page) = self.parts();
        (page().markdown(report, command), page().svg(report))
    }
}

/// `work` on each of `items`, `jobs` at a time; results in the items' order. After an error nothing more is begun.
fn in_jobs<I: Sync, T: Send + Sync, E: Send + Sync + std::fmt::Display>(
    items: &[I],
    jobs: usize,
    work: impl Fn(&I) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let next = AtomicUsize::new(0);
    let places: Vec<OnceLock<Result<T, E>>> = items.iter().map(|_| OnceLock::new()).collect();
    let pairs: Vec<_> = items.iter().zip(&places).collect();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some((item, place)) = pairs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = work(item);
                    if let Err(error) = &result {
                        eprintln!("a repetition failed: {error}; those under way are finished first");
                        next.store(items.len(), Ordering::Relaxed);
                    }
                    // Nobody else has this place.
                    let _ = place.set(result);
                }
            });
        }
    });
    // Items are begun in their order, so that none is missing before the first error.
    places.into_iter().filter_map(OnceLock::into_inner).collect()
}

/// The architecture that attacks, where an experiment has one: structurally farthest from the substitute.
const ATTACKER: Architecture = Architecture::ResnetAttention;

/// One repetition of an experiment in one setting.
struct Bench<'a> {
    lab: &'a Lab,
    size: &'a Size,
    setting: &'a Setting,
    name: &'a str,
    seed: u64,
}

/// What captchas are for: each use has its own.
#[derive(Clone, Copy)]
enum Use {
    Retraining = 1,
    Queries = 2,
    Measuring = 3,
}

impl Bench<'_> {
    fn base(&self, architecture: Architecture) -> Result<Trained, ExperimentError> {
        let samples = self.size.base_samples.unwrap_or(architecture.samples());
        self.lab.base(architecture, &self.setting.style, samples)
    }

    /// The substitutes, trained on clean captchas.
    fn substitutes(&self) -> Result<Vec<Trained>, ExperimentError> {
        let architectures = self.size.substitutes.iter();
        architectures.map(|architecture| self.base(*architecture)).collect()
    }

    fn images(
        &self,
        substitutes: &[Trained],
        purpose: Use,
        round: u64,
        count: usize,
    ) -> Result<Images, ExperimentError> {
        let seed = (self.seed * 100 + round) * 10 + purpose as u64;
        self.lab.images(substitutes, self.setting, seed, count)
    }

    /// Success of `solver` on new captchas, perturbed with `substitutes`.
    fn success(&self, solver: &Trained, substitutes: &[Trained], round: u64) -> Result<Success, ExperimentError> {
        let images = self.images(substitutes, Use::Measuring, round, self.size.measured)?;
        self.lab.success(solver, &images)
    }

    /// The share of clean captchas that the worst of `substitutes` reads.
    fn clean(&self, substitutes: &[Trained]) -> Result<Option<Share>, ExperimentError> {
        let clean = substitutes.iter().map(|one| self.lab.clean(one, &self.setting.style));
        let clean: Vec<_> = clean.collect::<Result<_, _>>()?;
        Ok(clean.into_iter().min_by_key(|share| share.success))
    }

    /// The substitutes, and an attacker that has retrained on captchas perturbed with them.
    fn retrained(&self, architecture: Architecture) -> Result<(Vec<Trained>, Trained), ExperimentError> {
        let substitutes = self.substitutes()?;
        let known = self.images(&substitutes, Use::Retraining, 1, self.size.scaled(100_000))?;
        let base = self.base(architecture)?;
        let attacker = self.lab.retrain(&base, &[&known], self.setting, self.seed)?.0;
        Ok((substitutes, attacker))
    }

    /// Each of the substitutes, fine-tuned on the same answers.
    fn finetune(
        &self,
        substitutes: &[Trained],
        images: &Images,
        answers: &[Answer],
        lambda: crate::finetune::Lambda,
    ) -> Result<Vec<Trained>, ExperimentError> {
        let config = self.finetuning(lambda);
        let tune = |one: &Trained| self.lab.finetune(one, images, answers, &config);
        substitutes.iter().map(tune).collect()
    }

    fn finetuning(&self, lambda: crate::finetune::Lambda) -> crate::finetune::FinetuneConfig {
        crate::finetune::FinetuneConfig {
            seed: self.seed,
            original: self.setting.style.clone(),
            lambda,
            ..self.lab.learning()
        }
    }

    fn row(&self, series: &str, x: f64, stage: &str, success: &Success) -> Row {
        let (filter, best) = success.best();
        Row {
            setting: self.name.to_owned(),
            seed: self.seed,
            series: series.to_owned(),
            x,
            stage: stage.to_owned(),
            raw: success.raw(),
            best_filter: filter.to_owned(),
            best,
            original: None,
        }
    }
}

/// Answers that a machine gave for sure.
fn by_machine(texts: &[String]) -> Vec<Answer> {
    let answer = |text: &String| Answer {
        text: text.clone(),
        weight: 1.0,
    };
    texts.iter().map(answer).collect()
}

/// `share` of the answers of a machine replaced by what people read: the text. The first of every few, so that shares of
/// several sizes nest.
fn with_people(texts: &[String], images: &Images, share: f64) -> Vec<Answer> {
    let mut answers = by_machine(texts);
    for (index, (answer, picture)) in answers.iter_mut().zip(&images.pictures).enumerate() {
        let is_person = ((index + 1) as f64 * share).floor() > (index as f64 * share).floor();
        if is_person {
            picture.label.as_str().clone_into(&mut answer.text);
        }
    }
    answers
}

const ADAPTIVE: crate::finetune::Lambda = crate::finetune::Lambda::Adaptive {
    target: crate::finetune::lambda::TARGET,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_keep_the_order_of_results() {
        let items: Vec<u64> = (0..7).collect();
        let slow_first = |item: &u64| {
            std::thread::sleep(std::time::Duration::from_millis(10 * (7 - item)));
            Ok::<_, String>(item * item)
        };
        for jobs in [1, 3, 20] {
            assert_eq!(
                in_jobs(&items, jobs, slow_first),
                Ok(vec![0, 1, 4, 9, 16, 25, 36]),
                "{jobs} jobs"
            );
        }
    }

    #[test]
    fn people_replace_a_share_of_the_answers() {
        let picture = crate::attack::Picture {
            image: image::GrayImage::new(1, 1),
            label: parallax_captcha::alphabet::Label::new("2A3C").unwrap(),
            strength: parallax_captcha::strength::Strength::Plain,
        };
        let mut images = Images::joined(&[]);
        images.pictures = vec![picture; 10];
        let texts = vec!["MMMM".to_owned(); 10];
        let people = |share| -> Vec<usize> {
            let answers = with_people(&texts, &images, share);
            let is_person = |(index, answer): (usize, &Answer)| (answer.text == "2A3C").then_some(index);
            answers.iter().enumerate().filter_map(is_person).collect()
        };
        assert!(people(0.0).is_empty());
        assert_eq!(people(0.2), [4, 9]);
        assert_eq!(people(0.4).len(), 4);
        assert_eq!(people(1.0), (0..10).collect::<Vec<_>>());
        // What more people answer begins with what fewer answered.
        assert!(people(0.2).iter().all(|index| people(0.4).contains(index)));
    }

    #[test]
    fn nothing_is_begun_after_an_error() {
        let begun = AtomicUsize::new(0);
        let third_fails = |item: &u64| {
            begun.fetch_add(1, Ordering::Relaxed);
            if *item == 2 { Err(*item) } else { Ok(()) }
        };
        let items: Vec<u64> = (0..100).collect();
        assert_eq!(in_jobs(&items, 1, third_fails), Err(2));
        assert_eq!(begun.load(Ordering::Relaxed), 3);
    }
}
