//! The folder of what ships: written where content changed, cleared of everything else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What is going to ship: path below `dist/` with `/` between its parts, content.
#[derive(Debug, Default)]
pub(super) struct Dist {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Dist {
    /// Adds one file.
    pub(super) fn add(&mut self, path: &str, content: Vec<u8>) {
        self.files.insert(path.into(), content);
    }

    /// A file added before, as text.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let content = self.files.get(Path::new(path))?;
        Some(String::from_utf8_lossy(content).into_owned())
    }

    /// Files in all.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Makes `folder` hold these files and no other; returns how many it wrote or removed. Unchanged files keep their
    /// times, so that a running server does not reload for nothing.
    pub(super) fn write(&self, folder: &Path) -> Result<usize> {
        let mut changed = 0;
        for (path, content) in &self.files {
            let file = folder.join(path);
            if std::fs::read(&file).is_ok_and(|present| present == *content) {
                continue;
            }
            write_whole(&file, content).with_context(|| format!("cannot write {}", file.display()))?;
            changed += 1;
        }
        for file in files_below(folder)? {
            let relative = file.strip_prefix(folder).unwrap_or(&file);
            if !self.files.contains_key(relative) {
                std::fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
                changed += 1;
            }
        }
        Ok(changed)
    }
}

/// All files below `folder`, in order of their paths; none where it does not exist.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry
                .with_context(|| format!("cannot list {}", folder.display()))?
                .path();
            if path.is_dir() {
                folders.push(path)
            } else {
                files.push(path)
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Writes beside and renames: a server that watches never sees half a file.
fn write_whole(file: &Path, content: &[u8]) -> std::io::Result<()> {
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let partial = file.with_extension(format!("partial-{}", std::process::id()));
    std::fs::write(&partial, content)?;
    std::fs::rename(partial, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_ends_up_with_exactly_what_ships() {
        let folder = std::env::temp_dir().join(format!("parallax-dist-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("old")).unwrap();
        std::fs::write(folder.join("old/left-over"), "x").unwrap();
        let mut dist = Dist::default();
        dist.add("edge/a.js", b"a".to_vec());
        dist.add("www/b.js", b"b".to_vec());
        assert_eq!(dist.write(&folder).unwrap(), 3);
        assert_eq!(dist.write(&folder).unwrap(), 0);
        assert_eq!(
            files_below(&folder).unwrap(),
            [folder.join("edge/a.js"), folder.join("www/b.js")]
        );
        std::fs::remove_dir_all(folder).unwrap();
    }
}
