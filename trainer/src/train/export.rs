//! What training leaves: a checkpoint folder with `manifest.json`, `recognizer.onnx` and `attack.onnx`.

use std::{collections::BTreeMap, path::PathBuf};

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
    zoo::{Crnn, Weights},
};

/// What is exported, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportConfig {
    /// The folder to make.
    pub out: PathBuf,
    /// The command that made the weights, for the manifest.
    pub command: String,
    /// Unseen pictures that the accuracy in the manifest is measured on.
    pub unseen: usize,
    /// How the recogniser is run for that.
    pub session: SessionConfig,
}

/// Writes the checkpoint of trained weights, and returns the share of unseen pictures that its recogniser reads right,
/// as ONNX Runtime runs it from its file.
///
/// # Errors
/// [`TrainError`]; there is then no such folder.
pub fn export(model: &Crnn, weights: &Weights, config: &TrainConfig, export: &ExportConfig) -> Result<f64, TrainError> {
    let recognizer = codec::encode(&model.recognizer(weights)?);
    let attack = codec::encode(&model.attack(weights)?);
    let unseen = held_out(config, Stream::Final, export.unseen);
    let accuracy = accuracy(&mut Recognizer::new(&recognizer, export.session)?, &unseen)?;
    let sizes = model.config();
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        architecture: config.model.clone(),
        alphabet: ALPHABET.to_owned(),
        input: [1, sizes.height, sizes.width],
        frames: model.frames(),
        opset: codec::OPSET,
        files: [(RECOGNIZER, &recognizer), (ATTACK, &attack)]
            .map(|(name, bytes)| (name.to_owned(), File::of(bytes)))
            .into(),
        metrics: BTreeMap::from([
            ("accuracy".to_owned(), accuracy),
            ("accuracy_count".to_owned(), export.unseen as f64),
        ]),
        parent: None,
        training: Some(Training {
            command: export.command.clone(),
            seed: config.seed,
            samples: config.samples,
        }),
    };
    let manifest = serde_json::to_vec_pretty(&manifest).map_err(|error| TrainError::Manifest(error.to_string()))?;
    let folder = PendingFolder::create(&export.out)?;
    folder.write(RECOGNIZER, &recognizer)?;
    folder.write(ATTACK, &attack)?;
    folder.write(MANIFEST, &manifest)?;
    folder.commit()?;
    Ok(accuracy)
}
