//! Whether a checkpoint is used: who signed it, whether its files are those that were signed, and whether the solver of
//! this edge can be made of them. Checked when it is sent, and again whenever it is read from the bucket.

use parallax_captcha::{
    alphabet::{ALPHABET, CLASSES},
    perturb::{self, DirectionModel, Ensemble, EnsembleError, FRAMES, GradientModel, MODEL_HEIGHT, MODEL_WIDTH},
    text::{Style, draw, model_input},
};
use parallax_onnx::{
    checkpoint::{CheckpointError, GENERATOR, Manifest, Member, read_manifest, verify},
    signature::{PublicKey, Signature, SignatureError, signer},
};
use worker::Env;

use crate::{
    model::{AttackModel, GeneratorModel, Models},
    plan::ModelError,
};

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
    /// Models that are no ensemble.
    #[error("members: {0}")]
    Members(#[from] EnsembleError),
    /// A graph is not there.
    #[error("{file} is missing")]
    Missing {
        /// Which.
        file: String,
    },
    /// A graph is not the one of the manifest, or does not fit its role.
    #[error("{file}: {reason}")]
    Graph {
        /// Which.
        file: String,
        /// Why.
        reason: CheckpointError,
    },
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
    /// The runtime does not load a graph.
    #[error("{file} does not load: {reason}")]
    Load {
        /// Which.
        file: String,
        /// Why.
        reason: ModelError,
    },
    /// The runtime does not run a graph.
    #[error("{file} does not run: {reason}")]
    Run {
        /// Which.
        file: String,
        /// Why.
        reason: ModelError,
    },
    /// A graph computes infinities or no numbers.
    #[error("{file} computes numbers that are not finite")]
    NotFinite {
        /// Which.
        file: String,
    },
}

impl Refusal {
    /// What of the checkpoint is wrong, for an admin; `None` where it is not the checkpoint.
    #[must_use]
    pub fn field(&self) -> Option<String> {
        let field = match self {
            Self::NoKeys | Self::Keys(_) => return None,
            Self::Manifest(CheckpointError::FormatVersion { .. }) => "manifest.format_version",
            Self::Manifest(CheckpointError::Members(_)) | Self::Members(_) => "manifest.members",
            Self::Manifest(_) => "manifest",
            Self::Signature => "signature",
            Self::Alphabet { .. } => "manifest.alphabet",
            Self::Input { .. } => "manifest.input",
            Self::Missing { file }
            | Self::Graph { file, .. }
            | Self::Load { file, .. }
            | Self::Run { file, .. }
            | Self::NotFinite { file } => return Some(format!("files.{file}")),
        };
        Some(field.to_owned())
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

/// Makes the solver of a manifest's graphs that perturb, by name; takes about a second each.
///
/// # Errors
/// [`Refusal`], from cheap checks to costly ones.
pub fn models<'a>(manifest: &Manifest, graphs: impl Fn(&str) -> Option<&'a [u8]>) -> Result<Models, Refusal> {
    let members = manifest.members();
    let bytes = |file: &str| graphs(file).ok_or_else(|| Refusal::Missing { file: file.to_owned() });
    for file in manifest.attack_files() {
        verify(manifest, &file, bytes(&file)?).map_err(|reason| Refusal::Graph { file, reason })?;
    }
    if manifest.alphabet != ALPHABET {
        return Err(Refusal::Alphabet {
            found: manifest.alphabet.clone(),
        });
    }
    let expected = [1, MODEL_HEIGHT as usize, MODEL_WIDTH as usize];
    let other_frames = members.iter().find(|member| member.frames != FRAMES);
    if manifest.input != expected || other_frames.is_some() {
        return Err(Refusal::Input {
            input: manifest.input,
            frames: other_frames.map_or(FRAMES, |member| member.frames),
        });
    }
    let does_not_load = |file: &str| {
        let file = file.to_owned();
        move |reason| Refusal::Load { file, reason }
    };
    let load = |member: &Member| -> Result<_, Refusal> {
        let file = &member.attack;
        Ok(perturb::Member {
            model: AttackModel::load(bytes(file)?).map_err(does_not_load(file))?,
            weight: member.weight,
        })
    };
    let models = members.iter().map(load).collect::<Result<_, Refusal>>()?;
    let generator = match &manifest.generator {
        Some(_) => Some(GeneratorModel::load(bytes(GENERATOR)?).map_err(does_not_load(GENERATOR))?),
        None => None,
    };
    Ok(Models {
        generator,
        models: Ensemble::new(models)?,
    })
}

/// Asks each model once: what loads may still not run, or run to no numbers.
///
/// # Errors
/// [`Refusal::Run`], [`Refusal::NotFinite`].
pub fn try_out(models: &mut Models, manifest: &Manifest) -> Result<(), Refusal> {
    let captcha = draw(&Style::default(), 1);
    let image = model_input(&captcha.image);
    if let Some(generator) = &mut models.generator {
        let file = || GENERATOR.to_owned();
        let direction = generator.direction(&image);
        let direction = direction.map_err(|reason| Refusal::Run { file: file(), reason })?;
        if !direction.iter().all(|number| number.is_finite()) {
            return Err(Refusal::NotFinite { file: file() });
        }
    }
    for (index, Member { attack: file, .. }) in manifest.members().into_iter().enumerate() {
        let Some(model) = models.models.member_mut(index) else {
            break;
        };
        let gradient = match model.gradient(&image, &captcha.label, &[0.0; FRAMES * CLASSES]) {
            Ok(gradient) => gradient,
            Err(reason) => return Err(Refusal::Run { file, reason }),
        };
        let logits = gradient.logits.iter().flatten();
        if !gradient
            .image
            .iter()
            .chain(logits)
            .chain([&gradient.loss])
            .all(|number| number.is_finite())
        {
            return Err(Refusal::NotFinite { file });
        }
    }
    Ok(())
}
