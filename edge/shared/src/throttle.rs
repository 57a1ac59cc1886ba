//! The throttle: how much of the perturbation a site's visitors meet, so that people keep passing.
//!
//! What a picture asks of people is known only from those of whom something else says that they are people. A site asks a
//! few of the visitors whose slide was a person's ([`crate::routing::Routing::sample`], or a rule), and how often these read
//! the first picture moves the budget along [`LADDER`]: down where they surely pass less often than [`TARGET`], up again where
//! they surely pass more often than [`COMFORT`]. Between the two nothing moves, so that it does not swing.
//!
//! Who slides like a person and answers wrong on purpose can lower a site's budget, never below the ladder's last rung; one
//! network counts once an hour.

use serde::{Deserialize, Serialize};

/// Percent of the product's budget, from all of it down. The steps are those in which the readability gate weakens a picture.
pub const LADDER: [u8; 4] = [100, 85, 70, 50];

/// People are to read at least this share of pictures at first sight.
pub const TARGET: f64 = 0.90;

/// Where they surely read more than this, the budget rises again.
pub const COMFORT: f64 = 0.95;

/// Fewer answers than this move nothing: of one that is wrong, even the upper end of the interval is low.
const LEAST: u32 = 30;

/// And fewer than this do not raise the budget again: nobody is lost to a budget that is low for a while longer.
const LEAST_TO_RISE: u32 = 200;

/// Answers that weigh; older ones fade.
const MEMORY: u32 = 400;

/// Normal quantile of the intervals, two-sided 99 %: they are looked at after every answer, so that 95 % would be passed by
/// chance again and again.
const QUANTILE: f64 = 2.576;

/// A site's budget, and what moved it there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    /// Percent of the product's budget.
    pub budget: u8,
    /// Trusted visitors that read their first picture, since the budget moved.
    pub passed: u32,
    /// And those that did not.
    pub failed: u32,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            budget: LADDER[0],
            passed: 0,
            failed: 0,
        }
    }
}

impl Throttle {
    /// Takes in whether a trusted visitor read the first picture. Returns the budget before it moved, if it did.
    pub fn observe(&mut self, read: bool) -> Option<u8> {
        if self.passed + self.failed >= MEMORY {
            self.passed /= 2;
            self.failed /= 2;
        }
        *(if read { &mut self.passed } else { &mut self.failed }) += 1;
        let count = self.passed + self.failed;
        if count < LEAST {
            return None;
        }
        let [low, high] = wilson(self.passed, count, QUANTILE);
        let rung = LADDER.iter().position(|percent| *percent <= self.budget);
        let rung = rung.unwrap_or(LADDER.len() - 1);
        let next = if high < TARGET {
            rung + 1
        } else if low > COMFORT && count >= LEAST_TO_RISE {
            rung.checked_sub(1)?
        } else {
            return None;
        };
        let before = self.budget;
        *self = Self {
            budget: *LADDER.get(next)?,
            passed: 0,
            failed: 0,
        };
        Some(before)
    }
}

/// The interval of Wilson (1927) of a share; `quantile` of the normal distribution.
fn wilson(success: u32, count: u32, quantile: f64) -> [f64; 2] {
    let n = f64::from(count);
    let share = f64::from(success) / n;
    let square = quantile * quantile;
    let centre = share + square / (2.0 * n);
    let half = quantile * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    let scale = 1.0 + square / n;
    [(centre - half) / scale, (centre + half) / scale]
}

#[cfg(test)]
mod tests {
    use rand_chacha::{
        ChaCha8Rng,
        rand_core::{RngCore, SeedableRng},
    };

    use super::*;

    const SITES: u64 = 200;

    /// Two hundred sites whose trusted visitors read a picture with the probability of its rung; of each the budget after so
    /// many answers, and how often it moved.
    fn simulate(answers: u32, read: [f64; 4], begin: Throttle) -> Vec<(u8, usize)> {
        let site = |seed| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut throttle = begin;
            let moves = (0..answers).filter(|_| {
                let rung = LADDER.iter().position(|percent| *percent == throttle.budget).unwrap();
                let uniform = f64::from(random.next_u32()) / f64::from(u32::MAX);
                throttle.observe(uniform < read[rung]).is_some()
            });
            let moves = moves.count();
            (throttle.budget, moves)
        };
        (0..SITES).map(site).collect()
    }

    fn share(sites: &[(u8, usize)], wanted: impl Fn(u8, usize) -> bool) -> f64 {
        sites.iter().filter(|(budget, moves)| wanted(*budget, *moves)).count() as f64 / sites.len() as f64
    }

    #[test]
    fn where_people_read_the_budget_stays() {
        let sites = simulate(5_000, [0.97, 0.98, 0.99, 0.99], Throttle::default());
        assert!(share(&sites, |_, moves| moves == 0) >= 0.95, "{sites:?}");
    }

    #[test]
    fn where_people_fail_it_falls_until_they_read() {
        let sites = simulate(600, [0.60, 0.80, 0.95, 0.97], Throttle::default());
        assert!(
            share(&sites, |budget, moves| (budget, moves) == (70, 2)) >= 0.95,
            "{sites:?}"
        );
    }

    #[test]
    fn it_rises_again_when_they_read_well() {
        let low = Throttle {
            budget: 50,
            ..Throttle::default()
        };
        let sites = simulate(3_000, [0.98, 0.99, 0.99, 0.99], low);
        assert!(share(&sites, |budget, _| budget == 100) >= 0.95, "{sites:?}");
    }

    #[test]
    fn it_does_not_swing_between_two_rungs() {
        let sites = simulate(20_000, [0.85, 0.92, 0.95, 0.95], Throttle::default());
        assert!(share(&sites, |_, moves| moves <= 3) >= 0.95, "{sites:?}");
    }

    #[test]
    fn who_fails_on_purpose_moves_it_within_limits() {
        // Of a hundred that look like people two answer wrong on purpose; then all of them do.
        let few = simulate(5_000, [0.97 * 0.98; 4], Throttle::default());
        assert!(share(&few, |budget, _| budget == 100) >= 0.95, "{few:?}");
        let all = simulate(5_000, [0.0; 4], Throttle::default());
        assert!(
            share(&all, |budget, moves| (budget, moves) == (50, 3)) == 1.0,
            "{all:?}"
        );
    }

    #[test]
    fn intervals_are_wilsons() {
        // Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I, method 3.
        for (success, count, expected) in [
            (81, 263, [0.2553, 0.3662]),
            (15, 148, [0.0624, 0.1605]),
            (0, 20, [0.0, 0.1611]),
        ] {
            for (found, expected) in wilson(success, count, 1.96).into_iter().zip(expected) {
                assert!((found - expected).abs() < 5e-5, "{success} of {count}: {found}");
            }
        }
    }

    #[test]
    fn it_is_kept_as_json() {
        let throttle = Throttle {
            budget: 85,
            passed: 3,
            failed: 1,
        };
        let json = serde_json::to_string(&throttle).unwrap();
        assert_eq!(json, r#"{"budget":85,"passed":3,"failed":1}"#);
        assert_eq!(serde_json::from_str::<Throttle>(&json).unwrap(), throttle);
    }
}
