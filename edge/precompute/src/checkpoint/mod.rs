//! Which solver is used: the checkpoint that the bucket names, else the one that ships.
//!
//! A checkpoint that is refused is named in the log once, and the one that ships is used instead.

pub mod accept;
pub mod stored;

use std::{cell::RefCell, rc::Rc};

use parallax_edge_shared::digest::Digest;
use parallax_onnx::{
    checkpoint::{Manifest, read_manifest},
    signature::PublicKey,
};
use worker::{Bucket, Env, console_error};

use crate::{failure::Failure, model::AttackModel};
use accept::{Claim, Refusal};

/// What ships, in the module itself: it works before anything was uploaded, and needs no signature.
const SHIPPED_MANIFEST: &[u8] = include_bytes!("../../../../onnx/checkpoints/crnn/manifest.json");
const SHIPPED_ATTACK: &[u8] = include_bytes!("../../../../onnx/checkpoints/crnn/attack.onnx");

thread_local! {
    /// What the bucket named when this isolate last looked, and the solver that came of it.
    static LOADED: RefCell<Option<(Option<Digest>, Solver)>> = const { RefCell::new(None) };
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

    /// Takes about a second.
    fn shipped() -> Result<Self, Refusal> {
        let manifest = shipped_manifest()?;
        Ok(Self::new(SHIPPED_MANIFEST, accept::model(&manifest, SHIPPED_ATTACK)?))
    }

    /// Makes the solver of a checkpoint that was sent or lay in the bucket; takes about a second. With its manifest,
    /// and which key signed it.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn accept(claim: &Claim, attack: &[u8], env: &Env) -> Result<(Self, Manifest, PublicKey), Refusal> {
        let (manifest, key) = accept::signed(claim, env)?;
        let mut model = accept::model(&manifest, attack)?;
        accept::try_out(&mut model)?;
        Ok((Self::new(&claim.manifest, model), manifest, key))
    }

    fn new(manifest: &[u8], model: AttackModel) -> Self {
        Self {
            checkpoint: Digest::of(manifest),
            model: Rc::new(RefCell::new(model)),
        }
    }

    /// Lets this isolate use the solver from now on, in place of another: there is not memory for many.
    pub fn adopt(self) {
        LOADED.set(Some((Some(self.checkpoint), self)));
    }
}

/// What the checkpoint that ships says about itself.
///
/// # Errors
/// Never in practice.
pub fn shipped_manifest() -> Result<Manifest, Refusal> {
    read_manifest(SHIPPED_MANIFEST).map_err(Refusal::Manifest)
}

/// Digest of the manifest of the checkpoint that ships.
#[must_use]
pub fn shipped_digest() -> Digest {
    Digest::of(SHIPPED_MANIFEST)
}

/// The solver in use, loaded when it is not yet; that takes about a second.
///
/// # Errors
/// [`Failure::Platform`] when the bucket cannot be reached, [`Failure::Checkpoint`] when not even the shipped one loads.
pub async fn solver(bucket: &Bucket, env: &Env) -> Result<Solver, Failure> {
    let named = stored::current(bucket).await?.digest;
    let known = LOADED.with_borrow(|loaded| loaded.clone().filter(|(name, _)| *name == named));
    if let Some((_, solver)) = known {
        return Ok(solver);
    }
    let uploaded = match named {
        Some(digest) => uploaded(bucket, digest, env).await?,
        None => None,
    };
    let solver = match uploaded {
        Some(solver) => solver,
        None => Solver::shipped()?,
    };
    LOADED.set(Some((named, solver.clone())));
    Ok(solver)
}

/// The checkpoint `digest`; `None` when it is refused (the log says why).
async fn uploaded(bucket: &Bucket, digest: Digest, env: &Env) -> Result<Option<Solver>, Failure> {
    let claim = stored::claim(bucket, digest).await?;
    let attack = stored::attack(bucket, digest).await?;
    let (Some(claim), Some(attack)) = (claim, attack) else {
        return Ok(None);
    };
    match Solver::accept(&claim, &attack, env) {
        Ok((solver, ..)) => Ok(Some(solver)),
        Err(refusal) => {
            console_error!("checkpoint {digest} is refused: {refusal}");
            Ok(None)
        }
    }
}
