//! Results of stages, kept under the digest of everything that they follow from: a repeated run does only what changed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::files::{self, FilesError};

/// A folder of results.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// The cache in a folder, which is made where missing.
    ///
    /// # Errors
    /// [`FilesError`] when it cannot be made.
    pub fn open(root: &Path) -> Result<Self, FilesError> {
        fs::create_dir_all(root).map_err(files::io_error("create", root))?;
        Ok(Self { root: root.to_owned() })
    }

    /// The result of the stage `name` for `key`, made by `make` where it is not there.
    ///
    /// # Errors
    /// Those of `make`, and [`FilesError`].
    pub fn get_or<K, E>(&self, name: &str, key: &K, make: impl FnOnce() -> Result<Vec<u8>, E>) -> Result<Vec<u8>, E>
    where
        K: Serialize,
        E: From<FilesError> + From<serde_json::Error>,
    {
        let key = serde_json::to_vec(key)?;
        let path = self.root.join(format!("{name}-{}", digest(&key)));
        if path.is_file() {
            return Ok(files::read(&path)?);
        }
        let result = make()?;
        files::write(&path, &result)?;
        Ok(result)
    }
}

/// SHA-256, hexadecimal, cut to 128 bits: enough to tell results apart that nobody forges.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::experiment::ExperimentError;

    #[test]
    fn what_is_there_is_not_made_again() {
        let folder = TempDir::new().unwrap();
        let cache = Cache::open(&folder.path().join("a/b")).unwrap();
        let get = |key: u32, value: u8| {
            cache
                .get_or("stage", &key, || Ok::<_, ExperimentError>(vec![value]))
                .unwrap()
        };
        assert_eq!((get(1, 10), get(2, 20)), (vec![10], vec![20]));
        assert_eq!((get(1, 11), get(2, 21)), (vec![10], vec![20]), "kept");
        let other = cache
            .get_or("other", &1, || Ok::<_, ExperimentError>(vec![30]))
            .unwrap();
        assert_eq!(other, [30], "another stage");
    }

    #[test]
    fn what_failed_is_tried_again() {
        let folder = TempDir::new().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let failed = cache.get_or("stage", &1, || Err(ExperimentError::Interrupted));
        assert!(matches!(failed, Err(ExperimentError::Interrupted)));
        assert_eq!(
            cache.get_or("stage", &1, || Ok::<_, ExperimentError>(vec![1])).unwrap(),
            [1]
        );
    }
}
