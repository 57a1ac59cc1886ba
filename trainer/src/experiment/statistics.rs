//! Shares and how sure they are.

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
        if self.count == 0 {
            return [0.0, 1.0];
        }
        let (n, p) = (self.count as f64, self.rate());
        let centre = p + Z * Z / (2.0 * n);
        let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + Z * Z / n;
        [
            ((centre - spread) / scale).max(0.0),
            ((centre + spread) / scale).min(1.0),
        ]
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
    fn intervals_are_wilsons() {
        // From Newcombe (1998), table I, method 3.
        for (success, count, expected) in [
            (81, 263, [0.2553, 0.3662]),
            (15, 148, [0.0624, 0.1605]),
            (0, 20, [0.0, 0.1611]),
            (1, 29, [0.0061, 0.1718]),
        ] {
            let interval = Share { success, count }.interval();
            for (found, expected) in interval.iter().zip(expected) {
                assert!((found - expected).abs() < 6e-5, "{success} of {count}: {interval:?}");
            }
        }
        assert_eq!(Share::default().interval(), [0.0, 1.0]);
    }
}
