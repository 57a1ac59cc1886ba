//! Reading what was sent, never more of it than allowed.

use futures_util::StreamExt;
use worker::Request;

use crate::failure::Failure;

/// At most `limit` bytes. How many there are is not believed but counted.
///
/// # Errors
/// [`Failure::TooLarge`]; [`Failure::Platform`] when there is no body, or the connection breaks.
pub async fn bytes(request: &mut Request, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut stream = request.stream()?;
    let mut read = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        if read.len() + chunk.len() > limit {
            return Err(Failure::TooLarge);
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read)
}
