//! An image set: the packs that are served together, how they were made, and which set is served now.
//!
//! ```text
//! packs/<digest>          pictures and masks                         written first
//! packs/<digest>.json     their index, for the jobs that follow
//! sets/<id>/index.json    all packs of a set, with answers           written after every pack of it
//! sets/current.json       which set is served                        written last
//! ```
//! Nothing is ever changed in place but `current.json`, so a refill that dies half way leaves the old set serving.

use std::collections::BTreeMap;

use parallax_captcha::strength::Strengths;
use serde::{Deserialize, Serialize};

use crate::{
    digest::Digest,
    pack::{Entry, Pack, PackError, Span},
    throttle::Level,
};

/// The version of [`SetIndex`] and [`Current`] that this code writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// Key of [`Current`] in the bucket.
pub const CURRENT_KEY: &str = "sets/current.json";

/// More packs than this are not put in one set.
pub const MAX_PACKS: usize = 512;

/// An index larger than this is not read, bytes.
pub const MAX_INDEX_BYTES: usize = 8 << 20;

/// Sets kept after they were replaced: what was shown minutes ago must still be found.
pub const RETAINED: usize = 2;

/// What, beside its seed, a captcha is a function of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Version of the renderer.
    pub scheme_version: u32,
    /// Digest of the manifest of the checkpoint whose gradients perturbed the pictures.
    pub checkpoint: Digest,
    /// The renderer's style, as it serialises.
    pub style: serde_json::Value,
    /// The perturbation's configuration, as it serialises; a picture of a lower level has its budget times that.
    pub perturb: serde_json::Value,
}

/// What a set holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetIndex {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// [`SetIndex::id_of`] its packs.
    pub id: Digest,
    /// When it was made, unix seconds.
    pub created: u64,
    /// How its pictures were made.
    pub recipe: Recipe,
    /// Where its pictures are.
    pub packs: Vec<Pack>,
}

/// Why the index of a set is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// Larger than [`MAX_INDEX_BYTES`].
    #[error("an index of {bytes} bytes is not read")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// No JSON of this form.
    #[error("not the index of a set: {0}")]
    Json(String),
    /// Written by another version of this code.
    #[error("format version {found} is not {FORMAT_VERSION}")]
    Version {
        /// The version found.
        found: u32,
    },
    /// No packs, or more than [`MAX_PACKS`].
    #[error("a set has 1 to {MAX_PACKS} packs, this one {count}")]
    Count {
        /// Packs found.
        count: usize,
    },
    /// The id is not the one of these packs.
    #[error("the id is not the one of these packs")]
    Id,
    /// One of its packs is not believed.
    #[error("pack {index}: {error}")]
    Pack {
        /// Which pack.
        index: usize,
        /// Why.
        error: PackError,
    },
}

impl SetIndex {
    /// A set of `packs`, named after them.
    ///
    /// # Errors
    /// [`SetError`] when it would not be read again.
    pub fn new(created: u64, recipe: Recipe, packs: Vec<Pack>) -> Result<Self, SetError> {
        let id = Self::id_of(packs.iter().map(|p| p.id));
        let set = Self {
            format_version: FORMAT_VERSION,
            id,
            created,
            recipe,
            packs,
        };
        set.check()?;
        Ok(set)
    }

    /// Key of a set's index in the bucket.
    #[must_use]
    pub fn key(id: Digest) -> String {
        format!("sets/{id}/index.json")
    }

    /// The id of a set: the digest of its packs' ids, one a line.
    #[must_use]
    pub fn id_of(packs: impl Iterator<Item = Digest>) -> Digest {
        let lines: String = packs.map(|id| format!("{id}\n")).collect();
        Digest::of(lines.as_bytes())
    }

    /// Reads an index and checks it.
    ///
    /// # Errors
    /// [`SetError`], the first thing found wrong.
    pub fn decode(json: &[u8]) -> Result<Self, SetError> {
        if json.len() > MAX_INDEX_BYTES {
            return Err(SetError::TooLarge { bytes: json.len() });
        }
        let set: Self = serde_json::from_slice(json).map_err(|e| SetError::Json(e.to_string()))?;
        set.check()?;
        Ok(set)
    }

    fn check(&self) -> Result<(), SetError> {
        if self.format_version != FORMAT_VERSION {
            return Err(SetError::Version {
                found: self.format_version,
            });
        }
        if self.packs.is_empty() || self.packs.len() > MAX_PACKS {
            return Err(SetError::Count {
                count: self.packs.len(),
            });
        }
        if self.id != Self::id_of(self.packs.iter().map(|p| p.id)) {
            return Err(SetError::Id);
        }
        let mut packs = self.packs.iter().enumerate();
        packs.try_for_each(|(index, pack)| pack.check().map_err(|error| SetError::Pack { index, error }))
    }

    /// How many pictures it holds.
    #[must_use]
    pub fn count(&self) -> usize {
        self.packs.iter().map(|p| p.images.len()).sum()
    }

    /// How much of their perturbation its pictures kept.
    #[must_use]
    pub fn strengths(&self) -> Strengths {
        let entries = self.packs.iter().flat_map(|pack| &pack.images);
        entries.map(|entry| entry.strength).collect()
    }

    /// How many pictures have each level.
    #[must_use]
    pub fn levels(&self) -> BTreeMap<Level, usize> {
        let mut levels = BTreeMap::new();
        for (_, entry) in self.entries() {
            *levels.entry(entry.level).or_insert(0) += 1;
        }
        levels
    }

    /// The pictures to choose from for a site whose level is `wanted`, for a visitor who has just `seen` one: the others, of
    /// the nearest level there is, of two the lower one.
    pub fn choice(
        &self,
        wanted: Level,
        seen: Option<(Digest, Span)>,
    ) -> impl Iterator<Item = (Digest, &Entry)> + Clone {
        let others = self
            .entries()
            .filter(move |(pack, entry)| seen != Some((*pack, entry.image)));
        let levels = others.clone().map(|(_, entry)| entry.level);
        let nearest = levels.min_by_key(|level| (level.distance(wanted), *level));
        others.filter(move |(_, entry)| Some(entry.level) == nearest)
    }

    /// The picture at `position` of all its packs in order, with the pack it lies in.
    #[must_use]
    pub fn get(&self, position: usize) -> Option<(Digest, &Entry)> {
        self.entries().nth(position)
    }

    /// All pictures in order, each with the pack it lies in.
    pub fn entries(&self) -> impl Iterator<Item = (Digest, &Entry)> + Clone {
        self.packs
            .iter()
            .flat_map(|pack| pack.images.iter().map(|entry| (pack.id, entry)))
    }
}

/// Which set is served. The one object that changes in place; written only if it is still what was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Current {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Served now. One today; a list, so that several styles can be served side by side.
    pub active: Vec<Digest>,
    /// Replaced, newest first, not yet deleted.
    pub retired: Vec<Digest>,
}

impl Default for Current {
    fn default() -> Self {
        Self {
            format_version: FORMAT_VERSION,
            active: Vec::new(),
            retired: Vec::new(),
        }
    }
}

impl Current {
    /// Reads what [`CURRENT_KEY`] holds.
    ///
    /// # Errors
    /// [`SetError::TooLarge`], [`SetError::Json`], [`SetError::Version`].
    pub fn decode(json: &[u8]) -> Result<Self, SetError> {
        if json.len() > MAX_INDEX_BYTES {
            return Err(SetError::TooLarge { bytes: json.len() });
        }
        let current: Self = serde_json::from_slice(json).map_err(|e| SetError::Json(e.to_string()))?;
        if current.format_version == FORMAT_VERSION {
            Ok(current)
        } else {
            Err(SetError::Version {
                found: current.format_version,
            })
        }
    }

    /// Serves `id` in place of what is served. Returns the sets to be deleted: those that fall off the list of
    /// [`RETAINED`] ones.
    pub fn replace(&mut self, id: Digest) -> Vec<Digest> {
        let mut before = core::mem::replace(&mut self.active, vec![id]);
        before.append(&mut self.retired);
        before.retain(|other| *other != id);
        let dropped = before.split_off(before.len().min(RETAINED));
        self.retired = before;
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::tests::sample;

    fn recipe() -> Recipe {
        Recipe {
            scheme_version: 1,
            checkpoint: Digest::of(b"c"),
            style: serde_json::json!({"contrast": 0.25}),
            perturb: serde_json::Value::Null,
        }
    }

    fn set() -> SetIndex {
        SetIndex::new(1_800_000_000, recipe(), vec![sample(0, 2).0, sample(2, 3).0]).unwrap()
    }

    #[test]
    fn pictures_are_counted_across_packs() {
        let set = SetIndex::decode(&serde_json::to_vec(&set()).unwrap()).unwrap();
        assert_eq!(set.count(), 5);
        let seeds: Vec<_> = (0..5).map(|i| set.get(i).unwrap().1.seed).collect();
        assert_eq!(seeds, [0, 1, 2, 3, 4]);
        assert_eq!(set.get(2).unwrap().0, set.packs[1].id);
        assert_eq!(set.get(5), None);
    }

    #[test]
    fn a_site_gets_pictures_of_its_own_level_or_the_nearest() {
        let level = |percent: u8| Level::try_from(percent).unwrap();
        let mut set = set();
        for (entry, percent) in set
            .packs
            .iter_mut()
            .flat_map(|pack| &mut pack.images)
            .zip([100, 70, 100, 70, 50])
        {
            entry.level = level(percent);
        }
        let set = SetIndex::decode(&serde_json::to_vec(&set).unwrap()).unwrap();
        assert_eq!(
            set.levels(),
            BTreeMap::from([(level(50), 1), (level(70), 2), (level(100), 2)])
        );
        let choice = |percent, seen: Option<usize>| -> Vec<u64> {
            let seen = seen
                .and_then(|position| set.get(position))
                .map(|(pack, entry)| (pack, entry.image));
            set.choice(level(percent), seen).map(|(_, entry)| entry.seed).collect()
        };
        for (percent, seen, seeds) in [
            (100, None, &[0, 2][..]),
            (100, Some(2), &[0]),
            (85, None, &[1, 3]),
            (70, Some(0), &[1, 3]),
            (50, None, &[4]),
            (50, Some(4), &[1, 3]),
        ] {
            assert_eq!(choice(percent, seen), seeds, "{percent}, {seen:?}");
        }
    }

    #[test]
    fn an_index_from_before_there_were_levels_has_the_highest() {
        let mut json = serde_json::to_value(set()).unwrap();
        for image in json["packs"][0]["images"].as_array_mut().unwrap() {
            image.as_object_mut().unwrap().remove("level").unwrap();
        }
        let read = SetIndex::decode(&serde_json::to_vec(&json).unwrap()).unwrap();
        assert_eq!(read, set());
    }

    #[test]
    fn a_hostile_index_is_refused() {
        type Damage = fn(&mut SetIndex);
        let label = SetError::Pack {
            index: 1,
            error: PackError::Label { index: 0 },
        };
        let cases: [(&str, Damage, SetError); 5] = [
            ("version", |s| s.format_version = 2, SetError::Version { found: 2 }),
            ("no packs", |s| s.packs.clear(), SetError::Count { count: 0 }),
            (
                "many packs",
                |s| s.packs = vec![s.packs[0].clone(); 513],
                SetError::Count { count: 513 },
            ),
            ("order", |s| s.packs.reverse(), SetError::Id),
            ("pack", |s| s.packs[1].images[0].label.clear(), label),
        ];
        for (name, damage, expected) in cases {
            let mut damaged = set();
            damage(&mut damaged);
            assert_eq!(
                SetIndex::decode(&serde_json::to_vec(&damaged).unwrap()),
                Err(expected),
                "{name}"
            );
        }
        let bytes = MAX_INDEX_BYTES + 1;
        assert_eq!(SetIndex::decode(&vec![b' '; bytes]), Err(SetError::TooLarge { bytes }));
        assert!(matches!(
            SetIndex::decode(b"{\"format_version\":1"),
            Err(SetError::Json(_))
        ));
        assert!(matches!(Current::decode(b"[1]"), Err(SetError::Json(_))));
    }

    #[test]
    fn replaced_sets_are_kept_for_a_while() {
        let [a, b, c, d] = [b"a", b"b", b"c", b"d"].map(|x| Digest::of(x));
        let mut current = Current::default();
        let dropped: Vec<_> = [a, b, b, c, d].into_iter().map(|id| current.replace(id)).collect();
        assert_eq!(dropped, [vec![], vec![], vec![], vec![], vec![a]]);
        assert_eq!((&*current.active, &*current.retired), (&[d][..], &[c, b][..]));
        assert_eq!(Current::decode(&serde_json::to_vec(&current).unwrap()), Ok(current));
    }
}
