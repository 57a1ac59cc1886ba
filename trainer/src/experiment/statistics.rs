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
