//! The identity of a ticket.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// 128 random bits that name one ticket; shown, and written in JSON, as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TicketId(pub [u8; 16]);

/// A text is no [`TicketId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a ticket id is 32 hex digits")]
pub struct TicketIdError;

impl TicketId {
    /// Reads 32 hex digits.
    ///
    /// # Errors
    /// [`TicketIdError`] for anything else.
    pub fn from_hex(text: &str) -> Result<Self, TicketIdError> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| TicketIdError)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TicketId({self})")
    }
}

impl Serialize for TicketId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TicketId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_hex(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trips_and_nothing_else_is_read() {
        let id = TicketId([0x0f; 16]);
        assert_eq!(id.to_string(), "0f".repeat(16));
        assert_eq!(TicketId::from_hex(&id.to_string()), Ok(id));
        assert_eq!(
            serde_json::from_str::<TicketId>(&serde_json::to_string(&id).unwrap()).unwrap(),
            id
        );
        for bad in ["", "0f", &"0f".repeat(17), &"zz".repeat(16), &"é".repeat(16)] {
            assert_eq!(TicketId::from_hex(bad), Err(TicketIdError), "{bad:?}");
        }
    }
}
