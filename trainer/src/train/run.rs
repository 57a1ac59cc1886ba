//! A training run from first weights to last: saved on the way, measured on held-out pictures, stopped by Ctrl-C.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use parallax_onnx::codec;

use super::{
    StateError, StepReport, StepSession, TrainConfig, TrainError, TrainingState, initial_weights, restart_recurrent,
};
use crate::{
    attack::AttackError,
    data::{
        batches::{Pictures, Sample},
        seeds::Stream,
    },
    files,
    models::Recognizer,
    runtime::{RuntimeError, SessionConfig},
    zoo::{Model, Weights},
};

/// Where a run keeps its state, and how often it saves and measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunConfig {
    /// The state file.
    pub state: PathBuf,
    /// How steps run.
    pub session: SessionConfig,
    /// Steps between two savings.
    pub save_every: u64,
    /// Steps between two measurements.
    pub measure_every: u64,
    /// Held-out pictures in a measurement.
    pub measure_on: usize,
    /// Threads that draw pictures beside the steps.
    pub drawing_threads: usize,
}

/// Who watches a run.
pub trait Observer {
    /// After each step, `done` of them.
    fn step(&mut self, done: u64, report: StepReport);
    /// After a measurement: what [`Learner::measure`] said.
    fn measured(&mut self, done: u64, accuracy: f64);
    /// Whether to stop after this step.
    fn stop(&self) -> bool;
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// All steps are done.
    Finished(Weights),
    /// It was stopped; the state file holds `done` steps.
    Stopped {
        /// Steps done.
        done: u64,
    },
}

/// The state to go on from: the saved one, `None` if there is no state file.
///
/// # Errors
/// [`TrainError::State`] when the file is damaged, [`TrainError::OtherRun`] when it is of another configuration.
pub fn saved_state(path: &Path, config: &TrainConfig) -> Result<Option<TrainingState>, TrainError> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(files::io_error("read", path))?,
    };
    let state_error = |reason: StateError| TrainError::State {
        path: path.to_owned(),
        reason,
    };
    let (saved, state) = TrainingState::decode(&bytes).map_err(state_error)?;
    if saved != *config {
        return Err(TrainError::OtherRun {
            path: path.to_owned(),
            difference: saved.difference(config),
        });
    }
    Ok(Some(state))
}

/// What a run trains.
pub trait Learner {
    /// What a step learns from.
    type Batch;

    /// One step along the gradient of a batch.
    ///
    /// # Errors
    /// [`TrainError`].
    fn step(&mut self, batch: &Self::Batch, learning_rate: f32) -> Result<StepReport, TrainError>;

    /// A copy of the state.
    ///
    /// # Errors
    /// [`TrainError`].
    fn state(&self) -> Result<TrainingState, TrainError>;

    /// The share of held-out pictures that are read right with the weights as they are now: the more the better of a model, the
    /// fewer of a generator.
    ///
    /// # Errors
    /// [`TrainError`].
    fn measure(&self) -> Result<f64, TrainError>;

    /// Begins some layers anew, where a configuration has [`TrainConfig::feature_steps`].
    ///
    /// # Errors
    /// [`TrainError`].
    fn restart(&mut self) -> Result<(), TrainError> {
        Ok(())
    }
}

/// Trains a model from `state` to the end of the run, or until the observer stops it.
///
/// # Errors
/// [`TrainError`]; the state file then holds the last good state.
pub fn run(
    model: &Model,
    config: &TrainConfig,
    settings: &RunConfig,
    state: Option<TrainingState>,
    observer: &mut impl Observer,
) -> Result<Outcome, TrainError> {
    let state = state.unwrap_or_else(|| TrainingState::untrained(initial_weights(model, config.seed)));
    let done = state.step;
    let mut reader = Reader {
        model,
        config,
        settings,
        step: step_session(model, config, settings, &state)?,
        held_out: held_out(config, Stream::Progress, settings.measure_on),
    };
    let batches = pictures(config, Stream::Training).batches(config.batch, done, settings.drawing_threads);
    drive(&mut reader, batches, done, config, settings, observer)
}

/// Trains `learner`, whose state is that after `done` steps, on `batches`, to the end of the run, or until the observer stops
/// it.
///
/// # Errors
/// [`TrainError`]; the state file then holds the last good state.
pub fn drive<L: Learner>(
    learner: &mut L,
    mut batches: impl Iterator<Item = L::Batch>,
    mut done: u64,
    config: &TrainConfig,
    settings: &RunConfig,
    observer: &mut impl Observer,
) -> Result<Outcome, TrainError> {
    let mut saved = done;
    while done < config.steps() {
        let Some(batch) = batches.next() else { break };
        if done > 0 && done == config.feature_steps {
            // What is saved meanwhile is the state before, so that a run that goes on from there comes here again.
            learner.restart()?;
        }
        let report = learner.step(&batch, config.learning_rate_after(done))?;
        done += 1;
        let diverged = |saved| TrainError::Diverged {
            step: done,
            loss: report.loss,
            grad_norm: report.grad_norm,
            saved,
        };
        if !report.loss.is_finite() || !report.grad_norm.is_finite() {
            return Err(diverged(saved));
        }
        observer.step(done, report);
        let last = done == config.steps();
        let stop = !last && observer.stop();
        if stop || last || done.is_multiple_of(settings.save_every.max(1)) {
            let state = learner.state()?;
            if !state.is_finite() {
                return Err(diverged(saved));
            }
            save(&state, config, &settings.state)?;
            saved = done;
        }
        if stop {
            return Ok(Outcome::Stopped { done });
        }
        if done.is_multiple_of(settings.measure_every.max(1)) {
            match learner.measure() {
                Err(TrainError::Attack(AttackError::Interrupted)) => {
                    save(&learner.state()?, config, &settings.state)?;
                    return Ok(Outcome::Stopped { done });
                }
                measured => observer.measured(done, measured?),
            }
        }
    }
    Ok(Outcome::Finished(learner.state()?.weights))
}

fn save(state: &TrainingState, config: &TrainConfig, path: &Path) -> Result<(), TrainError> {
    let bytes = state.encode(config).map_err(|reason| TrainError::State {
        path: path.to_owned(),
        reason,
    })?;
    Ok(files::write(path, &bytes)?)
}

/// A model that learns to read.
struct Reader<'a> {
    model: &'a Model,
    config: &'a TrainConfig,
    settings: &'a RunConfig,
    step: StepSession,
    held_out: Vec<Sample>,
}

fn step_session(
    model: &Model,
    config: &TrainConfig,
    settings: &RunConfig,
    state: &TrainingState,
) -> Result<StepSession, TrainError> {
    let mut step = StepSession::new(model.clone(), config.batch, state, settings.session)?;
    step.count_from(config.adam_origin(state.step));
    Ok(step)
}

impl Learner for Reader<'_> {
    type Batch = Vec<Sample>;

    fn step(&mut self, batch: &Vec<Sample>, learning_rate: f32) -> Result<StepReport, TrainError> {
        self.step.run(batch, learning_rate)
    }

    fn state(&self) -> Result<TrainingState, TrainError> {
        self.step.state()
    }

    fn measure(&self) -> Result<f64, TrainError> {
        let graph = codec::encode(&self.model.recognizer(&self.step.state()?.weights)?);
        Ok(accuracy(
            &mut Recognizer::new(&graph, self.settings.session)?,
            &self.held_out,
        )?)
    }

    /// Goes on with new recurrent layers.
    fn restart(&mut self) -> Result<(), TrainError> {
        let mut state = self.step.state()?;
        restart_recurrent(self.model, self.config.seed, &mut state);
        self.step = step_session(self.model, self.config, self.settings, &state)?;
        Ok(())
    }
}

/// The share of `samples` that a recogniser reads right.
///
/// # Errors
/// [`RuntimeError`] when it cannot be run.
pub fn accuracy(recognizer: &mut Recognizer, samples: &[Sample]) -> Result<f64, RuntimeError> {
    let mut right = 0;
    for chunk in samples.chunks(MEASURED_AT_ONCE) {
        let images: Vec<_> = chunk.iter().map(|sample| &sample.image).collect();
        let readings = recognizer.read(&images)?;
        right += readings
            .iter()
            .zip(chunk)
            .filter(|(reading, sample)| reading.is(&sample.label))
            .count();
    }
    Ok(right as f64 / samples.len().max(1) as f64)
}

/// Pictures that a measurement reads in one batch.
const MEASURED_AT_ONCE: usize = 100;

/// `count` pictures that no training step sees.
#[must_use]
pub fn held_out(config: &TrainConfig, stream: Stream, count: usize) -> Vec<Sample> {
    let pictures = pictures(config, stream);
    (0..count as u64).map(|index| pictures.sample(index)).collect()
}

fn pictures(config: &TrainConfig, stream: Stream) -> Pictures {
    Pictures {
        style: config.style.clone(),
        seed: config.seed,
        stream,
        // Accuracy is that on captchas as they are.
        filtered: config.filtered && stream == Stream::Training,
    }
}
