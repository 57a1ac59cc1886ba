//! Models on disk.

use std::{path::Path, sync::LazyLock};

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

/// The model for recordings that ships with the trainer. `None` only if it does not fit the features, which a test
/// excludes.
#[must_use]
pub fn shipped() -> Option<&'static Model> {
    static RECORDING: LazyLock<Option<Model>> =
        LazyLock::new(|| Model::from_bytes(include_bytes!("../../models/recording.bin")).ok());
    RECORDING.as_ref()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_shipped_model_fits_the_features() {
        let model = super::shipped().expect("trainer/models/recording.bin fits");
        assert!(model.judge_typical().p_bot < 0.1);
    }
}
