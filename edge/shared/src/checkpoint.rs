//! Checkpoints in the bucket: which are stored, and which one image sets are made with.
//!
//! ```text
//! checkpoints/<digest>/attack.onnx       the graph that gradients come from; of an ensemble several, as its manifest
//!                                        names them
//! checkpoints/<digest>/generator.onnx    what stands for a gradient, if it has a generator
//! checkpoints/<digest>/manifest.sig      signature of the manifest
//! checkpoints/<digest>/manifest.json     what <digest> is the digest of
//! checkpoints/current.json               which are stored, which is used   written last
//! ```
//! What lies in the bucket is believed only after its signature was verified, however it came there.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// The version of [`Current`] that this code writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// Key of [`Current`] in the bucket.
pub const CURRENT_KEY: &str = "checkpoints/current.json";

/// Checkpoints kept to go back to; the oldest is deleted first. Listing them reads two objects each.
pub const MAX_STORED: usize = 16;

/// The most that `POST /admin/v1/checkpoints` takes, bytes: graphs of 12 MB together, in base64.
pub const MAX_BODY_BYTES: usize = 16 << 20;

/// A list larger than this is not read, bytes.
pub const MAX_CURRENT_BYTES: usize = 64 * 1024;

/// Which checkpoints are stored, and which one is used. Written only if it is still what was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Current {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Digest of the manifest of the one that is used; the one that ships where absent.
    pub digest: Option<Digest>,
    /// Those stored, newest first.
    pub stored: Vec<Stored>,
}

/// A stored checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Digest of its manifest.
    pub digest: Digest,
    /// When it was stored, unix seconds.
    pub created: u64,
}

/// Why [`Current`] is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CurrentError {
    /// No JSON of this form, or larger than [`MAX_CURRENT_BYTES`].
    #[error("not a list of checkpoints: {0}")]
    Json(String),
    /// Written by another version of this code.
    #[error("format version {found} is not {FORMAT_VERSION}")]
    Version {
        /// The version found.
        found: u32,
    },
}

impl Default for Current {
    fn default() -> Self {
        Self {
            format_version: FORMAT_VERSION,
            digest: None,
            stored: Vec::new(),
        }
    }
}

impl Current {
    /// Reads what [`CURRENT_KEY`] holds.
    ///
    /// # Errors
    /// [`CurrentError`].
    pub fn decode(json: &[u8]) -> Result<Self, CurrentError> {
        if json.len() > MAX_CURRENT_BYTES {
            return Err(CurrentError::Json(format!("{} bytes are too many", json.len())));
        }
        let mut current: Self = serde_json::from_slice(json).map_err(|e| CurrentError::Json(e.to_string()))?;
        if current.format_version != FORMAT_VERSION {
            return Err(CurrentError::Version {
                found: current.format_version,
            });
        }
        current.stored.truncate(MAX_STORED);
        Ok(current)
    }

    /// What is known of a stored checkpoint.
    #[must_use]
    pub fn find(&self, digest: Digest) -> Option<&Stored> {
        self.stored.iter().find(|stored| stored.digest == digest)
    }

    /// Adds a checkpoint and uses it. Returns those to be deleted: beyond [`MAX_STORED`], the oldest.
    pub fn store(&mut self, new: Stored) -> Vec<Digest> {
        self.stored.retain(|known| known.digest != new.digest);
        self.stored.insert(0, new);
        self.digest = Some(new.digest);
        let dropped = self.stored.split_off(self.stored.len().min(MAX_STORED));
        dropped.into_iter().map(|old| old.digest).collect()
    }
}

/// The file `name` of a checkpoint, as a key of the bucket.
#[must_use]
pub fn key(digest: Digest, name: &str) -> String {
    format!("checkpoints/{digest}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(number: u64) -> Stored {
        Stored {
            digest: Digest::of(&number.to_le_bytes()),
            created: number,
        }
    }

    #[test]
    fn the_newest_are_kept_and_the_last_one_stored_is_used() {
        let mut current = Current::default();
        let most = MAX_STORED as u64;
        for number in 0..most {
            assert_eq!(current.store(stored(number)), []);
        }
        assert_eq!(current.store(stored(most)), [stored(0).digest]);
        assert_eq!(current.digest, Some(stored(most).digest));
        // Stored again: not twice in the list.
        assert_eq!(current.store(stored(1)), []);
        assert_eq!(
            (current.stored.len(), current.digest),
            (MAX_STORED, Some(stored(1).digest))
        );
        assert_eq!(current.find(stored(0).digest), None);
        assert_eq!(Current::decode(&serde_json::to_vec(&current).unwrap()), Ok(current));
    }

    #[test]
    fn anything_else_is_not_believed() {
        let future = br#"{"format_version":2,"digest":null,"stored":[]}"#;
        assert_eq!(Current::decode(future), Err(CurrentError::Version { found: 2 }));
        for json in [
            "",
            "[1]",
            r#"{"digest":"../../sets"}"#,
            r#"{"format_version":1,"digest":"x","stored":[]}"#,
        ] {
            assert!(
                matches!(Current::decode(json.as_bytes()), Err(CurrentError::Json(_))),
                "{json}"
            );
        }
        let large = vec![b' '; MAX_CURRENT_BYTES + 1];
        assert!(matches!(Current::decode(&large), Err(CurrentError::Json(_))));
    }
}
