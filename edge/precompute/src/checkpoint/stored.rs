//! Checkpoints in the bucket: written whole before they are named, read without being believed.

use std::{collections::BTreeMap, str};

use parallax_edge_shared::{
    checkpoint::{CURRENT_KEY, Current, Stored, key},
    digest::Digest,
};
use parallax_onnx::{checkpoint::read_manifest, signature::Signature};
use worker::{Bucket, Date, console_error};

use super::accept::{Claim, Refusal};
use crate::{failure::Failure, store};

const MANIFEST: &str = "manifest.json";
const SIGNATURE: &str = "manifest.sig";

/// Which checkpoints are stored, and which is used. Something else under that key counts as nothing.
///
/// # Errors
/// [`Failure::Platform`] when the bucket cannot be reached.
pub async fn current(bucket: &Bucket) -> Result<Current, Failure> {
    Ok(decode(store::read(bucket, CURRENT_KEY).await?))
}

fn decode(json: Option<Vec<u8>>) -> Current {
    match json.map(|json| Current::decode(&json)) {
        Some(Ok(current)) => current,
        Some(Err(error)) => {
            console_error!("{CURRENT_KEY}: {error}");
            Current::default()
        }
        None => Current::default(),
    }
}

/// Manifest and signature of a checkpoint; `None` when they are not there or are something else (the log says what).
///
/// # Errors
/// [`Failure::Platform`] when the bucket cannot be reached.
pub async fn claim(bucket: &Bucket, digest: Digest) -> Result<Option<Claim>, Failure> {
    let manifest = store::read(bucket, &key(digest, MANIFEST)).await?;
    let signature = store::read(bucket, &key(digest, SIGNATURE)).await?;
    let (Some(manifest), Some(signature)) = (manifest, signature) else {
        console_error!("checkpoint {digest} is named but not there");
        return Ok(None);
    };
    if Digest::of(&manifest) != digest {
        console_error!("checkpoint {digest} is another one");
        return Ok(None);
    }
    let signature = str::from_utf8(&signature)
        .ok()
        .and_then(|text| Signature::parse(text).ok());
    if signature.is_none() {
        console_error!("checkpoint {digest} has no signature");
    }
    Ok(signature.map(|signature| Claim { manifest, signature }))
}

/// The graphs that perturb which are there of those a checkpoint names.
///
/// # Errors
/// [`Failure::Platform`] when the bucket cannot be reached, [`Failure::Checkpoint`] when it names none that it could.
pub async fn graphs(bucket: &Bucket, digest: Digest, claim: &Claim) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let manifest = read_manifest(&claim.manifest).map_err(Refusal::Manifest)?;
    let mut graphs = BTreeMap::new();
    for name in manifest.attack_files() {
        if let Some(bytes) = store::read(bucket, &key(digest, &name)).await? {
            graphs.insert(name, bytes);
        }
    }
    Ok(graphs)
}

/// Stores a verified checkpoint and uses it; when it was stored.
///
/// # Errors
/// [`Failure`]; what was used before then still is.
pub async fn add(bucket: &Bucket, claim: Claim, graphs: BTreeMap<String, Vec<u8>>) -> Result<Stored, Failure> {
    let digest = Digest::of(&claim.manifest);
    let created = Date::now().as_millis() / 1000;
    for (name, bytes) in graphs {
        store::write(bucket, key(digest, &name), bytes).await?;
    }
    let signature = claim.signature.to_string().into_bytes();
    store::write(bucket, key(digest, SIGNATURE), signature).await?;
    store::write(bucket, key(digest, MANIFEST), claim.manifest).await?;
    let stored = Stored { digest, created };
    let dropped = store::update(bucket, CURRENT_KEY, |json| {
        let mut current = decode(json);
        let dropped = current.store(stored);
        Ok((serde_json::to_vec(&current)?, dropped))
    })
    .await?;
    // From here on it is used; what cannot be deleted is a few megabytes, not a failure.
    for old in dropped {
        if let Err(failure) = delete(bucket, old).await {
            console_error!("checkpoint {old} was not deleted: {failure}");
        }
    }
    Ok(stored)
}

/// Uses a stored checkpoint, or the one that ships for `None`.
///
/// # Errors
/// [`Failure`], [`Failure::NotStored`] when it was deleted meanwhile; what was used before then still is.
pub async fn promote(bucket: &Bucket, digest: Option<Digest>) -> Result<(), Failure> {
    store::update(bucket, CURRENT_KEY, |json| {
        let mut current = decode(json);
        if digest.is_some_and(|digest| current.find(digest).is_none()) {
            return Err(Failure::NotStored);
        }
        current.digest = digest;
        Ok((serde_json::to_vec(&current)?, ()))
    })
    .await
}

async fn delete(bucket: &Bucket, digest: Digest) -> Result<(), Failure> {
    let objects = bucket.list().prefix(key(digest, "")).execute().await?.objects();
    for object in objects {
        bucket.delete(object.key()).await?;
    }
    Ok(())
}
