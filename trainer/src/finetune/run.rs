//! The fine-tuning itself.

use std::collections::HashSet;

use parallax_captcha::{alphabet::character_of, text::Style};
use parallax_onnx::codec;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};
use serde::{Deserialize, Serialize};

use super::{
    lambda::{Controller, Lambda},
    progress::{Course, Progress},
    queries::Query,
};
use crate::{
    data::{
        batches::{Pictures, Sample},
        seeds::Stream,
    },
    models::Recognizer,
    runtime::{RuntimeError, SessionConfig, drawing_threads},
    train::{Example, StepSession, TrainError, TrainingState, accuracy},
    zoo::{Model, Weights},
};

/// What a fine-tuning is determined by, besides the weights and queries that it begins with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FinetuneConfig {
    /// Seed of the queries' order and of the originals.
    pub seed: u64,
    /// Pictures in a step: half queries, half originals.
    pub batch: usize,
    /// The highest learning rate; it rises over 20 steps and falls linearly to a twentieth.
    pub learning_rate: f32,
    /// How much originals count.
    pub lambda: Lambda,
    /// Queries that are looked at, repetitions included, at most, but for 100 steps.
    pub most_looks: usize,
    /// How often each is looked at, at most, but for 100 steps: what a solver does is learned in a few passes, as long as the learning rate
    /// falls over them.
    pub most_passes: usize,
    /// Measurements without a better one, after which training ends.
    pub patience: usize,
    /// How originals look.
    pub original: Style,
    /// Originals that accuracy is measured on.
    pub measured_originals: usize,
}

impl Default for FinetuneConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            batch: 64,
            learning_rate: 5e-4,
            lambda: Lambda::Adaptive {
                target: super::lambda::TARGET,
            },
            most_looks: 20_000,
            most_passes: 10,
            patience: 5,
            original: Style::default(),
            measured_originals: 400,
        }
    }
}

/// Steps until the learning rate is reached.
const WARMUP: usize = 20;
/// The lowest learning rate, as a share of the highest.
const FLOOR: f32 = 0.05;
/// The share of pictures that is held out with all answers to them, and how many at most.
const HELD_OUT: (usize, usize) = (10, 500);
/// Measurements of a run that is not short, at least: more than patience, which would otherwise never end one.
const LEAST_MEASUREMENTS: usize = 10;
/// Steps, at least, however few queries there are: in fewer, weights hardly move.
const LEAST_STEPS: usize = 100;
/// Passes over the queries, at least.
const LEAST_PASSES: usize = 2;

/// One look at how it goes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Steps done.
    pub step: usize,
    /// The factor of originals from here on.
    pub lambda: f32,
    /// Share of held-out originals read right.
    pub accuracy: f64,
    /// Share of held-out queries read as they were answered, by weight.
    pub agreement: f64,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FinetuneReport {
    /// Queries learned from.
    pub queries: usize,
    /// Queries held out.
    pub held_out: usize,
    /// Pictures looked at, repetitions and originals included.
    pub looks: usize,
    /// Before the first step.
    pub before: Measurement,
    /// That of the weights that were kept.
    pub after: Measurement,
    /// All, the last step's included.
    pub course: Vec<Measurement>,
}

/// Weights and how they came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Finetuned {
    /// The best that were measured.
    pub weights: Weights,
    /// How they came about.
    pub report: FinetuneReport,
}

/// Who looks on.
pub trait Watch {
    /// How it goes, of so many steps at most.
    fn measured(&mut self, measured: &Measurement, steps: usize);

    /// Whether to stop after this step.
    fn stop(&self) -> bool {
        false
    }
}

/// How a fine-tuning ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is done.
    Finished(Box<Finetuned>),
    /// It was stopped, and goes on from here.
    Stopped(Box<Progress>),
}

/// Fine-tunes `weights` of `model` on `queries`, from the beginning or from where the same was stopped.
///
/// A tenth of the pictures is held out; the weights kept are those that agree best with its answers, less what originals
/// are read worse than an adaptive lambda's target.
///
/// # Errors
/// [`TrainError`]; [`TrainError::Diverged`] when a loss is no number.
pub fn finetune(
    model: &Model,
    weights: &Weights,
    queries: &[Query],
    config: &FinetuneConfig,
    session: SessionConfig,
    progress: Option<Progress>,
    watch: &mut dyn Watch,
) -> Result<Outcome, TrainError> {
    let (held_out, learned) = split(queries, config.seed);
    if held_out.is_empty() || learned.is_empty() {
        return Err(TrainError::FewQueries { found: queries.len() });
    }
    let half = config.batch / 2;
    let steps_in_pass = learned.len().div_ceil(half.max(1)).max(1);
    let passes = (config.most_looks / learned.len().max(1)).clamp(LEAST_PASSES, config.most_passes.max(LEAST_PASSES));
    let steps = (passes * steps_in_pass).max(LEAST_STEPS);
    let measure_every = (steps_in_pass / 2).min(steps / LEAST_MEASUREMENTS).clamp(25, 150);

    let state = progress.as_ref().map_or_else(
        || TrainingState::untrained(weights.clone()),
        |progress| progress.state.clone(),
    );
    let begun = state.step as usize;
    let measured = originals(config, Stream::Progress);
    let mut run = Run {
        model,
        session,
        step: StepSession::new(model.clone(), config.batch, &state, session)?,
        originals: (0..config.measured_originals as u64)
            .map(|index| measured.sample(index))
            .collect(),
        held_out,
        controller: progress
            .as_ref()
            .map_or_else(|| Controller::new(config.lambda), |progress| progress.course.controller),
    };
    let mut fresh_originals =
        originals(config, Stream::Training).batches(config.batch - half, begun as u64, drawing_threads(session.device));
    let mut order = Order::new(config.seed, learned.len());
    order.skip(half * begun);

    let (mut course, mut best_weights) = match progress {
        Some(Progress { course, best, .. }) => (course, best),
        None => {
            let (before, weights) = run.measure(0)?;
            (Course::new(before, run.controller), weights)
        }
    };
    for done in begun + 1..=steps {
        let Some(fresh) = fresh_originals.next() else { break };
        let chosen: Vec<&Query> = (0..half).filter_map(|_| learned.get(order.next()?).copied()).collect();
        let report = run.step(&chosen, &fresh, learning_rate(config, done, steps))?;
        if !report.loss.is_finite() || !report.grad_norm.is_finite() {
            return Err(TrainError::Diverged {
                step: done as u64,
                loss: report.loss,
                grad_norm: report.grad_norm,
                saved: begun as u64,
            });
        }
        if done % measure_every == 0 || done == steps {
            let (measured, weights) = run.measure(done)?;
            if course.add(measured, run.controller, config.lambda) {
                best_weights = weights;
            }
            watch.measured(&measured, steps);
            if course.since_best >= config.patience {
                break;
            }
        }
        if done < steps && watch.stop() {
            return Ok(Outcome::Stopped(Box::new(Progress {
                state: run.step.state()?,
                best: best_weights,
                course,
            })));
        }
    }
    Ok(Outcome::Finished(Box::new(Finetuned {
        weights: best_weights,
        report: FinetuneReport {
            queries: learned.len(),
            held_out: run.held_out.len(),
            looks: config.batch * course.all.last().map_or(0, |last| last.step),
            before: course.before,
            after: course.best,
            course: course.all,
        },
    })))
}

fn learning_rate(config: &FinetuneConfig, done: usize, steps: usize) -> f32 {
    let rise = (done as f32 / WARMUP as f32).min(1.0);
    let fall = (1.0 - done as f32 / steps.max(1) as f32).max(FLOOR);
    config.learning_rate * rise * fall
}

fn originals(config: &FinetuneConfig, stream: Stream) -> Pictures {
    Pictures {
        style: config.original.clone(),
        seed: config.seed,
        stream,
        filtered: false,
    }
}

/// What a fine-tuning needs at each step.
struct Run<'a> {
    model: &'a Model,
    session: SessionConfig,
    step: StepSession,
    originals: Vec<Sample>,
    held_out: Vec<&'a Query>,
    controller: Controller,
}

impl Run<'_> {
    fn step(
        &mut self,
        queries: &[&Query],
        originals: &[Sample],
        learning_rate: f32,
    ) -> Result<crate::train::StepReport, TrainError> {
        // Lambda is a ratio: both sums are scaled so that the gradient's length, which is clipped, stays what it was.
        let lambda = self.controller.value();
        let (of_query, of_original) = (2.0 / (1.0 + lambda), 2.0 * lambda / (1.0 + lambda));
        let queries = queries.iter().map(|query| Example {
            image: &query.image,
            classes: query.classes.clone(),
            weight: of_query * query.weight,
        });
        let originals = originals.iter().map(|sample| Example {
            weight: of_original,
            ..Example::from(sample)
        });
        let examples: Vec<_> = queries.chain(originals).collect();
        self.step.run_weighted(&examples, learning_rate)
    }

    /// How the weights of now do, and the weights; lambda follows.
    fn measure(&mut self, step: usize) -> Result<(Measurement, Weights), TrainError> {
        let weights = self.step.state()?.weights;
        let graph = codec::encode(&self.model.recognizer(&weights)?);
        let mut recognizer = Recognizer::new(&graph, self.session)?;
        let accuracy = accuracy(&mut recognizer, &self.originals)?;
        let agreement = agreement(&mut recognizer, &self.held_out)?;
        self.controller.measured(accuracy);
        let measured = Measurement {
            step,
            lambda: self.controller.value(),
            accuracy,
            agreement,
        };
        Ok((measured, weights))
    }
}

/// Share of `queries` read as they were answered, by weight.
fn agreement(recognizer: &mut Recognizer, queries: &[&Query]) -> Result<f64, RuntimeError> {
    let (mut same, mut all) = (0.0, 0.0);
    for chunk in queries.chunks(100) {
        let images: Vec<_> = chunk.iter().map(|query| &query.image).collect();
        for (reading, query) in recognizer.read(&images)?.iter().zip(chunk) {
            let answer = query.classes.iter().filter_map(|class| character_of(*class));
            all += f64::from(query.weight);
            if reading.text.chars().eq(answer) {
                same += f64::from(query.weight);
            }
        }
    }
    Ok(if all > 0.0 { same / all } else { 0.0 })
}

/// Queries to hold out, and the others: no picture is on both sides.
fn split(queries: &[Query], seed: u64) -> (Vec<&Query>, Vec<&Query>) {
    let mut pictures: Vec<usize> = queries.iter().map(|query| query.picture).collect();
    pictures.sort_unstable();
    pictures.dedup();
    let count = (pictures.len() / HELD_OUT.0).clamp(usize::from(pictures.len() > 1), HELD_OUT.1);
    shuffle(&mut pictures, &mut ChaCha8Rng::seed_from_u64(seed));
    let held_out: HashSet<usize> = pictures.into_iter().take(count).collect();
    queries.iter().partition(|query| held_out.contains(&query.picture))
}

/// Fisher and Yates.
fn shuffle<T>(items: &mut [T], random: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        // The remainder's bias is below 2^-40 for what fits in memory.
        items.swap(last, (random.next_u64() % (last as u64 + 1)) as usize);
    }
}

/// Indices in random order, each once before any twice.
struct Order {
    random: ChaCha8Rng,
    indices: Vec<usize>,
    next: usize,
}

impl Order {
    fn new(seed: u64, count: usize) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed.wrapping_add(1));
        let mut indices: Vec<_> = (0..count).collect();
        shuffle(&mut indices, &mut random);
        Self {
            random,
            indices,
            next: 0,
        }
    }

    /// As if asked for so many.
    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.next();
        }
    }

    fn next(&mut self) -> Option<usize> {
        if self.next == self.indices.len() {
            shuffle(&mut self.indices, &mut self.random);
            self.next = 0;
        }
        self.next += 1;
        self.indices.get(self.next - 1).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_query_is_looked_at_before_any_again() {
        let mut order = Order::new(3, 7);
        let mut passes: Vec<Vec<usize>> = (0..3).map(|_| (0..7).filter_map(|_| order.next()).collect()).collect();
        assert_ne!(passes[0], passes[1]);
        for pass in &mut passes {
            pass.sort_unstable();
            assert_eq!(*pass, [0, 1, 2, 3, 4, 5, 6]);
        }
        assert_eq!(Order::new(3, 0).next(), None);
    }

    #[test]
    fn no_picture_is_held_out_and_learned() {
        let query = |picture: usize| Query {
            image: [].into(),
            picture,
            classes: vec![1],
            weight: 1.0,
            source: None,
            right: None,
        };
        // 30 pictures with three answers each.
        let queries: Vec<_> = (0..90).map(|answer| query(answer % 30)).collect();
        let (held_out, learned) = split(&queries, 1);
        assert_eq!((held_out.len(), learned.len()), (9, 81));
        assert!(held_out.iter().all(|a| learned.iter().all(|b| a.picture != b.picture)));
        let (held_out, learned) = split(&queries[..1], 1);
        assert_eq!((held_out.len(), learned.len()), (0, 1));
    }
}
