//! Whether a checkpoint is used: who signed it, whether its files are those that were signed, and whether the solver of
//! this edge can be made of them. Checked when it is sent, and again whenever it is read from the bucket.

use parallax_captcha::{
    alphabet::{ALPHABET, CLASSES},
    perturb::{FRAMES, GradientModel, MODEL_HEIGHT, MODEL_WIDTH},
    text::{Style, draw, model_input},
};
use parallax_onnx::{
    checkpoint::{ATTACK, CheckpointError, Manifest, read_manifest, verify},
    signature::{PublicKey, Signature, SignatureError, signer},
};
use worker::Env;

use crate::model::{AttackModel, ModelError};

/// Variable that names the keys, see [`PublicKey::parse_list`].
const KEYS: &str = "CHECKPOINT_KEYS";

/// What a checkpoint says about itself, and who says so. Nothing of it is verified.
pub struct Claim {
    /// Bytes of the manifest.
    pub manifest: Vec<u8>,
    /// Of the manifest.
    pub signature: Signature,
}

/// Why a checkpoint is not used.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No key is configured.
    #[error("this edge names no key that checkpoints are signed with: set CHECKPOINT_KEYS")]
    NoKeys,
    /// What is configured is no list of keys.
    #[error("CHECKPOINT_KEYS: {0}")]
    Keys(SignatureError),
    /// The manifest cannot be read, or is of another version.
    #[error("manifest.json: {0}")]
    Manifest(CheckpointError),
    /// None of the keys signed it.
    #[error("manifest.json was not signed with a key of this edge")]
    Signature,
    /// The graph is not the one of the manifest, or does not fit its role.
    #[error("attack.onnx: {0}")]
    Attack(CheckpointError),
    /// It was trained to read other characters than are drawn.
    #[error("its alphabet is {found}, drawn are {ALPHABET}")]
    Alphabet {
        /// What it reads.
        found: String,
    },
    /// It reads pictures of another size.
    #[error("it reads pictures of {input:?} in {frames} frames, not [1, {MODEL_HEIGHT}, {MODEL_WIDTH}] in {FRAMES}")]
    Input {
        /// Channels, height, width.
        input: [usize; 3],
        /// Frames of its logits.
        frames: usize,
    },
    /// The runtime does not load it.
    #[error("attack.onnx does not load: {0}")]
    Load(ModelError),
    /// The runtime does not run it.
    #[error("attack.onnx does not run: {0}")]
    Run(ModelError),
    /// It computes infinities or no numbers.
    #[error("attack.onnx computes numbers that are not finite")]
    NotFinite,
}

impl Refusal {
    /// What of the checkpoint is wrong, for an admin; `None` where it is not the checkpoint.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::NoKeys | Self::Keys(_) => None,
            Self::Manifest(CheckpointError::FormatVersion { .. }) => Some("manifest.format_version"),
            Self::Manifest(_) => Some("manifest"),
            Self::Signature => Some("signature"),
            Self::Alphabet { .. } => Some("manifest.alphabet"),
            Self::Input { .. } => Some("manifest.input"),
            Self::Attack(_) | Self::Load(_) | Self::Run(_) | Self::NotFinite => Some("files.attack.onnx"),
        }
    }
}

fn keys(env: &Env) -> Result<Vec<PublicKey>, Refusal> {
    let list = env.var(KEYS).map(|keys| keys.to_string()).unwrap_or_default();
    let keys = PublicKey::parse_list(&list).map_err(Refusal::Keys)?;
    if keys.is_empty() {
        Err(Refusal::NoKeys)
    } else {
        Ok(keys)
    }
}

/// Reads a manifest, and says which of this edge's keys signed it.
///
/// # Errors
/// [`Refusal::Manifest`], [`Refusal::NoKeys`], [`Refusal::Keys`], [`Refusal::Signature`].
pub fn signed(claim: &Claim, env: &Env) -> Result<(Manifest, PublicKey), Refusal> {
    let manifest = read_manifest(&claim.manifest).map_err(Refusal::Manifest)?;
    let keys = keys(env)?;
    let key = signer(&keys, &claim.manifest, &claim.signature).ok_or(Refusal::Signature)?;
    Ok((manifest, *key))
}

/// Makes the solver of a manifest's attack graph; takes about a second.
///
/// # Errors
/// [`Refusal`], from cheap checks to costly ones.
pub fn model(manifest: &Manifest, attack: &[u8]) -> Result<AttackModel, Refusal> {
    verify(manifest, ATTACK, attack).map_err(Refusal::Attack)?;
    if manifest.alphabet != ALPHABET {
        return Err(Refusal::Alphabet {
            found: manifest.alphabet.clone(),
        });
    }
    let expected = [1, MODEL_HEIGHT as usize, MODEL_WIDTH as usize];
    if manifest.input != expected || manifest.frames != FRAMES {
        return Err(Refusal::Input {
            input: manifest.input,
            frames: manifest.frames,
        });
    }
    AttackModel::load(attack).map_err(Refusal::Load)
}

/// Asks the solver once: what loads may still not run, or run to no numbers.
///
/// # Errors
/// [`Refusal::Run`], [`Refusal::NotFinite`].
pub fn try_out(model: &mut AttackModel) -> Result<(), Refusal> {
    let captcha = draw(&Style::default(), 1);
    let gradient = model.gradient(&model_input(&captcha.image), &captcha.label, &[0.0; FRAMES * CLASSES]);
    let gradient = gradient.map_err(Refusal::Run)?;
    let mut numbers = gradient.image.iter().chain(gradient.logits.iter().flatten()).chain([&gradient.loss]);
    if numbers.all(|number| number.is_finite()) {
        Ok(())
    } else {
        Err(Refusal::NotFinite)
    }
}
