//! Why an order was not carried out.

use parallax_edge_shared::{image_set::SetError, job::JobError, pack::PackError};
use parallax_onnx::bundle::BundleError;

use crate::{checkpoint::accept::Refusal, plan::ModelError};

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It makes no sense and never will.
    #[error("order refused: {0}")]
    Refused(#[from] JobError),
    /// Bucket or queue.
    #[error("platform: {0}")]
    Platform(String),
    /// The solver.
    #[error("solver: {0}")]
    Model(#[from] ModelError),
    /// A checkpoint that is not used.
    #[error("checkpoint refused: {0}")]
    Checkpoint(#[from] Refusal),
    /// What was sent is no checkpoint in one piece.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Other files were sent than are taken.
    #[error("the files sent are to be the graphs that perturb which the manifest names, and no others")]
    Files,
    /// More was sent than is taken.
    #[error("the body is too large")]
    TooLarge,
    /// A checkpoint that is not there.
    #[error("there is no such checkpoint")]
    NotStored,
    /// A model that the checkpoint does not have.
    #[error("the checkpoint has no such model")]
    Member,
    /// A generator that the checkpoint does not have.
    #[error("the checkpoint has no generator")]
    Generator,
    /// A captcha could not be perturbed.
    #[error("picture {index} of the set: {reason}")]
    Captcha {
        /// Its place in the set; not its seed, which would give the answer away.
        index: u32,
        /// Why.
        reason: String,
    },
    /// What was made does not hold together.
    #[error("pack: {0}")]
    Pack(#[from] PackError),
    /// What was made does not hold together.
    #[error("set: {0}")]
    Set(#[from] SetError),
    /// A variable of the deployment.
    #[error("configuration: {0}")]
    Configuration(&'static str),
    /// Something is not the JSON it should be.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<worker::Error> for Failure {
    fn from(error: worker::Error) -> Self {
        Self::Platform(error.to_string())
    }
}
