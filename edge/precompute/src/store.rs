//! The bucket as the precompute path uses it.

use worker::{Bucket, Env};

use crate::failure::Failure;

/// Name of the binding.
const BINDING: &str = "SETS";

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
