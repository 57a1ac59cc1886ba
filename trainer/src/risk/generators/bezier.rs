//! A Bezier curve of degree 2 to 5 with random control points, run through at an eased pace. Noise: a little, independent,
//! across; the curve itself is where these attackers put their chance.

use super::curve::{Curve, white_noise};
use super::eased;
use crate::risk::random::Random;

pub(super) fn curve(random: &mut Random) -> Curve {
    let inner = random.below(1, 5);
    let pace = eased::any(random);
    let even = random.chance(0.3);
    let mut along: Vec<f64> = (0..inner).map(|_| random.within(-0.1, 1.2)).collect();
    if random.chance(0.7) {
        along.sort_by(f64::total_cmp);
    }
    let spread = random.log_within(0.01, 0.4);
    let across: Vec<f64> = (0..inner).map(|_| random.normal() * spread).collect();
    let end = random.normal() * 0.08;
    let points =
        |inner: &[f64], end: f64| -> Vec<f64> { [0.0].into_iter().chain(inner.iter().copied()).chain([end]).collect() };
    let (along, across) = (points(&along, 1.0), points(&across, end));
    let clock: Vec<f64> = Curve::clock()
        .into_iter()
        .map(|u| if even { u } else { pace(u) })
        .collect();
    let mut curve = Curve {
        x: clock.iter().map(|s| casteljau(&along, *s)).collect(),
        y: clock.iter().map(|s| casteljau(&across, *s)).collect(),
    };
    if random.chance(0.35) {
        return curve;
    }
    if random.chance(0.4) {
        let knots = random.below(3, 40);
        curve.warp(random.within(0.05, 0.35), knots, random);
    }
    for along in [true, false] {
        let strength = random.log_within(0.0005, 0.015);
        let noise = white_noise(random);
        if random.chance(0.5) && along {
            curve.shake_along(&noise, strength * 0.7);
        } else if random.chance(0.7) {
            curve.shake_across(&noise, strength);
        }
    }
    curve
}

/// The point at `s` of the curve over `points`, one coordinate (de Casteljau 1959).
fn casteljau(points: &[f64], s: f64) -> f64 {
    let mut points = points.to_vec();
    while points.len() > 1 {
        points = points
            .windows(2)
            .map(|pair| pair.iter().zip([1.0 - s, s]).map(|(p, w)| p * w).sum())
            .collect();
    }
    points.first().copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cubic_is_its_bernstein_polynomial() {
        let (p, s) = ([0.0, 0.2, 0.9, 1.0], 0.3_f64);
        let r = 1.0 - s;
        let expected = 3.0 * r * r * s * p[1] + 3.0 * r * s * s * p[2] + s.powi(3) * p[3];
        assert!((casteljau(&p, s) - expected).abs() < 1e-12);
    }
}
