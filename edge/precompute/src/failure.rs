//! Why an order was not carried out.

use parallax_edge_shared::{image_set::SetError, job::JobError, pack::PackError};
use parallax_onnx::checkpoint::CheckpointError;

use crate::model::ModelError;

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
    /// It was trained to read other characters than are drawn.
    #[error("checkpoint: its alphabet is {found}")]
    Alphabet {
        /// What it reads.
        found: String,
    },
    /// Its files are not what they should be.
    #[error("checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
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
