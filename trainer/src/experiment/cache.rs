//! Results of stages, kept under the digest of everything that they follow from: a repeated run does only what changed.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::ExperimentError;
use crate::files::{self, FilesError};

/// A folder of results.
#[derive(Debug)]
pub struct Cache {
    root: PathBuf,
    /// One for each result that was asked for, so that two threads never make the same.
    making: Mutex<HashMap<PathBuf, Arc<Mutex<()>>>>,
}

impl Cache {
    /// The cache in a folder, which is made where missing.
    ///
    /// # Errors
    /// [`FilesError`] when it cannot be made.
    pub fn open(root: &Path) -> Result<Self, FilesError> {
        fs::create_dir_all(root).map_err(files::io_error("create", root))?;
        Ok(Self {
            root: root.to_owned(),
            making: Mutex::default(),
        })
    }

    /// The result of the stage `name` for `key`, made by `make` where it is not there; a thread that asks for it meanwhile
    /// waits.
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
        let making = Arc::clone(
            self.making
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(path.clone())
                .or_default(),
        );
        // A thread that panicked in `make` left no result: the next one tries again.
        let _made_once = making.lock().unwrap_or_else(PoisonError::into_inner);
        if path.is_file() {
            return Ok(files::read(&path)?);
        }
        let result = make()?;
        files::write(&path, &result)?;
        Ok(result)
    }

    /// Several results as one, each behind its length.
    pub(crate) fn join(parts: &[Vec<u8>]) -> Vec<u8> {
        let with_length = |part: &Vec<u8>| [&(part.len() as u64).to_le_bytes(), part.as_slice()].concat();
        parts.iter().flat_map(with_length).collect()
    }

    /// What [`Self::join`] made one of.
    ///
    /// # Errors
    /// [`ExperimentError::Cache`] when it is cut.
    pub(crate) fn split(mut bytes: &[u8]) -> Result<Vec<&[u8]>, ExperimentError> {
        let damaged = || ExperimentError::Cache("a kept result is cut".to_owned());
        let mut parts = Vec::new();
        while !bytes.is_empty() {
            let (length, rest) = bytes.split_first_chunk().ok_or_else(damaged)?;
            let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged())?;
            let (part, rest) = rest.split_at_checked(length).ok_or_else(damaged)?;
            parts.push(part);
            bytes = rest;
        }
        Ok(parts)
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
    fn threads_that_ask_for_the_same_make_it_once() {
        let folder = TempDir::new().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let made = std::sync::atomic::AtomicU8::new(0);
        let make = || {
            std::thread::sleep(std::time::Duration::from_millis(50));
            Ok::<_, ExperimentError>(vec![made.fetch_add(1, std::sync::atomic::Ordering::SeqCst)])
        };
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| cache.get_or("stage", &1, make)))
                .collect();
            threads.into_iter().map(|one| one.join().unwrap().unwrap()).collect()
        });
        assert_eq!(results, [[0]; 4]);
    }

    #[test]
    fn joined_results_are_told_apart_and_cut_ones_noticed() {
        let parts = [vec![1, 2, 3], vec![], vec![4; 300]];
        let joined = Cache::join(&parts);
        assert_eq!(Cache::split(&joined).unwrap(), parts);
        assert!(Cache::split(&joined[..joined.len() - 1]).is_err());
        assert!(Cache::split(&joined[..4]).is_err());
        assert!(Cache::split(&[]).unwrap().is_empty());
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
