//! A pack: pictures and stroke masks as PNG, one after the other in one object, and the index that says where each is.
//!
//! One queue job makes one pack. A pack is named by the digest of its bytes, so a job that is delivered twice writes the
//! same object twice.

use parallax_captcha::{alphabet::Label, strength::Strength};
use serde::{Deserialize, Serialize};

use crate::{digest::Digest, throttle::Level};

/// More pictures than this are not put in one pack.
pub const MAX_IMAGES: usize = 1024;

/// A PNG larger than this is refused, bytes: five times what a 200 x 60 gray picture of pure noise takes.
pub const MAX_PNG_BYTES: u32 = 64 * 1024;

/// Bytes `offset..offset + length` of a pack; JSON `[offset, length]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u32, u32)", into = "(u32, u32)")]
pub struct Span {
    /// Where it begins, bytes.
    pub offset: u32,
    /// How long it is, bytes.
    pub length: u32,
}

impl From<(u32, u32)> for Span {
    fn from((offset, length): (u32, u32)) -> Self {
        Self { offset, length }
    }
}

impl From<Span> for (u32, u32) {
    fn from(span: Span) -> Self {
        (span.offset, span.length)
    }
}

impl Span {
    /// The bytes of this span in `pack`, `None` where it reaches beyond its end.
    #[must_use]
    pub fn of<'a>(&self, pack: &'a [u8]) -> Option<&'a [u8]> {
        let start = usize::try_from(self.offset).ok()?;
        pack.get(start..start.checked_add(usize::try_from(self.length).ok()?)?)
    }
}

/// One captcha of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What it was drawn from, below 2^53 so that every JSON reader keeps it.
    pub seed: u64,
    /// The right answer.
    pub label: String,
    /// What the readability gate left of the perturbation.
    #[serde(default)]
    pub strength: Strength,
    /// How much of the budget it was perturbed with.
    #[serde(default)]
    pub level: Level,
    /// The picture as it is served, PNG.
    pub image: Span,
    /// Its stroke mask, PNG, 255 where a character's stroke is.
    pub mask: Span,
}

/// What a pack holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    /// Digest of its bytes.
    pub id: Digest,
    /// Length, bytes.
    pub bytes: u32,
    /// In the order in which they lie in the pack.
    pub images: Vec<Entry>,
}

/// Why an index of a pack is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// No JSON of this form.
    #[error("not the index of a pack: {0}")]
    Json(String),
    /// No pictures, or more than [`MAX_IMAGES`].
    #[error("a pack holds 1 to {MAX_IMAGES} pictures, this one {count}")]
    Count {
        /// Pictures found.
        count: usize,
    },
    /// A label that is never drawn.
    #[error("picture {index} has no label of ours")]
    Label {
        /// Which picture.
        index: usize,
    },
    /// A seed of 2^53 or more.
    #[error("picture {index} has a seed of more than 53 bits")]
    Seed {
        /// Which picture.
        index: usize,
    },
    /// Spans leave gaps, overlap, are empty or too large, or do not end where the pack ends.
    #[error("picture {index} does not lie where the one before it ends")]
    Layout {
        /// Which picture; the number of pictures for what follows the last.
        index: usize,
    },
}

impl Pack {
    /// Key of a pack's bytes in the bucket.
    #[must_use]
    pub fn key(id: Digest) -> String {
        format!("packs/{id}")
    }

    /// Key of a pack's index in the bucket.
    #[must_use]
    pub fn index_key(id: Digest) -> String {
        format!("packs/{id}.json")
    }

    /// Reads an index and checks it.
    ///
    /// # Errors
    /// [`PackError`], the first thing found wrong.
    pub fn decode(json: &[u8]) -> Result<Self, PackError> {
        let pack: Self = serde_json::from_slice(json).map_err(|e| PackError::Json(e.to_string()))?;
        pack.check()?;
        Ok(pack)
    }

    /// Checks labels, seeds and that the spans cover the pack without gap or overlap.
    ///
    /// # Errors
    /// [`PackError`], the first thing found wrong.
    pub fn check(&self) -> Result<(), PackError> {
        let count = self.images.len();
        if count == 0 || count > MAX_IMAGES {
            return Err(PackError::Count { count });
        }
        let mut end = 0_u32;
        for (index, entry) in self.images.iter().enumerate() {
            Label::new(&entry.label).map_err(|_| PackError::Label { index })?;
            if entry.seed >= 1 << 53 {
                return Err(PackError::Seed { index });
            }
            for span in [entry.image, entry.mask] {
                let fits = span.offset == end && (1..=MAX_PNG_BYTES).contains(&span.length);
                end = end
                    .checked_add(span.length)
                    .filter(|_| fits)
                    .ok_or(PackError::Layout { index })?;
            }
        }
        if end == self.bytes {
            Ok(())
        } else {
            Err(PackError::Layout { index: count })
        }
    }
}

/// How a picture was perturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Perturbation {
    /// [`Entry::level`].
    pub level: Level,
    /// [`Entry::strength`].
    pub strength: Strength,
}

/// Puts a pack together, picture by picture.
#[derive(Debug, Default)]
pub struct PackBuilder {
    bytes: Vec<u8>,
    images: Vec<Entry>,
}

impl PackBuilder {
    /// Appends one captcha.
    ///
    /// # Errors
    /// [`PackError`] when the pack would not pass [`Pack::check`]; the pack is then as it was.
    pub fn push(
        &mut self,
        seed: u64,
        label: &Label,
        Perturbation { level, strength }: Perturbation,
        image_png: &[u8],
        mask_png: &[u8],
    ) -> Result<(), PackError> {
        let index = self.images.len();
        let layout = PackError::Layout { index };
        if index >= MAX_IMAGES {
            return Err(PackError::Count { count: index + 1 });
        }
        if seed >= 1 << 53 {
            return Err(PackError::Seed { index });
        }
        let image = span(self.bytes.len(), image_png).ok_or_else(|| layout.clone())?;
        let mask = span(self.bytes.len() + image_png.len(), mask_png).ok_or(layout)?;
        self.bytes.extend_from_slice(image_png);
        self.bytes.extend_from_slice(mask_png);
        self.images.push(Entry {
            seed,
            label: label.to_string(),
            strength,
            level,
            image,
            mask,
        });
        Ok(())
    }

    /// The index, and the bytes it is about.
    ///
    /// # Errors
    /// [`PackError::Count`] when nothing was pushed.
    pub fn finish(self) -> Result<(Pack, Vec<u8>), PackError> {
        let bytes = u32::try_from(self.bytes.len()).map_err(|_| PackError::Layout {
            index: self.images.len(),
        })?;
        let pack = Pack {
            id: Digest::of(&self.bytes),
            bytes,
            images: self.images,
        };
        pack.check()?;
        Ok((pack, self.bytes))
    }
}

fn span(offset: usize, png: &[u8]) -> Option<Span> {
    let length = u32::try_from(png.len())
        .ok()
        .filter(|l| (1..=MAX_PNG_BYTES).contains(l))?;
    Some(Span {
        offset: u32::try_from(offset).ok()?,
        length,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const FULL: Perturbation = Perturbation {
        level: Level::ALL[0],
        strength: Strength::Full,
    };

    /// A pack of `count` captchas whose "PNGs" are their own numbers, written out.
    pub(crate) fn sample(first_seed: u64, count: u64) -> (Pack, Vec<u8>) {
        let label = Label::new("A236").unwrap();
        let mut builder = PackBuilder::default();
        for seed in first_seed..first_seed + count {
            builder
                .push(
                    seed,
                    &label,
                    FULL,
                    format!("image {seed}").as_bytes(),
                    format!("mask {seed}").as_bytes(),
                )
                .unwrap();
        }
        builder.finish().unwrap()
    }

    #[test]
    fn what_was_pushed_is_found_again() {
        let (pack, bytes) = sample(98, 4);
        let read = Pack::decode(&serde_json::to_vec(&pack).unwrap()).unwrap();
        assert_eq!(read, pack);
        assert_eq!(read.id, Digest::of(&bytes));
        let images: Vec<_> = read.images.iter().map(|e| e.image.of(&bytes).unwrap()).collect();
        let masks: Vec<_> = read.images.iter().map(|e| e.mask.of(&bytes).unwrap()).collect();
        assert_eq!(images, [&b"image 98"[..], b"image 99", b"image 100", b"image 101"]);
        assert_eq!(masks, [&b"mask 98"[..], b"mask 99", b"mask 100", b"mask 101"]);
    }

    #[test]
    fn a_builder_refuses_and_stays_as_it_was() {
        let label = Label::new("A236").unwrap();
        let mut builder = PackBuilder::default();
        builder.push(1, &label, FULL, b"i", b"m").unwrap();
        let large = vec![0; MAX_PNG_BYTES as usize + 1];
        assert_eq!(
            builder.push(2, &label, FULL, b"", b"m"),
            Err(PackError::Layout { index: 1 })
        );
        assert_eq!(
            builder.push(2, &label, FULL, b"i", &large),
            Err(PackError::Layout { index: 1 })
        );
        assert_eq!(
            builder.push(1 << 53, &label, FULL, b"i", b"m"),
            Err(PackError::Seed { index: 1 })
        );
        assert_eq!(builder.finish().unwrap().1, b"im");
        assert_eq!(
            PackBuilder::default().finish().unwrap_err(),
            PackError::Count { count: 0 }
        );
    }

    #[test]
    fn a_hostile_index_is_refused() {
        let (good, _) = sample(0, 3);
        type Damage = fn(&mut Pack);
        let cases: [(&str, Damage, PackError); 9] = [
            ("empty", |p| p.images.clear(), PackError::Count { count: 0 }),
            (
                "label",
                |p| p.images[1].label = "../x".into(),
                PackError::Label { index: 1 },
            ),
            ("seed", |p| p.images[2].seed = u64::MAX, PackError::Seed { index: 2 }),
            ("gap", |p| p.images[1].image.offset += 1, PackError::Layout { index: 1 }),
            (
                "overlap",
                |p| p.images[1].mask.offset -= 1,
                PackError::Layout { index: 1 },
            ),
            (
                "empty span",
                |p| p.images[0].image.length = 0,
                PackError::Layout { index: 0 },
            ),
            (
                "overflow",
                |p| {
                    p.images[0].image = Span {
                        offset: 0,
                        length: u32::MAX,
                    }
                },
                PackError::Layout { index: 0 },
            ),
            ("too short", |p| p.bytes -= 1, PackError::Layout { index: 3 }),
            ("too long", |p| p.bytes = u32::MAX, PackError::Layout { index: 3 }),
        ];
        for (name, damage, expected) in cases {
            let mut pack = good.clone();
            damage(&mut pack);
            assert_eq!(
                Pack::decode(&serde_json::to_vec(&pack).unwrap()),
                Err(expected),
                "{name}"
            );
        }
        for junk in [
            &b""[..],
            b"{}",
            b"[]",
            b"\xff",
            b"{\"id\":\"zz\",\"bytes\":0,\"images\":[]}",
        ] {
            assert!(matches!(Pack::decode(junk), Err(PackError::Json(_))), "{junk:?}");
        }
    }

    #[test]
    fn a_span_beyond_the_end_is_none() {
        assert_eq!(Span { offset: 1, length: 2 }.of(b"abc"), Some(&b"bc"[..]));
        assert_eq!(Span { offset: 2, length: 2 }.of(b"abc"), None);
        assert_eq!(
            Span {
                offset: u32::MAX,
                length: u32::MAX
            }
            .of(b"abc"),
            None
        );
    }
}
