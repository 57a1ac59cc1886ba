//! The throttle: how much of the perturbation a site's visitors meet, so that people keep passing.
//!
//! What a picture asks of people is known only from visitors of whom something else says that they are people. A site asks a
//! few of those whose slide was a person's ([`crate::routing::Routing::sample`]), and how often these read the first picture
//! moves its [`Level`]: down where they surely read fewer than [`TARGET`], up again where they surely read more than
//! [`COMFORT`]. Between the two nothing moves, so that it does not swing.
//!
//! Who slides like a person, is asked and answers wrong on purpose can lower a site's level, never below the lowest; one
//! network counts once an hour, and a level moves at most once an image set: answers to pictures of another one do not count.

use parallax_captcha::interval::wilson;
use serde::{Deserialize, Serialize};

/// People are to read at least this share of pictures at first sight.
pub const TARGET: f64 = 0.90;

/// Where they surely read more than this, the level rises again.
pub const COMFORT: f64 = 0.95;

/// Fewer answers than this move nothing: a handful of wrong ones would look certain.
const LEAST: u32 = 30;

/// And fewer than this do not raise the level: nobody is lost to one that is low for a while longer.
const LEAST_TO_RISE: u32 = 200;

/// Answers that weigh; older ones fade.
const MEMORY: u32 = 400;

/// Normal quantile of the intervals, two-sided 99 %: they are looked at after every answer, so that 95 % would be passed by
/// chance again and again.
const QUANTILE: f64 = 2.576;

/// Percent of the product's budget that a picture is perturbed with, one of [`Level::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Level(u8);

/// A percentage that is no level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is none of the levels 100, 85, 70 and 50")]
pub struct NoLevel(u8);

impl Level {
    /// From all of the budget down, in the steps in which the readability gate weakens a picture.
    pub const ALL: [Self; 4] = [Self(100), Self(85), Self(70), Self(50)];

    /// The percentage.
    #[must_use]
    pub fn percent(self) -> u8 {
        self.0
    }

    /// How far it is from `other`, percent.
    #[must_use]
    pub fn distance(self, other: Self) -> u8 {
        self.0.abs_diff(other.0)
    }

    fn place(self) -> usize {
        Self::ALL.iter().position(|level| *level == self).unwrap_or(0)
    }
}

impl Default for Level {
    /// All of the budget.
    fn default() -> Self {
        Self::ALL[0]
    }
}

impl TryFrom<u8> for Level {
    type Error = NoLevel;

    fn try_from(percent: u8) -> Result<Self, NoLevel> {
        let known = Self::ALL.into_iter().find(|level| level.0 == percent);
        known.ok_or(NoLevel(percent))
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        level.0
    }
}

/// A site's level, and what moves it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    /// What the site's next pictures have.
    pub level: Level,
    /// Sampled visitors that read their first picture, of this level; older ones fade.
    pub passed: u32,
    /// And those that did not.
    pub failed: u32,
}

impl Throttle {
    /// Takes in whether a sampled visitor read the first picture, which had `level`. Returns the level before, if it moved.
    pub fn observe(&mut self, read: bool, level: Level) -> Option<Level> {
        if level != self.level {
            return None;
        }
        if self.passed + self.failed >= MEMORY {
            self.passed /= 2;
            self.failed /= 2;
        }
        *(if read { &mut self.passed } else { &mut self.failed }) += 1;
        let count = self.passed + self.failed;
        if count < LEAST {
            return None;
        }
        let [low, high] = wilson(self.passed.into(), count.into(), QUANTILE);
        let place = level.place();
        let next = if high < TARGET {
            place + 1
        } else if low > COMFORT && count >= LEAST_TO_RISE {
            place.checked_sub(1)?
        } else {
            return None;
        };
        *self = Self {
            level: *Level::ALL.get(next)?,
            ..Self::default()
        };
        Some(level)
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::{
        ChaCha8Rng,
        rand_core::{RngCore, SeedableRng},
    };

    use super::*;

    const SITES: u64 = 200;

    /// Where a site's level is after a simulation, percent, how often it moved, and the lowest it was.
    #[derive(Debug)]
    struct End {
        level: u8,
        moves: usize,
        lowest: u8,
    }

    /// Two hundred sites that begin at `level`, each with so many answers of sampled visitors, who read a picture with the
    /// probability of its level. A new image set comes every `refresh` answers; until then pictures have the old level.
    fn simulate(answers: u32, refresh: u32, read: [f64; 4], level: u8) -> Vec<End> {
        let site = |seed| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut throttle = Throttle {
                level: Level::try_from(level).unwrap(),
                ..Throttle::default()
            };
            let (mut shown, mut moves, mut lowest) = (throttle.level, 0, throttle.level);
            for answer in 0..answers {
                if answer % refresh == 0 {
                    shown = throttle.level;
                }
                let uniform = f64::from(random.next_u32()) / f64::from(u32::MAX);
                moves += usize::from(throttle.observe(uniform < read[shown.place()], shown).is_some());
                lowest = lowest.min(throttle.level);
            }
            End {
                level: throttle.level.percent(),
                moves,
                lowest: lowest.percent(),
            }
        };
        (0..SITES).map(site).collect()
    }

    /// At least 95 % of the sites.
    fn nearly_all(ends: &[End], wanted: impl Fn(&End) -> bool) {
        let share = ends.iter().filter(|end| wanted(end)).count() as f64 / ends.len() as f64;
        assert!(share >= 0.95, "{share}: {ends:?}");
    }

    #[test]
    fn where_people_read_the_level_stays() {
        nearly_all(&simulate(5_000, 1, [0.97; 4], 100), |end| end.moves == 0);
    }

    #[test]
    fn where_people_fail_it_falls_until_they_read_and_no_further() {
        // However long the next set takes.
        for refresh in [1, 50, 100, 300] {
            let ends = simulate(400 + 3 * refresh, refresh, [0.60, 0.80, 0.95, 0.97], 100);
            nearly_all(&ends, |end| (end.level, end.lowest) == (70, 70));
        }
    }

    #[test]
    fn it_rises_again_when_they_read_well() {
        nearly_all(&simulate(3_000, 1, [0.98, 0.99, 0.99, 0.99], 50), |end| {
            end.level == 100
        });
    }

    #[test]
    fn it_does_not_swing_between_two_levels() {
        nearly_all(&simulate(20_000, 50, [0.85, 0.92, 0.95, 0.95], 100), |end| {
            end.moves <= 3
        });
    }

    #[test]
    fn who_fails_on_purpose_moves_it_within_limits() {
        // Of a hundred that are counted, two answer wrong on purpose; then all of them do.
        nearly_all(&simulate(5_000, 50, [0.97 * 0.98; 4], 100), |end| end.level == 100);
        let all = simulate(5_000, 50, [0.0; 4], 100);
        assert!(all.iter().all(|end| (end.level, end.moves) == (50, 3)), "{all:?}");
    }

    #[test]
    fn it_is_kept_as_json_and_knows_its_levels() {
        let throttle = Throttle {
            level: Level(85),
            passed: 3,
            failed: 1,
        };
        let json = serde_json::to_string(&throttle).unwrap();
        assert_eq!(json, r#"{"level":85,"passed":3,"failed":1}"#);
        assert_eq!(serde_json::from_str::<Throttle>(&json).unwrap(), throttle);
        assert!(serde_json::from_str::<Throttle>(r#"{"level":84,"passed":3,"failed":1}"#).is_err());
    }
}
