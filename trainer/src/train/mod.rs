//! Training: the one-graph step on ONNX Runtime, saved and resumed, exported as a checkpoint.

mod buffers;
mod config;
mod export;
mod in_place;
mod initial;
mod run;
pub mod state;
pub(crate) mod step;

use std::path::PathBuf;

use parallax_onnx::{GraphError, ctc::CtcError};

use crate::{attack::AttackError, files::FilesError, runtime::RuntimeError, zoo::WeightsError};

pub use config::TrainConfig;
pub use export::{Provenance, export, unseen_accuracy};
pub use in_place::{InPlace, StepGraph};
pub use initial::{initial_weights, restart_recurrent, seeded_weights};
pub use run::{Learner, Observer, Outcome, RunConfig, accuracy, drive, held_out, run, saved_state};
pub use state::{StateError, TrainingState};
pub use step::{Example, StepReport, StepSession};

/// What a run that diverged leaves.
fn kept(saved: u64) -> String {
    match saved {
        0 => "nothing of it was saved".to_owned(),
        saved => format!("the state after step {saved} is kept"),
    }
}

/// Why training stopped or could not begin.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// ONNX Runtime.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// A file could not be read or written.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The model's graph cannot be built.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// Weights of another model.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A label that the model has no room for.
    #[error(transparent)]
    Label(#[from] CtcError),
    /// Captchas to measure a generator on were not perturbed.
    #[error(transparent)]
    Attack(#[from] AttackError),
    /// A batch of another size.
    #[error("a batch has {found} values or pictures where the step takes {expected}")]
    Batch {
        /// Values that the step takes.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// Nothing to learn from, once some is held out.
    #[error("{found} usable queries are too few: one is to be held out")]
    FewQueries {
        /// How many there are.
        found: usize,
    },
    /// The loss or the gradient is no number any more.
    #[error(
        "training diverged at step {step} (loss {loss}, gradient {grad_norm}); {}",
        kept(*.saved)
    )]
    Diverged {
        /// The step.
        step: u64,
        /// Its loss.
        loss: f32,
        /// Length of its gradient.
        grad_norm: f32,
        /// The last step whose state was saved; 0 is none.
        saved: u64,
    },
    /// The manifest has no JSON form.
    #[error("manifest: {0}")]
    Manifest(String),
    /// A state file cannot be used.
    #[error("{} {reason}: discard it with --fresh", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: StateError,
    },
    /// What was kept of a fine-tuning cannot be used.
    #[error("{} {reason}: remove it to begin anew", path.display())]
    Kept {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: StateError,
    },
    /// A state file is of a run with other settings.
    #[error("{} is an interrupted run with {difference}: repeat it with those settings, or discard it with --fresh", path.display())]
    OtherRun {
        /// The file.
        path: PathBuf,
        /// Settings of the saved run that differ.
        difference: String,
    },
}
