//! A checkpoint gets a generator.

use std::path::Path;

use parallax_onnx::{
    checkpoint::{self, File, GENERATOR},
    codec,
};

use crate::{
    files::PendingFolder,
    models::{Checkpoint, CheckpointError, MANIFEST},
    train::TrainError,
    zoo::{Generator, Weights},
};

/// Why no checkpoint was made.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The checkpoint that gets it cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The graph cannot be built, or the folder not be written.
    #[error(transparent)]
    Train(#[from] TrainError),
}

/// Writes the checkpoint `of`, whose digest is `parent`, with this generator in place of any that it had, to the folder `out`.
///
/// # Errors
/// [`ExportError`]; there is then no such folder.
pub fn export(
    (of, parent): (&Checkpoint, &str),
    generator: &Generator,
    weights: &Weights,
    about: checkpoint::Generator,
    out: &Path,
) -> Result<(), ExportError> {
    let graph = generator.direction(weights).map_err(TrainError::from)?;
    let graph = codec::encode(&graph);
    let mut manifest = of.manifest().clone();
    manifest.generator = Some(about);
    manifest.files.insert(GENERATOR.to_owned(), File::of(&graph));
    manifest.parent = Some(parent.to_owned());
    let folder = PendingFolder::create(out).map_err(TrainError::from)?;
    for name in manifest.files.keys().filter(|name| *name != GENERATOR) {
        folder.write(name, &of.file(name)?).map_err(TrainError::from)?;
    }
    folder.write(GENERATOR, &graph).map_err(TrainError::from)?;
    let json = serde_json::to_vec_pretty(&manifest).map_err(|error| TrainError::Manifest(error.to_string()))?;
    folder.write(MANIFEST, &json).map_err(TrainError::from)?;
    Ok(folder.commit().map_err(TrainError::from)?)
}
