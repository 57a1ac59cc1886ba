//! How sure a share is.

/// The interval of Wilson (1927) of `success` of `count`, for the normal distribution's `quantile` (1.96 for 95 %); all of
/// `[0, 1]` of none.
#[must_use]
pub fn wilson(success: f64, count: f64, quantile: f64) -> [f64; 2] {
    if count <= 0.0 {
        return [0.0, 1.0];
    }
    let share = success / count;
    let square = quantile * quantile;
    let centre = share + square / (2.0 * count);
    let spread = quantile * (share * (1.0 - share) / count + square / (4.0 * count * count)).sqrt();
    let scale = 1.0 + square / count;
    [
        ((centre - spread) / scale).max(0.0),
        ((centre + spread) / scale).min(1.0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_wilsons() {
        // Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I, method 3.
        for (success, count, expected) in [
            (81.0, 263.0, [0.2553, 0.3662]),
            (15.0, 148.0, [0.0624, 0.1605]),
            (0.0, 20.0, [0.0, 0.1611]),
            (1.0, 29.0, [0.0061, 0.1718]),
        ] {
            for (found, expected) in wilson(success, count, 1.959_963_985).into_iter().zip(expected) {
                assert!((found - expected).abs() < 6e-5, "{success} of {count}: {found}");
            }
        }
        assert_eq!(wilson(0.0, 0.0, 1.96), [0.0, 1.0]);
    }
}
