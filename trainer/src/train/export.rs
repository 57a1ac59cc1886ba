//! What training leaves: a checkpoint folder with `manifest.json`, `recognizer.onnx` and `attack.onnx`.

use std::{collections::BTreeMap, path::Path};

use parallax_captcha::alphabet::ALPHABET;
use parallax_onnx::{
    checkpoint::{ATTACK, FORMAT_VERSION, File, Manifest, RECOGNIZER, Training},
    codec,
};

use super::{TrainConfig, TrainError, accuracy, held_out};
use crate::{
    data::seeds::Stream,
    files::PendingFolder,
    models::{MANIFEST, Recognizer},
    runtime::SessionConfig,
    zoo::{Model, Weights},
};

/// What a manifest says besides what the weights themselves tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Provenance {
    /// Name of the architecture.
    pub architecture: String,
    /// What was measured.
    pub metrics: BTreeMap<String, f64>,
    /// SHA-256 of the manifest that training began from.
    pub parent: Option<String>,
    /// How the weights were made.
    pub training: Training,
}

/// Writes the checkpoint of weights to the folder `out`.
///
/// # Errors
/// [`TrainError`]; there is then no such folder.
pub fn export(model: &Model, weights: &Weights, provenance: Provenance, out: &Path) -> Result<(), TrainError> {
    let recognizer = codec::encode(&model.recognizer(weights)?);
    let attack = codec::encode(&model.attack(weights)?);
    let sizes = model.config();
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        architecture: provenance.architecture,
        alphabet: ALPHABET.to_owned(),
        input: [1, sizes.height, sizes.width],
        frames: model.frames(),
        opset: codec::OPSET,
        files: [(RECOGNIZER, &recognizer), (ATTACK, &attack)]
            .map(|(name, bytes)| (name.to_owned(), File::of(bytes)))
            .into(),
        metrics: provenance.metrics,
        parent: provenance.parent,
        training: Some(provenance.training),
        members: Vec::new(),
        generator: None,
    };
    let manifest = serde_json::to_vec_pretty(&manifest).map_err(|error| TrainError::Manifest(error.to_string()))?;
    let folder = PendingFolder::create(out)?;
    folder.write(RECOGNIZER, &recognizer)?;
    folder.write(ATTACK, &attack)?;
    folder.write(MANIFEST, &manifest)?;
    Ok(folder.commit()?)
}

/// The share of `unseen` pictures of a run that its weights read right, as ONNX Runtime runs the exported recogniser.
///
/// # Errors
/// [`TrainError`] when it cannot be run.
pub fn unseen_accuracy(
    model: &Model,
    weights: &Weights,
    config: &TrainConfig,
    unseen: usize,
    session: SessionConfig,
) -> Result<f64, TrainError> {
    let recognizer = codec::encode(&model.recognizer(weights)?);
    let unseen = held_out(config, Stream::Final, unseen);
    Ok(accuracy(&mut Recognizer::new(&recognizer, session)?, &unseen)?)
}
