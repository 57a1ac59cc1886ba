//! Models on disk.

use std::path::Path;

use parallax_captcha::risk::model::{Model, ModelError};

use crate::files::{self, FilesError};

/// Why a model cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ModelFileError {
    /// The file.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// What is in it.
    #[error("{path}: {source}")]
    Model {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: ModelError,
    },
}

/// The model in a file.
///
/// # Errors
/// [`ModelFileError`] naming the file.
pub fn read(path: &Path) -> Result<Model, ModelFileError> {
    let bytes = files::read(path)?;
    Model::from_bytes(&bytes).map_err(|source| ModelFileError::Model {
        path: path.display().to_string(),
        source,
    })
}
