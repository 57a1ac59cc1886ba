//! Checkpoints: `manifest.json` beside `recognizer.onnx` and `attack.onnx`. Over bytes only; where they lie is the
//! caller's business.
//!
//! A file is used only after [`verify`] has found it to be the one that the manifest names, made of our operators, with
//! the inputs and outputs that its role asks for.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::codec::{self, DecodeError};
use crate::graph::{Dim, Graph};

/// The manifest's version that this code writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// Name of the graph that reads captchas.
pub const RECOGNIZER: &str = "recognizer.onnx";

/// Name of the graph that attacks are computed with.
pub const ATTACK: &str = "attack.onnx";

/// Name of the graph that says where a perturbation begins.
pub const GENERATOR: &str = "generator.onnx";

/// The most models of an ensemble: the two that ship, and the two that they become by learning from attackers. At the edge the first two
/// take 23 MB of linear memory, all four less than 100 MB.
pub const MAX_MEMBERS: usize = 4;

/// Manifests larger than this are refused.
pub const MAX_MANIFEST_BYTES: usize = 64 * 1024;

/// What a checkpoint says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Name of the architecture in the trainer's zoo.
    pub architecture: String,
    /// Characters of classes 1, 2, ...; class 0 is the blank.
    pub alphabet: String,
    /// Channels, height, width of the input.
    pub input: [usize; 3],
    /// Frames T of the logits.
    pub frames: usize,
    /// Version of ONNX's operators.
    pub opset: i64,
    /// The files, by name.
    pub files: BTreeMap<String, File>,
    /// What was measured, by name.
    pub metrics: BTreeMap<String, f64>,
    /// SHA-256 of the manifest of the checkpoint that this one was trained from.
    pub parent: Option<String>,
    /// How it was made.
    pub training: Option<Training>,
    /// The models of an ensemble, which take turns at the gradients; empty of a single one, and else its first is what
    /// the fields above are about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
    /// What stands for gradients of these models in one forward pass, if anything does: the file [`GENERATOR`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<Generator>,
}

/// What a checkpoint says about its generator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generator {
    /// Name of its architecture.
    pub architecture: String,
    /// What was measured, by name.
    pub metrics: BTreeMap<String, f64>,
    /// How it was made.
    pub training: Training,
}

/// A model of a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Name of the architecture in the trainer's zoo.
    pub architecture: String,
    /// Frames T of the logits.
    pub frames: usize,
    /// The file that reads captchas.
    pub recognizer: String,
    /// The file that attacks are computed with.
    pub attack: String,
    /// Its share of the gradients, beside the others' weights.
    pub weight: f32,
    /// What was measured, by name.
    pub metrics: BTreeMap<String, f64>,
    /// How it was made.
    pub training: Option<Training>,
}

impl Manifest {
    /// Its models, at least one.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        if self.members.is_empty() {
            vec![self.first()]
        } else {
            self.members.clone()
        }
    }

    /// Names of the graphs that perturb: each model's, and the generator's. The edge has no use for recognisers.
    #[must_use]
    pub fn attack_files(&self) -> Vec<String> {
        let attacks = self.members().into_iter().map(|member| member.attack);
        let generator = self.generator.iter().map(|_| GENERATOR.to_owned());
        attacks.chain(generator).collect()
    }

    /// The first of its models.
    #[must_use]
    pub fn first(&self) -> Member {
        self.members.first().cloned().unwrap_or_else(|| Member {
            architecture: self.architecture.clone(),
            frames: self.frames,
            recognizer: RECOGNIZER.to_owned(),
            attack: ATTACK.to_owned(),
            weight: 1.0,
            metrics: self.metrics.clone(),
            training: self.training.clone(),
        })
    }
}

/// A file of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// How many bytes it has.
    pub bytes: usize,
}

/// How a checkpoint was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// The command line.
    pub command: String,
    /// Seed of weights and samples.
    pub seed: u64,
    /// Images seen.
    pub samples: u64,
}

/// Why a checkpoint is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CheckpointError {
    /// The manifest is not JSON of the documented form.
    #[error("the manifest cannot be read: {0}")]
    Manifest(String),
    /// The manifest is of another version.
    #[error("format version {found}, this program reads {FORMAT_VERSION}")]
    FormatVersion {
        /// Its version.
        found: u64,
    },
    /// The models of an ensemble do not go together.
    #[error("members: {0}")]
    Members(String),
    /// The manifest does not name the file.
    #[error("the manifest does not name {0}")]
    NotNamed(String),
    /// The file has other bytes than the manifest says.
    #[error("not the file that the manifest names: SHA-256 {found}, expected {expected}")]
    Altered {
        /// Digest that the manifest names.
        expected: String,
        /// Digest of the bytes.
        found: String,
    },
    /// The file is no graph of ours.
    #[error(transparent)]
    Graph(#[from] DecodeError),
    /// The graph has other inputs or outputs than its role asks for.
    #[error("the graph has no {name} of shape {expected:?}")]
    Interface {
        /// Which input or output.
        name: &'static str,
        /// The shape it should have.
        expected: Vec<Dim>,
    },
}

impl File {
    /// The entry for a file of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            sha256: hex::encode(Sha256::digest(bytes)),
            bytes: bytes.len(),
        }
    }
}

/// Reads a manifest.
///
/// # Errors
/// [`CheckpointError::FormatVersion`], [`CheckpointError::Manifest`].
pub fn read_manifest(json: &[u8]) -> Result<Manifest, CheckpointError> {
    /// Read first, so that a manifest of the future is named as such and not as malformed.
    #[derive(Deserialize)]
    struct Version {
        format_version: u64,
    }
    if json.len() > MAX_MANIFEST_BYTES {
        return Err(CheckpointError::Manifest(format!("{} bytes are too many", json.len())));
    }
    let malformed = |error: serde_json::Error| CheckpointError::Manifest(error.to_string());
    let Version { format_version } = serde_json::from_slice(json).map_err(malformed)?;
    if format_version != u64::from(FORMAT_VERSION) {
        return Err(CheckpointError::FormatVersion { found: format_version });
    }
    let manifest: Manifest = serde_json::from_slice(json).map_err(malformed)?;
    if let Some(name) = manifest.files.keys().find(|name| !is_plain_graph(name)) {
        let reason = format!("files: {name:?} is no plain file name that ends in .onnx");
        return Err(CheckpointError::Manifest(reason));
    }
    if manifest.generator.is_some() && !manifest.files.contains_key(GENERATOR) {
        return Err(CheckpointError::NotNamed(GENERATOR.to_owned()));
    }
    check_members(&manifest).map_err(CheckpointError::Members)?;
    Ok(manifest)
}

/// Whether a name can be joined to folders and keys, and is a graph's.
fn is_plain_graph(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    name.len() <= 64 && name.ends_with(".onnx") && !name.starts_with('.') && name.bytes().all(is_plain)
}

/// Whether an ensemble is one that can be loaded.
fn check_members(manifest: &Manifest) -> Result<(), String> {
    let Some(first) = manifest.members.first() else {
        return Ok(());
    };
    let count = manifest.members.len();
    if count > MAX_MEMBERS {
        return Err(format!("{count} models are more than {MAX_MEMBERS}"));
    }
    if (&first.architecture, first.frames) != (&manifest.architecture, manifest.frames) {
        return Err("the first is not the model that the manifest is about".to_owned());
    }
    let mut names = BTreeSet::new();
    for member in &manifest.members {
        if !(member.weight > 0.0 && member.weight.is_finite()) {
            return Err(format!("one weighs {}, which is not above 0", member.weight));
        }
        for name in [&member.recognizer, &member.attack] {
            if !is_plain_graph(name) {
                return Err(format!("{name:?} is no plain file name that ends in .onnx"));
            }
            if name == GENERATOR {
                return Err(format!("{name} is a generator's name"));
            }
            if !names.insert(name) {
                return Err(format!("{name} is named twice"));
            }
        }
    }
    Ok(())
}

/// Checks that `bytes` are the file `name` of the manifest, and fit to be used in that role.
///
/// # Errors
/// [`CheckpointError`].
pub fn verify(manifest: &Manifest, name: &str, bytes: &[u8]) -> Result<(), CheckpointError> {
    let expected = manifest
        .files
        .get(name)
        .ok_or_else(|| CheckpointError::NotNamed(name.to_owned()))?;
    let found = File::of(bytes);
    if found != *expected {
        return Err(CheckpointError::Altered {
            expected: expected.sha256.clone(),
            found: found.sha256,
        });
    }
    if name == GENERATOR && manifest.generator.is_some() {
        check_generator(manifest, &codec::decode(bytes)?)?;
    }
    for member in manifest.members() {
        if member.recognizer == name {
            check_recognizer(manifest, &member, &codec::decode(bytes)?)?;
        }
        if member.attack == name {
            check_attack(manifest, &member, &codec::decode(bytes)?)?;
        }
    }
    Ok(())
}

fn classes(manifest: &Manifest) -> usize {
    manifest.alphabet.chars().count() + 1
}

fn check_recognizer(manifest: &Manifest, member: &Member, graph: &Graph) -> Result<(), CheckpointError> {
    let [channels, height, width] = manifest.input.map(Dim::Fixed);
    let logits = vec![Dim::Fixed(member.frames), Dim::Batch, Dim::Fixed(classes(manifest))];
    check_inputs(graph, vec![("image", vec![Dim::Batch, channels, height, width])])?;
    check_outputs(graph, vec![("logits", logits)])
}

fn check_generator(manifest: &Manifest, graph: &Graph) -> Result<(), CheckpointError> {
    let [channels, height, width] = manifest.input.map(Dim::Fixed);
    let image = vec![Dim::Fixed(1), channels, height, width];
    check_inputs(graph, vec![("image", image.clone())])?;
    check_outputs(graph, vec![("direction", image)])
}

fn check_attack(manifest: &Manifest, member: &Member, graph: &Graph) -> Result<(), CheckpointError> {
    let fixed = |shape: &[usize]| -> Vec<Dim> { shape.iter().copied().map(Dim::Fixed).collect() };
    let (frames, classes, states) = (member.frames, classes(manifest), 2 * crate::ctc::MAX_LABEL + 1);
    let [channels, height, width] = manifest.input;
    let image = fixed(&[1, channels, height, width]);
    check_inputs(
        graph,
        vec![
            ("image", image.clone()),
            ("target", fixed(&[1, states, classes])),
            ("start", fixed(&[2, states])),
            ("skip", fixed(&[2, states])),
            ("frame_weights", fixed(&[1, frames, classes])),
        ],
    )?;
    check_outputs(
        graph,
        vec![
            ("loss", fixed(&[1])),
            ("gradient", image),
            ("logits", fixed(&[frames, 1, classes])),
        ],
    )
}

type Interface = Vec<(&'static str, Vec<Dim>)>;

/// A runtime has to be given every input, so there may be no others.
fn check_inputs(graph: &Graph, expected: Interface) -> Result<(), CheckpointError> {
    if graph.inputs().len() != expected.len() {
        return Err(CheckpointError::Interface {
            name: "list of inputs",
            expected: vec![],
        });
    }
    check_entries(graph, graph.inputs(), expected)
}

fn check_outputs(graph: &Graph, expected: Interface) -> Result<(), CheckpointError> {
    check_entries(graph, graph.outputs(), expected)
}

fn check_entries(graph: &Graph, ids: &[crate::TensorId], expected: Interface) -> Result<(), CheckpointError> {
    let found: Vec<_> = ids.iter().filter_map(|id| graph.info(*id).ok()).collect();
    for (name, shape) in expected {
        if !found
            .iter()
            .any(|info| info.name.as_deref() == Some(name) && info.shape == shape)
        {
            return Err(CheckpointError::Interface { name, expected: shape });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
