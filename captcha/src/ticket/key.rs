//! The key tickets are sealed with.

use core::fmt;

/// 256 bits, a secret of the deployment. Never shown: its `Debug` form is the same for every key.
#[derive(Clone)]
pub struct SealKey([u8; 32]);

/// A text is no [`SealKey`]; the text itself is not part of the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a seal key is 64 hex digits")]
pub struct SealKeyError;

impl SealKey {
    /// Reads 64 hex digits, white space around them ignored (secrets tend to end in a line feed).
    ///
    /// # Errors
    /// [`SealKeyError`] for anything else.
    pub fn from_hex(text: &str) -> Result<Self, SealKeyError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| SealKeyError)?;
        Ok(Self(bytes))
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_key() {
        let key = SealKey::from_hex(&"ab".repeat(32)).unwrap();
        assert_eq!(format!("{key:?}"), "SealKey(..)");
    }

    #[test]
    fn only_64_hex_digits_are_read() {
        assert!(SealKey::from_hex(&format!("{}\n", "0A".repeat(32))).is_ok());
        for bad in ["", &"ab".repeat(31), &"ab".repeat(33), &"g0".repeat(32)] {
            assert!(SealKey::from_hex(bad).is_err(), "{bad:?}");
        }
    }
}
