//! The bucket as the precompute path uses it.

use worker::{Bucket, Conditional, Env};

use crate::failure::Failure;

/// Name of the binding.
const BINDING: &str = "SETS";

/// How often an object is written anew while somebody else writes it too.
const ATTEMPTS: u32 = 5;

/// The bucket.
///
/// # Errors
/// [`Failure::Platform`] when it is not bound.
pub fn bucket(env: &Env) -> Result<Bucket, Failure> {
    Ok(env.bucket(BINDING)?)
}

/// A whole object.
///
/// # Errors
/// [`Failure::Platform`] when the bucket cannot be reached.
pub async fn read(bucket: &Bucket, key: &str) -> Result<Option<Vec<u8>>, Failure> {
    let Some(object) = bucket.get(key).execute().await? else {
        return Ok(None);
    };
    match object.body() {
        Some(body) => Ok(Some(body.bytes().await?)),
        None => Ok(None),
    }
}

/// Writes a whole object.
///
/// # Errors
/// [`Failure::Platform`] when the bucket does not take it.
pub async fn write(bucket: &Bucket, key: String, bytes: Vec<u8>) -> Result<(), Failure> {
    bucket.put(key, bytes).execute().await?;
    Ok(())
}

/// Replaces an object by what `change` makes of it, only if it is still what was read. Returns what else `change` made.
///
/// # Errors
/// Those of `change`; [`Failure::Platform`] when the bucket does not take it, or others keep writing it.
pub async fn update<T>(
    bucket: &Bucket,
    key: &str,
    mut change: impl FnMut(Option<Vec<u8>>) -> Result<(Vec<u8>, T), Failure>,
) -> Result<T, Failure> {
    for _ in 0..ATTEMPTS {
        let (before, etag) = match bucket.get(key).execute().await? {
            Some(object) => {
                let etag = object.etag();
                let bytes = match object.body() {
                    Some(body) => body.bytes().await?,
                    None => Vec::new(),
                };
                (Some(bytes), Some(etag))
            }
            None => (None, None),
        };
        let (after, made) = change(before)?;
        let absent = etag.is_none().then(|| "*".to_owned());
        let put = bucket.put(key, after).only_if(Conditional {
            etag_matches: etag,
            etag_does_not_match: absent,
            ..Conditional::default()
        });
        if put.execute().await?.is_some() {
            return Ok(made);
        }
    }
    Err(Failure::Platform(format!("{key} is being written by others")))
}
