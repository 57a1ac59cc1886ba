//! A checkpoint of several models, put together from checkpoints.

use std::path::Path;

use parallax_onnx::checkpoint::{ATTACK, Member, RECOGNIZER, read_manifest, verify};

use super::{Checkpoint, CheckpointError, MANIFEST};
use crate::files::{self, FilesError, PendingFolder};

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
    /// They do not go together.
    #[error("these are no ensemble: {0}")]
    Refused(#[from] parallax_onnx::checkpoint::CheckpointError),
    /// The manifest has no JSON form.
    #[error("manifest: {0}")]
    Manifest(#[from] serde_json::Error),
}

/// Writes the checkpoint of all models of `parts` to the folder `out`. A part's weight is divided among its models as they
/// weigh. The manifest is that of the first part, with the files of all; a generator is none of them.
///
/// # Errors
/// [`ComposeError`]; there is then no such folder.
pub fn compose(parts: &[(Checkpoint, f32)], out: &Path) -> Result<(), ComposeError> {
    let (first, _) = parts.first().ok_or(ComposeError::Empty)?;
    let mut manifest = first.manifest().clone();
    manifest.files.clear();
    manifest.members.clear();
    // It stands for the gradients of other models than these.
    manifest.generator = None;
    let folder = PendingFolder::create(out)?;
    for (part, weight) in parts {
        let members = part.manifest().members();
        let sum: f32 = members.iter().map(|member| member.weight).sum();
        for member in members {
            let number = manifest.members.len() + 1;
            let renamed = Member {
                recognizer: numbered(RECOGNIZER, number),
                attack: numbered(ATTACK, number),
                weight: weight * member.weight / sum,
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
    let json = serde_json::to_vec_pretty(&manifest)?;
    // As whoever reads it will: pictures of one size, and no more models than are taken.
    let manifest = read_manifest(&json)?;
    for name in manifest.files.keys() {
        let bytes = files::read(&folder.path().join(name))?;
        verify(&manifest, name, &bytes)?;
    }
    folder.write(MANIFEST, &json)?;
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
    fn parts_keep_their_weights_whatever_they_are_made_of() {
        let folder = tempfile::TempDir::new().unwrap();
        let shipped = || Checkpoint::open_or_shipped(None).unwrap();
        let out = folder.path().join("two");
        compose(&[(shipped(), 3.0)], &out).unwrap();
        let two = Checkpoint::open_or_shipped(Some(&out)).unwrap();
        let weights: Vec<_> = two.manifest().members().iter().map(|member| member.weight).collect();
        assert_eq!(weights, [1.5, 1.5]);
        let names: Vec<_> = two.attacks().unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["attack.onnx", "attack-2.onnx"]);
        assert_eq!(two.models().unwrap().len(), 2);
        assert!(shipped().generator().unwrap().is_some() && two.generator().unwrap().is_none());

        let four = folder.path().join("four");
        compose(&[(two, 1.0), (shipped(), 2.0)], &four).unwrap();
        let four = Checkpoint::open_or_shipped(Some(&four)).unwrap();
        let weights: Vec<_> = four.manifest().members().iter().map(|member| member.weight).collect();
        assert_eq!(weights, [0.5, 0.5, 1.0, 1.0]);

        let error = compose(&[(four, 1.0), (shipped(), 1.0)], &folder.path().join("six")).unwrap_err();
        assert!(error.to_string().contains("6 models are more than 4"), "{error}");
        assert!(!folder.path().join("six").exists());
        assert!(matches!(
            compose(&[], &folder.path().join("none")),
            Err(ComposeError::Empty)
        ));
    }

    #[test]
    fn files_are_numbered_from_the_second_on() {
        assert_eq!(
            [1, 2, 12].map(|number| numbered(ATTACK, number)),
            ["attack.onnx", "attack-2.onnx", "attack-12.onnx"]
        );
    }
}
