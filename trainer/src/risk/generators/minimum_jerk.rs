//! The smoothest movement from rest to rest (Flash and Hogan 1985), with noise in proportion to speed (Harris and Wolpert
//! 1998) that a feedback loop takes back within 15 to 300 ms.

use super::curve::Curve;
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
    curve.drift(random.normal() * 0.08);
    // Through a point aside: the smoothest way across and back.
    let aside = random.normal() * 0.06;
    for (y, u) in curve.y.iter_mut().zip(Curve::clock()) {
        *y += aside * 16.0 * (u * (1.0 - u)).powi(2);
    }
    if random.chance(0.35) {
        return curve;
    }
    let memory = random.log_within(15.0, 300.0) / duration.max(100.0);
    let speed: Vec<f64> = curve
        .x
        .windows(2)
        .map(|pair| pair.iter().rev().copied().reduce(|b, a| b - a).unwrap_or(0.0))
        .collect();
    let top = speed.iter().copied().fold(1e-9, f64::max);
    let mut noise = || -> Vec<f64> {
        let noise = wandering_noise(memory, random);
        let scaled = noise.iter().zip(speed.iter().chain([&0.0]));
        scaled.map(|(n, v)| n * (0.15 + v / top)).collect()
    };
    let (along, across) = (noise(), noise());
    curve.shake_along(&along, random.log_within(0.0005, 0.03));
    curve.shake_across(&across, random.log_within(0.0005, 0.05));
    curve
}

/// An Ornstein-Uhlenbeck process of deviation 1 that forgets within `memory` of the time.
fn wandering_noise(memory: f64, random: &mut Random) -> Vec<f64> {
    let keep = (-1.0 / (memory * Curve::POINTS as f64)).exp();
    let kick = (1.0 - keep * keep).sqrt();
    let mut value = 0.0;
    let step = |_| {
        value = keep * value + kick * random.normal();
        value
    };
    (0..Curve::POINTS).map(step).collect()
}
