//! A checkpoint of several models, put together from checkpoints.

use std::path::Path;

use parallax_onnx::checkpoint::{ATTACK, Member, RECOGNIZER};

use super::{Checkpoint, CheckpointError, MANIFEST};
use crate::files::{FilesError, PendingFolder};

/// Why checkpoints are no ensemble.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// One cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The folder cannot be written.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// There is none.
    #[error("an ensemble has at least one model")]
    Empty,
    /// The manifest has no JSON form.
    #[error("manifest: {0}")]
    Manifest(#[from] serde_json::Error),
}

/// Writes the checkpoint of all models of `parts`, each part with its weight, to the folder `out`. Its manifest is that of
/// the first part, with the files of all.
///
/// # Errors
/// [`ComposeError`]; there is then no such folder.
pub fn compose(parts: &[(Checkpoint, f32)], out: &Path) -> Result<(), ComposeError> {
    let (first, _) = parts.first().ok_or(ComposeError::Empty)?;
    let mut manifest = first.manifest().clone();
    manifest.files.clear();
    manifest.members.clear();
    let folder = PendingFolder::create(out)?;
    for (part, weight) in parts {
        for member in part.manifest().members() {
            let number = manifest.members.len() + 1;
            let renamed = Member {
                recognizer: numbered(RECOGNIZER, number),
                attack: numbered(ATTACK, number),
                weight: weight * member.weight,
                ..member.clone()
            };
            for (from, to) in [
                (&member.recognizer, &renamed.recognizer),
                (&member.attack, &renamed.attack),
            ] {
                folder.write(to, &part.file(from)?)?;
                let entry = part.manifest().files.get(from).cloned();
                manifest.files.extend(entry.map(|file| (to.clone(), file)));
            }
            manifest.members.push(renamed);
        }
    }
    folder.write(MANIFEST, &serde_json::to_vec_pretty(&manifest)?)?;
    Ok(folder.commit()?)
}

/// `attack.onnx`, `attack-2.onnx`, ...
fn numbered(name: &str, number: usize) -> String {
    match name.rsplit_once('.') {
        Some((stem, extension)) if number > 1 => format!("{stem}-{number}.{extension}"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_numbered_from_the_second_on() {
        assert_eq!(
            [1, 2, 12].map(|number| numbered(ATTACK, number)),
            ["attack.onnx", "attack-2.onnx", "attack-12.onnx"]
        );
    }
}
