//! The smoothest movement from rest to rest (Flash and Hogan 1985), with noise in proportion to speed (Harris and Wolpert
//! 1998).

use super::curve::{Curve, wandering_noise};
use crate::risk::random::Random;

/// Position at `u`: `10 u^3 - 15 u^4 + 6 u^5`, resting outside `[0, 1]`.
#[must_use]
pub fn minimum_jerk(u: f64) -> f64 {
    let u = u.clamp(0.0, 1.0);
    u.powi(3) * (10.0 - 15.0 * u + 6.0 * u * u)
}

pub(super) fn curve(duration: f64, random: &mut Random) -> Curve {
    let skew = (random.normal() * 0.25).exp();
    let mut curve = Curve::along(|u| minimum_jerk(u.powf(skew)));
    if random.chance(0.35) {
        curve.bow(random.normal() * 0.02, random.normal() * 0.02);
        return curve;
    }
    if random.chance(0.5) {
        let knots = random.below(3, 30);
        curve.warp(random.within(0.05, 0.5), knots, random);
    }
    // What the hand has to correct within 50 to 300 ms, in proportion to how fast it moves.
    let memory = random.log_within(15.0, 300.0) / duration.max(100.0);
    let speed: Vec<f64> = curve
        .x
        .windows(2)
        .map(|pair| pair.iter().rev().copied().reduce(|b, a| b - a).unwrap_or(0.0))
        .collect();
    let top = speed.iter().copied().fold(1e-9, f64::max);
    for (axis, strength) in [
        (0, random.log_within(0.0005, 0.02)),
        (1, random.log_within(0.0005, 0.04)),
    ] {
        let noise = wandering_noise(memory, random);
        let scaled: Vec<f64> = noise
            .iter()
            .zip(speed.iter().chain([&0.0]))
            .map(|(n, v)| n * (0.15 + v / top))
            .collect();
        match axis {
            0 => curve.shake_along(&scaled, strength),
            _ => curve.shake_across(&scaled, strength),
        }
    }
    curve.bow(random.normal() * 0.1, random.normal() * 0.06);
    curve
}
