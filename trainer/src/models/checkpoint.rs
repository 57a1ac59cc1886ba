//! A checkpoint on disk: `manifest.json`, `recognizer.onnx`, `attack.onnx`, and maybe `generator.onnx`.

use std::{
    env,
    path::{Path, PathBuf},
};

use parallax_captcha::{alphabet::ALPHABET, perturb};
use parallax_onnx::{
    checkpoint::{self, File, Manifest, read_manifest, verify},
    codec,
};

use crate::{
    files::{self, FilesError},
    zoo::{Architecture, Model, Weights},
};

/// The file that describes the others.
pub const MANIFEST: &str = "manifest.json";

/// The shipped checkpoint, relative to the project.
const SHIPPED: &str = "onnx/checkpoints/shipped";

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// A file is missing or unreadable.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The manifest, or a file that it describes, is refused.
    #[error("{}: {reason}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: parallax_onnx::checkpoint::CheckpointError,
    },
    /// It reads other characters than are drawn.
    #[error("{}: reads the alphabet {found:?}, drawn is {ALPHABET:?}", root.display())]
    Alphabet {
        /// The checkpoint.
        root: PathBuf,
        /// What it reads.
        found: String,
    },
    /// It is of a model that cannot be trained here.
    #[error("{}: {reason}", root.display())]
    Model {
        /// The checkpoint.
        root: PathBuf,
        /// Why.
        reason: String,
    },
    /// None was named, and the shipped one is not there.
    #[error("the shipped checkpoint {SHIPPED} was not found: name one with --checkpoint")]
    NotShipped,
}

/// A model of a checkpoint: which it is, and its weights.
pub type Loaded = (Architecture, Model, Weights);

/// Name and bytes of a graph, with its share of the gradients.
pub type NamedGraph = (String, perturb::Member<Vec<u8>>);

/// A checkpoint whose manifest was read.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    root: PathBuf,
    manifest: Manifest,
}

impl Checkpoint {
    /// Reads the manifest of the checkpoint at `root`, or of the shipped one.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn open_or_shipped(root: Option<&Path>) -> Result<Self, CheckpointError> {
        let root = match root {
            Some(root) => root.to_owned(),
            None => shipped().ok_or(CheckpointError::NotShipped)?,
        };
        let path = root.join(MANIFEST);
        let manifest =
            read_manifest(&files::read(&path)?).map_err(|reason| CheckpointError::Refused { path, reason })?;
        if manifest.alphabet != ALPHABET {
            return Err(CheckpointError::Alphabet {
                root,
                found: manifest.alphabet,
            });
        }
        Ok(Self { root, manifest })
    }

    /// What the checkpoint says about itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where it lies.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The graph that reads captchas, of the first model where there are several.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn recognizer(&self) -> Result<Vec<u8>, CheckpointError> {
        self.file(&self.first().recognizer)
    }

    /// The model it is of, and its weights, to train on from there; the first where there are several.
    ///
    /// # Errors
    /// [`CheckpointError`], also when the zoo has no such model.
    pub fn model(&self) -> Result<Loaded, CheckpointError> {
        self.model_of(&self.first())
    }

    /// All its models with their weights and shares of the gradients, at least one.
    ///
    /// # Errors
    /// [`CheckpointError`], also when the zoo has no such model.
    pub fn models(&self) -> Result<Vec<perturb::Member<Loaded>>, CheckpointError> {
        let load = |member: checkpoint::Member| {
            Ok(perturb::Member {
                model: self.model_of(&member)?,
                weight: member.weight,
            })
        };
        self.manifest.members().into_iter().map(load).collect()
    }

    fn first(&self) -> checkpoint::Member {
        self.manifest.first()
    }

    fn model_of(&self, member: &checkpoint::Member) -> Result<Loaded, CheckpointError> {
        let refuse = |reason: String| CheckpointError::Model {
            root: self.root.clone(),
            reason,
        };
        let architecture = Architecture::by_name(&member.architecture)
            .ok_or_else(|| refuse(format!("there is no model {:?}", member.architecture)))?;
        let model = architecture.model().map_err(|error| refuse(error.to_string()))?;
        let graph = codec::decode(&self.file(&member.recognizer)?).map_err(|error| refuse(error.to_string()))?;
        let weights = model
            .layout()
            .weights_of(&graph)
            .map_err(|error| refuse(error.to_string()))?;
        Ok((architecture, model, weights))
    }

    /// SHA-256 of the manifest, hexadecimal: the checkpoint's address.
    ///
    /// # Errors
    /// [`CheckpointError::Files`] when the manifest cannot be read again.
    pub fn digest(&self) -> Result<String, CheckpointError> {
        Ok(File::of(&files::read(&self.root.join(MANIFEST))?).sha256)
    }

    /// The graph that attacks are computed with, of the first model where there are several.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn attack(&self) -> Result<Vec<u8>, CheckpointError> {
        self.file(&self.first().attack)
    }

    /// The graphs that attacks are computed with, by file name, with their shares of the gradients; at least one.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn attacks(&self) -> Result<Vec<NamedGraph>, CheckpointError> {
        let read = |member: checkpoint::Member| {
            let attack = perturb::Member {
                model: self.file(&member.attack)?,
                weight: member.weight,
            };
            Ok((member.attack, attack))
        };
        self.manifest.members().into_iter().map(read).collect()
    }

    /// The graph that says where perturbations begin, if there is one.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn generator(&self) -> Result<Option<Vec<u8>>, CheckpointError> {
        let named = self.manifest.generator.as_ref();
        named.map(|_| self.file(checkpoint::GENERATOR)).transpose()
    }

    /// A file that the manifest names.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn file(&self, name: &str) -> Result<Vec<u8>, CheckpointError> {
        let path = self.root.join(name);
        let bytes = files::read(&path)?;
        match verify(&self.manifest, name, &bytes) {
            Ok(()) => Ok(bytes),
            Err(reason) => Err(CheckpointError::Refused { path, reason }),
        }
    }
}

/// The shipped checkpoint of the project that the current folder, the program, or else its source lies in.
fn shipped() -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).to_owned();
    let starts = [env::current_dir().ok(), env::current_exe().ok(), Some(source)];
    let folders = starts.iter().flatten().flat_map(|start| start.ancestors());
    folders
        .map(|folder| folder.join(SHIPPED))
        .find(|folder| folder.join(MANIFEST).is_file())
}
