//! What the visitor path asks of the precompute path, as a message in the queue.

use serde::{Deserialize, Serialize};

use crate::{
    digest::Digest,
    image_set::{MAX_PACKS, SetIndex},
    pack::MAX_IMAGES,
    throttle::Level,
};

/// Seeds are below this: JSON numbers beyond 2^53 do not survive JavaScript, and messages pass through it.
pub const SEED_LIMIT: u64 = 1 << 53;

/// The most pictures one set may be asked to have.
pub const MAX_COUNT: u32 = 16_384;

/// Pictures of the highest level for one of each lower level.
const FULL_IN_TURN: u32 = 4;

/// A message in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Job {
    /// Make a set and serve it in place of the one served now.
    Refill(Refill),
}

/// Make a set of `count` pictures. Each delivery makes one pack and sends the job on, with that pack added, until the
/// set is complete: no run exceeds its CPU limit however large the set is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refill {
    /// Picture `i` of the set is drawn from [`Refill::seed_of`]`(i)`.
    pub seed: u64,
    /// Pictures the set is to have.
    pub count: u32,
    /// Why it is made.
    pub reason: Reason,
    /// Lower levels that sites have: of each a fourth as many pictures as of the highest.
    #[serde(default)]
    pub levels: Vec<Level>,
    /// Digest of the recipe that the packs already made were made by.
    #[serde(default)]
    pub recipe: Option<Digest>,
    /// Packs already made, in order.
    #[serde(default)]
    pub packs: Vec<Digest>,
    /// Pictures in them.
    #[serde(default)]
    pub done: u32,
}

/// Why a set is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A visitor found no set; void when there is one by the time it is handled.
    Empty,
    /// The clock.
    Schedule,
    /// An admin.
    Admin,
}

/// Why a [`Refill`] is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// No pictures, or more than [`MAX_COUNT`].
    #[error("a set has 1 to {MAX_COUNT} pictures")]
    Count,
    /// The seed has more than 53 bits.
    #[error("a seed has at most 53 bits")]
    Seed,
    /// More packs or pictures done than asked for.
    #[error("more is done than was asked for")]
    Progress,
    /// More levels than there are.
    #[error("there are fewer levels")]
    Levels,
}

impl Refill {
    /// A set of `count` pictures, nothing of it made yet; the upper bits of `seed` are dropped.
    #[must_use]
    pub fn new(seed: u64, count: u32, reason: Reason) -> Self {
        Self {
            seed: seed % SEED_LIMIT,
            count,
            reason,
            levels: Vec::new(),
            recipe: None,
            packs: Vec::new(),
            done: 0,
        }
    }

    /// Checks what came out of the queue.
    ///
    /// # Errors
    /// [`JobError`], the first thing found wrong.
    pub fn check(&self) -> Result<(), JobError> {
        if self.count == 0 || self.count > MAX_COUNT {
            return Err(JobError::Count);
        }
        if self.seed >= SEED_LIMIT {
            return Err(JobError::Seed);
        }
        if self.done > self.count || self.packs.len() > MAX_PACKS {
            return Err(JobError::Progress);
        }
        if self.levels.len() >= Level::ALL.len() {
            return Err(JobError::Levels);
        }
        Ok(())
    }

    /// Whether `set` is the beginning of what this asks for: its first pictures, served while the rest is made.
    #[must_use]
    pub fn is_begun_by(&self, set: &SetIndex) -> bool {
        let first = set.get(0).map(|(_, entry)| entry.seed);
        first == Some(self.seed_of(0)) && u32::try_from(set.count()).is_ok_and(|count| count < self.count)
    }

    /// The seed of picture `index`, below [`SEED_LIMIT`].
    #[must_use]
    pub fn seed_of(&self, index: u32) -> u64 {
        self.seed.wrapping_add(u64::from(index)) % SEED_LIMIT
    }

    /// The same with `levels` as well: as many pictures of the highest level as before.
    #[must_use]
    pub fn with_levels(self, levels: Vec<Level>) -> Self {
        let more = u64::try_from(levels.len()).unwrap_or(0) * u64::from(self.count.div_ceil(FULL_IN_TURN));
        let count = u32::try_from(u64::from(self.count) + more).unwrap_or(MAX_COUNT);
        Self {
            count: count.min(MAX_COUNT.max(self.count)),
            levels,
            ..self
        }
    }

    /// The level of picture `index`.
    #[must_use]
    pub fn level_of(&self, index: u32) -> Level {
        let turn = FULL_IN_TURN + u32::try_from(self.levels.len()).unwrap_or(0);
        let lower = (index % turn).checked_sub(FULL_IN_TURN);
        let lower = lower.and_then(|lower| self.levels.get(usize::try_from(lower).ok()?));
        lower.copied().unwrap_or_default()
    }

    /// Which pictures the next pack is to hold, when one run can make at most `pack_size`; empty when all are made.
    /// Packs are made larger than that where a set would need more than [`MAX_PACKS`] of them.
    #[must_use]
    pub fn next_pack(&self, pack_size: u32) -> core::ops::Range<u32> {
        let least = self.count.div_ceil(u32::try_from(MAX_PACKS).unwrap_or(u32::MAX));
        let most = u32::try_from(MAX_IMAGES).unwrap_or(u32::MAX);
        let size = pack_size.max(least).clamp(1, most);
        self.done..self.done.saturating_add(size).min(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{image_set::Recipe, pack::tests::sample};

    #[test]
    fn packs_add_up_to_the_set() {
        for (count, pack_size) in [
            (1, 1),
            (64, 32),
            (65, 32),
            (512, 24),
            (MAX_COUNT, 1),
            (3, 0),
            (5, u32::MAX),
        ] {
            let mut refill = Refill::new(u64::MAX, count, Reason::Schedule);
            let mut seeds = Vec::new();
            loop {
                refill.check().unwrap();
                let next = refill.next_pack(pack_size);
                if next.is_empty() {
                    break;
                }
                seeds.extend(next.clone().map(|i| refill.seed_of(i)));
                refill.packs.push(Digest::of(&next.end.to_le_bytes()));
                refill.done = next.end;
            }
            assert_eq!(seeds.len(), count as usize, "{count} by {pack_size}");
            seeds.sort_unstable();
            seeds.dedup();
            assert_eq!(seeds.len(), count as usize, "{count} by {pack_size}: seeds differ");
            assert!(seeds.iter().all(|s| *s < SEED_LIMIT));
        }
    }

    #[test]
    fn a_refill_knows_its_own_first_set() {
        let recipe = Recipe {
            scheme_version: 1,
            checkpoint: Digest::of(b"c"),
            style: serde_json::Value::Null,
            perturb: serde_json::Value::Null,
        };
        let set = |seed, count| SetIndex::new(1_800_000_000, recipe.clone(), vec![sample(seed, count).0]).unwrap();
        let refill = Refill::new(40, 9, Reason::Empty);
        for (seed, count, is_begun) in [(40, 8, true), (40, 9, false), (41, 8, false), (39, 8, false)] {
            assert_eq!(refill.is_begun_by(&set(seed, count)), is_begun, "{count} from {seed}");
        }
    }

    #[test]
    fn a_hostile_message_is_refused() {
        let good = Refill::new(1, 10, Reason::Admin);
        assert_eq!(
            Refill {
                count: 0,
                ..good.clone()
            }
            .check(),
            Err(JobError::Count)
        );
        assert_eq!(
            Refill {
                count: MAX_COUNT + 1,
                ..good.clone()
            }
            .check(),
            Err(JobError::Count)
        );
        assert_eq!(
            Refill {
                seed: SEED_LIMIT,
                ..good.clone()
            }
            .check(),
            Err(JobError::Seed)
        );
        assert_eq!(
            Refill {
                done: 11,
                ..good.clone()
            }
            .check(),
            Err(JobError::Progress)
        );
        assert_eq!(
            Refill {
                packs: vec![Digest::of(b""); 513],
                ..good
            }
            .check(),
            Err(JobError::Progress)
        );
    }

    #[test]
    fn lower_levels_are_made_as_well_and_not_instead() {
        let of = |count, percents: &[u8]| {
            let levels = percents
                .iter()
                .map(|percent| Level::try_from(*percent).unwrap())
                .collect();
            let refill = Refill::new(7, count, Reason::Schedule).with_levels(levels);
            let made = (0..refill.count).map(|index| refill.level_of(index).percent());
            (refill.check(), made.collect::<Vec<_>>())
        };
        assert_eq!(of(5, &[]), (Ok(()), vec![100; 5]));
        assert_eq!(of(8, &[70]), (Ok(()), [[100, 100, 100, 100, 70]; 2].concat()));
        assert_eq!(of(4, &[85, 50]), (Ok(()), vec![100, 100, 100, 100, 85, 50]));
        let (_, many) = of(64, &[85, 70, 50]);
        assert_eq!(
            (many.len(), many.iter().filter(|percent| **percent == 100).count()),
            (112, 64)
        );
        assert_eq!(of(8, &[85, 70, 50, 50]).0, Err(JobError::Levels));
        assert_eq!(of(MAX_COUNT, &[85]).1.len(), MAX_COUNT as usize);
    }

    #[test]
    fn the_message_is_readable() {
        let job = Job::Refill(Refill::new(7, 64, Reason::Empty));
        let json =
            r#"{"kind":"refill","seed":7,"count":64,"reason":"empty","levels":[],"recipe":null,"packs":[],"done":0}"#;
        assert_eq!(serde_json::to_string(&job).unwrap(), json);
        assert_eq!(serde_json::from_str::<Job>(json).unwrap(), job);
    }
}
