//! Shares and how sure they are.

use parallax_captcha::interval::wilson;
use serde::{Deserialize, Serialize};

/// Successes among tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Share {
    /// Successes.
    pub success: usize,
    /// Tries.
    pub count: usize,
}

/// Whether a goal was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// By the whole interval.
    Met,
    /// By none of the interval.
    Missed,
    /// The goal lies in the interval.
    Within,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Within => "within the interval",
        })
    }
}

/// 97.5 % quantile of the normal distribution.
const Z: f64 = 1.959_963_985;

impl Share {
    /// The share, 0 of nothing.
    #[must_use]
    pub fn rate(self) -> f64 {
        self.success as f64 / self.count.max(1) as f64
    }

    /// The 95 % interval of Wilson (1927).
    #[must_use]
    pub fn interval(self) -> [f64; 2] {
        wilson(self.success as f64, self.count as f64, Z)
    }

    /// Whether the success is at most `goal`, as far as so many tries can tell.
    #[must_use]
    pub fn at_most(self, goal: f64) -> Verdict {
        let [low, high] = self.interval();
        if high <= goal {
            Verdict::Met
        } else if low > goal {
            Verdict::Missed
        } else {
            Verdict::Within
        }
    }

    /// Whether the success is at most `points` (a share, not percent) above that of `other`, by the ends of both intervals.
    #[must_use]
    pub fn at_most_above(self, other: Self, points: f64) -> Verdict {
        let ([low, high], [other_low, other_high]) = (self.interval(), other.interval());
        if high - other_low <= points {
            Verdict::Met
        } else if low - other_high > points {
            Verdict::Missed
        } else {
            Verdict::Within
        }
    }

    /// All of several together.
    #[must_use]
    pub fn sum(shares: impl IntoIterator<Item = Self>) -> Self {
        shares.into_iter().fold(Self::default(), |sum, share| Self {
            success: sum.success + share.success,
            count: sum.count + share.count,
        })
    }
}

impl std::fmt::Display for Share {
    /// `12.5 % (9.1 to 16.9)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [low, high] = self.interval();
        write!(
            f,
            "{:.1} % ({:.1} to {:.1})",
            100.0 * self.rate(),
            100.0 * low,
            100.0 * high
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_by_the_whole_interval() {
        for (success, expected) in [
            (10, Verdict::Met),
            (22, Verdict::Within),
            (30, Verdict::Within),
            (60, Verdict::Missed),
        ] {
            assert_eq!(Share { success, count: 100 }.at_most(0.3), expected, "{success}");
        }
    }

    #[test]
    fn a_difference_is_judged_by_both_intervals() {
        let share = |success| Share { success, count: 1_000 };
        // 2.0 % (1.3 to 3.1) and 59.0 % (55.9 to 62.0).
        let [few, many] = [20, 590].map(share);
        assert_eq!(few.at_most_above(many, 0.0), Verdict::Met);
        assert_eq!(few.at_most_above(few, 0.02), Verdict::Met);
        assert_eq!(few.at_most_above(few, 0.0), Verdict::Within);
        assert_eq!(many.at_most_above(few, 0.5), Verdict::Missed);
        assert_eq!(many.at_most_above(few, 0.57), Verdict::Within);
    }
}
