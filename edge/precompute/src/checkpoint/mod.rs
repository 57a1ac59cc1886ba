//! Which solver is used: the checkpoint that the bucket names, else the one that ships.
//!
//! Where it cannot be used the log says why, and the one that ships is used instead for a minute: it may be there by then.

pub mod accept;
pub mod stored;

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use parallax_edge_shared::digest::Digest;
use parallax_onnx::{
    checkpoint::{Manifest, read_manifest},
    signature::PublicKey,
};
use worker::{Bucket, Date, Env, console_error};

use crate::{failure::Failure, model::Models};
use accept::{Claim, Refusal};

/// What ships, in the module itself: it works before anything was uploaded, and needs no signature.
const SHIPPED_MANIFEST: &[u8] = include_bytes!("../../../../onnx/checkpoints/shipped/manifest.json");
/// A `static`: a constant would lie in the module once for each use, and these are megabytes.
static SHIPPED_GRAPHS: [(&str, &[u8]); 3] = [
    (
        "attack.onnx",
        include_bytes!("../../../../onnx/checkpoints/shipped/attack.onnx"),
    ),
    (
        "attack-2.onnx",
        include_bytes!("../../../../onnx/checkpoints/shipped/attack-2.onnx"),
    ),
    (
        "generator.onnx",
        include_bytes!("../../../../onnx/checkpoints/shipped/generator.onnx"),
    ),
];

/// How long the solver that ships stands in for one that could not be used, milliseconds.
const STAND_IN_MS: u64 = 60_000;

thread_local! {
    /// What this isolate loaded last.
    static LOADED: RefCell<Option<Loaded>> = const { RefCell::new(None) };
}

/// A solver, and what it was loaded for.
#[derive(Debug, Clone)]
struct Loaded {
    /// What the bucket named then.
    named: Option<Digest>,
    solver: Solver,
    /// When it is looked for again, unix milliseconds, where this is not the solver that was named.
    until_ms: Option<u64>,
}

impl Loaded {
    fn is_for(&self, named: Option<Digest>, now_ms: u64) -> bool {
        self.named == named && self.until_ms.is_none_or(|until_ms| now_ms < until_ms)
    }
}

/// A solver, ready to be asked. One for the whole isolate: clones share its models.
#[derive(Debug, Clone)]
pub struct Solver {
    checkpoint: Digest,
    models: Rc<RefCell<Models>>,
}

impl Solver {
    /// Digest of the manifest of its checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> Digest {
        self.checkpoint
    }

    /// Whether it has a generator.
    #[must_use]
    pub fn has_generator(&self) -> bool {
        self.models.borrow().generator.is_some()
    }

    /// Asks the generator, or the models in turns, or one of them. `ask` must not come back here.
    pub fn with<R>(&self, ask: impl FnOnce(&mut Models) -> R) -> R {
        ask(&mut self.models.borrow_mut())
    }

    /// Takes about a second for each model.
    fn shipped() -> Result<Self, Refusal> {
        let manifest = shipped_manifest()?;
        let graph = |file: &str| SHIPPED_GRAPHS.iter().find(|(name, _)| *name == file);
        let models = accept::models(&manifest, |file| graph(file).map(|(_, bytes)| *bytes))?;
        Ok(Self::new(SHIPPED_MANIFEST, models))
    }

    /// Makes the solver of a checkpoint that was sent or lay in the bucket; takes about a second for each model. With
    /// its manifest, and which key signed it.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn accept(
        claim: &Claim,
        graphs: &BTreeMap<String, Vec<u8>>,
        env: &Env,
    ) -> Result<(Self, Manifest, PublicKey), Refusal> {
        let (manifest, key) = accept::signed(claim, env)?;
        let mut models = accept::models(&manifest, |file| graphs.get(file).map(Vec::as_slice))?;
        accept::try_out(&mut models, &manifest)?;
        Ok((Self::new(&claim.manifest, models), manifest, key))
    }

    fn new(manifest: &[u8], models: Models) -> Self {
        Self {
            checkpoint: Digest::of(manifest),
            models: Rc::new(RefCell::new(models)),
        }
    }

    /// Lets this isolate use the solver from now on, in place of another: there is not memory for many.
    pub fn adopt(self) {
        LOADED.set(Some(Loaded {
            named: Some(self.checkpoint),
            solver: self,
            until_ms: None,
        }));
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

/// The solver in use, loaded when it is not yet; that takes about a second for each of its models.
///
/// # Errors
/// [`Failure::Platform`] when the bucket cannot be reached, [`Failure::Checkpoint`] when not even the shipped one loads.
pub async fn solver(bucket: &Bucket, env: &Env) -> Result<Solver, Failure> {
    let named = stored::current(bucket).await?.digest;
    let now_ms = Date::now().as_millis();
    let before = LOADED.with_borrow(Clone::clone);
    if let Some(loaded) = before.as_ref().filter(|loaded| loaded.is_for(named, now_ms)) {
        return Ok(loaded.solver.clone());
    }
    // There is not memory for many: what is not used any more goes before another is loaded.
    LOADED.set(None);
    let before = before
        .map(|loaded| loaded.solver)
        .filter(|solver| solver.checkpoint == shipped_digest());
    let uploaded = match named {
        Some(digest) => uploaded(bucket, digest, env).await?,
        None => None,
    };
    let until_ms = (named.is_some() && uploaded.is_none()).then(|| now_ms.saturating_add(STAND_IN_MS));
    let solver = match uploaded.or(before) {
        Some(solver) => solver,
        None => Solver::shipped()?,
    };
    LOADED.set(Some(Loaded {
        named,
        solver: solver.clone(),
        until_ms,
    }));
    Ok(solver)
}

/// The checkpoint `digest`; `None` when it is not there or refused (the log says why).
async fn uploaded(bucket: &Bucket, digest: Digest, env: &Env) -> Result<Option<Solver>, Failure> {
    let Some(claim) = stored::claim(bucket, digest).await? else {
        return Ok(None);
    };
    let graphs = match stored::graphs(bucket, digest, &claim).await {
        Err(Failure::Checkpoint(refusal)) => {
            console_error!("checkpoint {digest} is refused: {refusal}");
            return Ok(None);
        }
        graphs => graphs?,
    };
    match Solver::accept(&claim, &graphs, env) {
        Ok((solver, ..)) => Ok(Some(solver)),
        Err(refusal) => {
            console_error!("checkpoint {digest} is refused: {refusal}");
            Ok(None)
        }
    }
}
