//! Sending a checkpoint: its signed manifest and the graphs that perturb. The edge has no use for recognisers.

use std::{collections::BTreeMap, path::Path};

use parallax_onnx::{bundle::Bundle, signature::SigningKey};
use serde::{Deserialize, Serialize};

use super::{AdminError, Client};
use crate::{
    files,
    models::{Checkpoint, MANIFEST},
};

/// What the edge made of a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pushed {
    /// Digest of its manifest, as image sets and recorded answers name it.
    pub digest: String,
    /// Whether image sets are made with it from now on.
    pub current: bool,
    /// Public key that the edge verified it with.
    pub signed_by: Option<String>,
    /// SHA-256 of the manifest of the checkpoint that it was trained from.
    pub parent: Option<String>,
    /// What was measured, by name.
    pub metrics: BTreeMap<String, f64>,
}

/// Signs the checkpoint at `root` and sends it; the edge makes its next image set with it.
///
/// # Errors
/// [`AdminError`]; the edge then goes on with what it had.
pub fn push(client: &Client, root: &Path, key: &SigningKey) -> Result<Pushed, AdminError> {
    let checkpoint = Checkpoint::open_or_shipped(Some(root))?;
    let names = checkpoint.manifest().attack_files().into_iter();
    let files = names
        .map(|name| checkpoint.file(&name).map(|bytes| (name, bytes)))
        .collect::<Result<_, _>>()?;
    // Its bytes, not what was read of them: they are what is signed.
    let manifest = files::read(&root.join(MANIFEST))?;
    let bundle = Bundle::sign(key, manifest, files);
    client.post("/admin/v1/checkpoints", &bundle.encode()?)
}
