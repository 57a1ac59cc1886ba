//! Which solver is used: the checkpoint that the bucket names, else the one that ships.
//!
//! ```text
//! checkpoints/current.json             {"digest": "<digest of manifest.json>"}
//! checkpoints/<digest>/manifest.json
//! checkpoints/<digest>/attack.onnx
//! ```
//! A checkpoint that is refused is named in the log once, and the one that ships is used instead.

use std::{cell::RefCell, rc::Rc};

use parallax_captcha::alphabet::ALPHABET;
use parallax_edge_shared::digest::Digest;
use parallax_onnx::checkpoint::{ATTACK, read_manifest, verify};
use serde::Deserialize;
use worker::{Bucket, console_error};

use crate::{failure::Failure, model::AttackModel, store};

/// Key of what names the checkpoint in use.
const CURRENT_KEY: &str = "checkpoints/current.json";

/// What ships, in the module itself: it works before anything was uploaded.
const SHIPPED_MANIFEST: &[u8] = include_bytes!("../../../onnx/checkpoints/crnn/manifest.json");
const SHIPPED_ATTACK: &[u8] = include_bytes!("../../../onnx/checkpoints/crnn/attack.onnx");

thread_local! {
    /// What the bucket named when this isolate last looked, and the solver that came of it.
    static LOADED: RefCell<Option<(Option<Digest>, Solver)>> = const { RefCell::new(None) };
}

#[derive(Deserialize)]
struct Named {
    digest: Digest,
}

/// A solver, ready to be asked. One for the whole isolate: clones share the model.
#[derive(Debug, Clone)]
pub struct Solver {
    checkpoint: Digest,
    model: Rc<RefCell<AttackModel>>,
}

impl Solver {
    /// Digest of the manifest of its checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> Digest {
        self.checkpoint
    }

    /// Asks the model. `ask` must not come back here.
    pub fn with<R>(&self, ask: impl FnOnce(&mut AttackModel) -> R) -> R {
        ask(&mut self.model.borrow_mut())
    }

    fn load(manifest: &[u8], attack: &[u8]) -> Result<Self, Failure> {
        let read = read_manifest(manifest)?;
        verify(&read, ATTACK, attack)?;
        if read.alphabet != ALPHABET {
            return Err(Failure::Alphabet { found: read.alphabet });
        }
        let model = Rc::new(RefCell::new(AttackModel::load(attack)?));
        Ok(Self {
            checkpoint: Digest::of(manifest),
            model,
        })
    }
}

/// The solver in use, loaded when it is not yet; that takes about a second.
///
/// # Errors
/// [`Failure::Platform`] when the bucket cannot be reached, [`Failure::Model`] when not even the shipped one loads.
pub async fn solver(bucket: &Bucket) -> Result<Solver, Failure> {
    let named = named(bucket).await?;
    let known = LOADED.with_borrow(|loaded| loaded.clone().filter(|(name, _)| *name == named));
    if let Some((_, solver)) = known {
        return Ok(solver);
    }
    let uploaded = match named {
        Some(digest) => uploaded(bucket, digest).await?,
        None => None,
    };
    let solver = match uploaded {
        Some(solver) => solver,
        None => Solver::load(SHIPPED_MANIFEST, SHIPPED_ATTACK)?,
    };
    LOADED.set(Some((named, solver.clone())));
    Ok(solver)
}

async fn named(bucket: &Bucket) -> Result<Option<Digest>, Failure> {
    let Some(json) = store::read(bucket, CURRENT_KEY).await? else {
        return Ok(None);
    };
    match serde_json::from_slice::<Named>(&json) {
        Ok(named) => Ok(Some(named.digest)),
        Err(error) => {
            console_error!("{CURRENT_KEY}: {error}");
            Ok(None)
        }
    }
}

/// The checkpoint `digest`; `None` when it is refused (the log says why).
async fn uploaded(bucket: &Bucket, digest: Digest) -> Result<Option<Solver>, Failure> {
    let manifest = store::read(bucket, &format!("checkpoints/{digest}/manifest.json")).await?;
    let attack = store::read(bucket, &format!("checkpoints/{digest}/{ATTACK}")).await?;
    let (Some(manifest), Some(attack)) = (manifest, attack) else {
        console_error!("checkpoint {digest} is named but not there");
        return Ok(None);
    };
    if Digest::of(&manifest) != digest {
        console_error!("checkpoint {digest} is another one");
        return Ok(None);
    }
    match Solver::load(&manifest, &attack) {
        Ok(solver) => Ok(Some(solver)),
        Err(failure) => {
            console_error!("checkpoint {digest} is refused: {failure}");
            Ok(None)
        }
    }
}
