//! Training: the same seed gives the same bits, an interrupted run too, and a run that diverges says so.

use std::path::Path;

use parallax_captcha::text::{SCHEME_VERSION, Style};
use parallax_trainer::{
    train::{self, Observer, Outcome, RunConfig, StepReport, StepSession, TrainConfig, TrainError, TrainingState},
    zoo::{Architecture, Model, Weights},
};
use tempfile::TempDir;

use crate::{CPU, Untrained, samples};

fn crnn() -> Model {
    Architecture::Crnn.model().unwrap()
}

fn config() -> TrainConfig {
    TrainConfig {
        model: "crnn".to_owned(),
        samples: 48,
        seed: 5,
        batch: 8,
        learning_rate: 1e-3,
        warmup: 2,
        floor: 0.02,
        feature_steps: 2,
        cycles: 1,
        threads: CPU.threads,
        style: Style::default(),
        filtered: false,
        perturb: None,
        scheme_version: SCHEME_VERSION,
        from: None,
    }
}

fn run_config(folder: &Path) -> RunConfig {
    RunConfig {
        state: folder.join("state"),
        session: CPU,
        save_every: 2,
        measure_every: 4,
        measure_on: 3,
        drawing_threads: 2,
    }
}

/// Stops a run after some steps.
struct Watch {
    stop_after: u64,
    done: u64,
    losses: Vec<f32>,
}

impl Watch {
    fn until(stop_after: u64) -> Self {
        let losses = Vec::new();
        Self {
            stop_after,
            done: 0,
            losses,
        }
    }
}

impl Observer for Watch {
    fn step(&mut self, done: u64, report: StepReport) {
        self.done = done;
        self.losses.push(report.loss);
    }

    fn measured(&mut self, done: u64, accuracy: f64) {
        assert!(done == 4 && (0.0..=1.0).contains(&accuracy));
    }

    fn stop(&self) -> bool {
        self.done >= self.stop_after
    }
}

fn finished(outcome: Outcome) -> Weights {
    match outcome {
        Outcome::Finished(weights) => weights,
        Outcome::Stopped { done } => panic!("stopped after {done}"),
    }
}

fn trained(watch: &mut Watch) -> Weights {
    let folder = TempDir::new().unwrap();
    finished(train::run(&crnn(), &config(), &run_config(folder.path()), None, watch).unwrap())
}

#[test]
fn a_seed_gives_the_same_weights_and_a_stop_changes_nothing() {
    let mut watch = Watch::until(u64::MAX);
    let weights = trained(&mut watch);
    assert_eq!(watch.losses.len(), 6);
    assert!(weights == trained(&mut Watch::until(u64::MAX)), "two runs differ");

    let folder = TempDir::new().unwrap();
    let (model, run) = (crnn(), run_config(folder.path()));
    // Just before the recurrent layers begin anew, and after it.
    for stop in [2, 3] {
        let stopped = train::run(&model, &config(), &run, None, &mut Watch::until(stop)).unwrap();
        assert_eq!(stopped, Outcome::Stopped { done: stop });
        let saved = train::saved_state(&run.state, &config()).unwrap();
        assert_eq!(saved.as_ref().map(|state| state.step), Some(stop));
        let resumed = train::run(&model, &config(), &run, saved, &mut Watch::until(u64::MAX)).unwrap();
        assert!(
            weights == finished(resumed),
            "a run that was stopped after {stop} steps differs"
        );
    }

    let other = TrainConfig { seed: 6, ..config() };
    let error = train::saved_state(&run.state, &other).unwrap_err().to_string();
    assert!(error.contains("an interrupted run with seed 5"), "{error}");
}

#[test]
fn a_batch_is_learned_by_heart() {
    let weights = Untrained::new(5).weights;
    let mut step = StepSession::new(crnn(), 4, &TrainingState::untrained(weights), CPU).unwrap();
    let batch = samples(4);
    let mut losses: Vec<f32> = (0..40).map(|_| step.run(&batch, 1e-3).unwrap().loss).collect();
    assert!(losses.iter().all(|loss| loss.is_finite()));
    let last = losses.split_off(35);
    assert!(last.iter().all(|loss| *loss < 0.5 * losses[0]), "{losses:?} {last:?}");
    assert!(matches!(step.run(&samples(3), 1e-3), Err(TrainError::Batch { .. })));
}

#[test]
fn a_run_that_diverges_keeps_its_last_good_state() {
    let folder = TempDir::new().unwrap();
    let (run, config) = (
        run_config(folder.path()),
        TrainConfig {
            learning_rate: 1e20,
            ..config()
        },
    );
    let run = RunConfig { save_every: 1, ..run };
    let error = train::run(&crnn(), &config, &run, None, &mut Watch::until(u64::MAX)).unwrap_err();
    assert!(matches!(error, TrainError::Diverged { saved: 1, .. }), "{error:?}");
    let state = train::saved_state(&run.state, &config)
        .unwrap()
        .expect("step 1 was saved");
    assert!(state.is_finite());
}
