//! An image set as the edge exports it (`GET /admin/v1/sets/ID/export`), unpacked: a folder of labelled pictures, and an index
//! that says what each was drawn from.

use std::path::Path;

use parallax_captcha::text::{SCHEME_VERSION, Style};
use serde::Deserialize;

use super::folder::{Entry, Folder, FolderError};
use crate::files;

/// The file that says how a set was made.
const INDEX: &str = "index.json";

/// What the pictures of a set were drawn from, before they were perturbed.
#[derive(Debug, Clone)]
pub struct ImageSet {
    /// How all of them look.
    pub style: Style,
    /// File and label of each, in order.
    pub entries: Vec<Entry>,
    /// Their drawing seeds, in the same order.
    pub seeds: Vec<u64>,
}

/// The part of an index that pictures are drawn from.
#[derive(Deserialize)]
struct Index {
    recipe: Recipe,
    packs: Vec<Pack>,
}

#[derive(Deserialize)]
struct Recipe {
    scheme_version: u32,
    style: Style,
}

#[derive(Deserialize)]
struct Pack {
    images: Vec<Drawn>,
}

#[derive(Deserialize)]
struct Drawn {
    seed: u64,
    label: String,
}

impl ImageSet {
    /// Reads the index and `labels.csv`, but no pictures.
    ///
    /// # Errors
    /// [`FolderError`]: a file is missing or is not what it should be, the two disagree, or another version of this program drew
    /// the set.
    pub fn open(root: &Path) -> Result<Self, FolderError> {
        let path = root.join(INDEX);
        let refused = |reason: String| FolderError::Index {
            path: path.clone(),
            reason,
        };
        let index: Index = serde_json::from_slice(&files::read(&path)?).map_err(|error| refused(error.to_string()))?;
        if index.recipe.scheme_version != SCHEME_VERSION {
            return Err(refused(format!(
                "version {} of the drawing is not {SCHEME_VERSION}, which this program has",
                index.recipe.scheme_version
            )));
        }
        let entries = Folder::open(root)?.entries().to_vec();
        let drawn: Vec<Drawn> = index.packs.into_iter().flat_map(|pack| pack.images).collect();
        let listed = entries.iter().map(|entry| entry.label.as_str());
        if !listed.eq(drawn.iter().map(|one| one.label.as_str())) {
            return Err(refused("the labels are not those of labels.csv".to_owned()));
        }
        Ok(Self {
            style: index.recipe.style,
            entries,
            seeds: drawn.iter().map(|one| one.seed).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn set(index: &serde_json::Value) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(INDEX), index.to_string()).unwrap();
        for file in ["0.png", "1.png"] {
            fs::write(folder.path().join(file), []).unwrap();
        }
        fs::write(folder.path().join("labels.csv"), "file,label\n0.png,A2CE\n1.png,MUTT\n").unwrap();
        folder
    }

    fn index() -> serde_json::Value {
        serde_json::json!({
            "recipe": { "scheme_version": SCHEME_VERSION, "style": Style::default(), "perturb": {} },
            "packs": [
                { "images": [{ "seed": 5, "label": "A2CE" }] },
                { "images": [{ "seed": 9_007_199_254_740_991_u64, "label": "MUTT" }] },
            ],
        })
    }

    #[test]
    fn seeds_are_in_the_order_of_the_pictures() {
        let folder = set(&index());
        let set = ImageSet::open(folder.path()).unwrap();
        assert_eq!(set.seeds, [5, 9_007_199_254_740_991]);
        let files: Vec<&str> = set.entries.iter().map(|entry| entry.file.as_str()).collect();
        assert_eq!(files, ["0.png", "1.png"]);
        assert_eq!(set.style, Style::default());
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let refusal = |change: &dyn Fn(&mut serde_json::Value)| {
            let mut index = index();
            change(&mut index);
            ImageSet::open(set(&index).path()).unwrap_err().to_string()
        };
        let other = refusal(&|index| index["recipe"]["scheme_version"] = (SCHEME_VERSION + 1).into());
        assert!(other.contains("version"), "{other}");
        let mixed = refusal(&|index| index["packs"][1]["images"][0]["label"] = "MUTE".into());
        assert!(mixed.contains("labels.csv"), "{mixed}");
        let fewer = refusal(&|index| index["packs"][1]["images"] = serde_json::json!([]));
        assert!(fewer.contains("labels.csv"), "{fewer}");
        let no_index = refusal(&|index| *index = serde_json::json!([]));
        assert!(no_index.contains(INDEX), "{no_index}");
    }
}
