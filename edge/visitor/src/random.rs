//! The one source of randomness of the visitor path.

use parallax_captcha::ticket::TicketId;

use crate::failure::Failure;

/// `N` bytes nobody can predict.
///
/// # Errors
/// [`Failure::Internal`] when the platform has none.
pub fn bytes<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| Failure::Internal(format!("no randomness: {e}")))?;
    Ok(bytes)
}

/// A number from 0 to below 1, in steps of `2^-24`.
///
/// # Errors
/// As [`bytes`].
#[expect(clippy::cast_precision_loss, reason = "24 bits fit")]
pub fn unit() -> Result<f32, Failure> {
    let number = u32::from_le_bytes(bytes()?) >> 8;
    Ok(number as f32 / (1 << 24) as f32)
}

/// A fresh ticket's identity.
///
/// # Errors
/// As [`bytes`].
pub fn ticket_id() -> Result<TicketId, Failure> {
    bytes().map(TicketId)
}

/// A number below `limit`, 0 when `limit` is 0. Biased by at most `limit / 2^64`.
///
/// # Errors
/// As [`bytes`].
pub fn below(limit: usize) -> Result<usize, Failure> {
    let number = u64::from_le_bytes(bytes()?);
    let limit = limit as u64;
    Ok(usize::try_from(number.checked_rem(limit).unwrap_or(0)).unwrap_or(0))
}
