//! What the visitor path's admin API hands on: checkpoints sent, listed and promoted. Whoever asks was authorised there.

use parallax_edge_shared::{
    admin::{AdminError, AdminErrorCode, AdminErrorReply, CheckpointList, CheckpointSummary},
    checkpoint::{MAX_BODY_BYTES, Stored},
    digest::Digest,
};
use parallax_onnx::{
    bundle::{Bundle, BundleError},
    checkpoint::{Manifest, read_manifest},
};
use worker::{Env, Method, Request, Response, console_error};

use crate::{
    body,
    checkpoint::{
        self, Solver,
        accept::{self, Claim, Refusal},
        stored,
    },
    failure::Failure,
    gradient, store,
};

/// The longest reason that is told, characters: a runtime's may be pages.
const MAX_MESSAGE: usize = 1000;

/// Answers a request of the visitor path.
///
/// # Errors
/// Those of the platform while the response is put together.
pub async fn answer(request: Request, env: &Env) -> worker::Result<Response> {
    let answered = match (request.method(), &*request.path()) {
        (Method::Post, "/gradient") => gradient::answer(request, env).await.map(|reply| json(200, &reply)),
        (Method::Get, "/checkpoints") => list(env).await.map(|reply| json(200, &reply)),
        (Method::Post, "/checkpoints") => push(request, env).await.map(|reply| json(201, &reply)),
        (Method::Post, path) => promote(path, env).await.map(|reply| json(200, &reply)),
        _ => Err(Failure::NotStored),
    };
    match answered {
        Ok(response) => response,
        Err(failure) => refused(&failure),
    }
}

fn json<T: serde::Serialize>(status: u16, reply: &T) -> worker::Result<Response> {
    Ok(Response::from_json(reply)?.with_status(status))
}

fn refused(failure: &Failure) -> worker::Result<Response> {
    let (code, field) = match failure {
        Failure::TooLarge => (AdminErrorCode::PayloadTooLarge, None),
        Failure::NotStored => (AdminErrorCode::NotFound, None),
        Failure::Bundle(BundleError::Signature) => (AdminErrorCode::BadRequest, Some("signature".to_owned())),
        Failure::Bundle(BundleError::Base64(_)) | Failure::Files => {
            (AdminErrorCode::BadRequest, Some("files".to_owned()))
        }
        Failure::Member => (AdminErrorCode::BadRequest, Some("member".to_owned())),
        Failure::Generator => (AdminErrorCode::BadRequest, Some("generator".to_owned())),
        Failure::Bundle(BundleError::Json(_)) => (AdminErrorCode::BadRequest, None),
        Failure::Checkpoint(refusal) => {
            let code = match refusal {
                Refusal::NoKeys | Refusal::Keys(_) => AdminErrorCode::NoCheckpointKeys,
                Refusal::Signature => AdminErrorCode::SignatureInvalid,
                _ => AdminErrorCode::CheckpointInvalid,
            };
            (code, refusal.field())
        }
        _ => {
            console_error!("{failure}");
            return Response::error("internal-error", 500);
        }
    };
    let error = AdminError {
        code,
        message: failure.to_string().chars().take(MAX_MESSAGE).collect(),
        field,
    };
    json(code.status(), &AdminErrorReply { error })
}

/// `POST /checkpoints`: a [`Bundle`], verified, stored and used from now on.
async fn push(mut request: Request, env: &Env) -> Result<CheckpointSummary, Failure> {
    let Bundle {
        manifest,
        signature,
        files: graphs,
    } = Bundle::decode(&body::bytes(&mut request, MAX_BODY_BYTES).await?)?;
    let claim = Claim { manifest, signature };
    let named = accept::signed(&claim, env)?.0.attack_files();
    if graphs.len() != named.len() || !named.iter().all(|name| graphs.contains_key(name)) {
        return Err(Failure::Files);
    }
    let (solver, manifest, key) = Solver::accept(&claim, &graphs, env)?;
    if solver.checkpoint() == checkpoint::shipped_digest() {
        // It is here already, and needs no room in the bucket.
        stored::promote(&store::bucket(env)?, None).await?;
        return shipped(true);
    }
    let stored = stored::add(&store::bucket(env)?, claim, graphs).await?;
    solver.adopt();
    Ok(CheckpointSummary {
        current: true,
        created: Some(stored.created),
        signed_by: Some(key.to_string()),
        ..summary(stored.digest, manifest)
    })
}

/// `POST /checkpoints/{digest}/promote`: a stored checkpoint, or the one that ships, is used from now on. It is verified
/// again: keys and program may have changed since it was sent.
async fn promote(path: &str, env: &Env) -> Result<CheckpointSummary, Failure> {
    let digest = path
        .strip_prefix("/checkpoints/")
        .and_then(|rest| rest.strip_suffix("/promote"))
        .and_then(|digest| Digest::parse(digest).ok())
        .ok_or(Failure::NotStored)?;
    let bucket = store::bucket(env)?;
    if digest == checkpoint::shipped_digest() {
        stored::promote(&bucket, None).await?;
        return shipped(true);
    }
    let stored = stored::current(&bucket).await?;
    let stored = stored.find(digest).ok_or(Failure::NotStored)?;
    let claim = stored::claim(&bucket, digest).await?.ok_or(Failure::NotStored)?;
    let graphs = stored::graphs(&bucket, digest, &claim).await?;
    let (solver, manifest, key) = Solver::accept(&claim, &graphs, env)?;
    stored::promote(&bucket, Some(digest)).await?;
    solver.adopt();
    Ok(CheckpointSummary {
        current: true,
        created: Some(stored.created),
        signed_by: Some(key.to_string()),
        ..summary(digest, manifest)
    })
}

/// `GET /checkpoints`
async fn list(env: &Env) -> Result<CheckpointList, Failure> {
    let bucket = store::bucket(env)?;
    let current = stored::current(&bucket).await?;
    let ships = checkpoint::shipped_digest();
    let mut checkpoints = Vec::with_capacity(current.stored.len() + 1);
    // One that was stored may ship since.
    for Stored { digest, created } in current.stored.iter().filter(|stored| stored.digest != ships) {
        let Some(claim) = stored::claim(&bucket, *digest).await? else {
            continue;
        };
        let signed_by = accept::signed(&claim, env).ok().map(|(_, key)| key.to_string());
        let Ok(manifest) = read_manifest(&claim.manifest) else {
            continue;
        };
        checkpoints.push(CheckpointSummary {
            current: current.digest == Some(*digest),
            created: Some(*created),
            signed_by,
            ..summary(*digest, manifest)
        });
    }
    checkpoints.push(shipped(current.digest.is_none_or(|digest| digest == ships))?);
    Ok(CheckpointList { checkpoints })
}

fn shipped(current: bool) -> Result<CheckpointSummary, Failure> {
    let summary = summary(checkpoint::shipped_digest(), checkpoint::shipped_manifest()?);
    Ok(CheckpointSummary { current, ..summary })
}

/// What a manifest says; the rest is yet to be filled in.
fn summary(digest: Digest, manifest: Manifest) -> CheckpointSummary {
    CheckpointSummary {
        digest,
        current: false,
        created: None,
        signed_by: None,
        architectures: manifest
            .members()
            .into_iter()
            .map(|member| member.architecture)
            .collect(),
        generator: manifest.generator.map(|generator| generator.architecture),
        parent: manifest.parent,
        metrics: manifest.metrics,
    }
}
