//! Skipping steps whose inputs did not change: a hash of everything a step reads, beside what it left.

use std::path::Path;

use sha2::{Digest, Sha256};

/// Collects what a step depends on.
#[derive(Default)]
pub(super) struct Stamp(Sha256);

impl Stamp {
    /// Adds one input; the length keeps neighbouring inputs apart.
    pub(super) fn input(mut self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// The hash, as it is kept in a file.
    pub(super) fn finish(self) -> String {
        hex::encode(self.0.finalize())
    }
}

/// Whether the step that leaves `file` last ran with the inputs of `stamp`.
pub(super) fn is_fresh(file: &Path, stamp: &str) -> bool {
    std::fs::read_to_string(file).is_ok_and(|kept| kept == stamp)
}

/// The first 10 hex digits of a file's SHA-256, for names that caches may keep forever.
pub(super) fn content_name(bytes: &[u8]) -> String {
    let mut name = hex::encode(Sha256::digest(bytes));
    name.truncate(10);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_inputs_are_kept_apart() {
        let joined = |a: &str, b: &str| Stamp::default().input(a).input(b).finish();
        assert_ne!(joined("ab", "c"), joined("a", "bc"));
    }

    #[test]
    fn content_names_are_sha256() {
        assert_eq!(content_name(b"abc"), "ba7816bf8f"); // FIPS 180-2, appendix B.1
    }
}
