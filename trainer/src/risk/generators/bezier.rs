//! A Bezier curve of degree 2 to 5 with random control points; its parameter runs evenly, or through a Bezier curve of its
//! own as in style sheets. Noise: single moments that are off, as tools "distort" them.

use super::curve::Curve;
use crate::risk::random::Random;

pub(super) fn curve(random: &mut Random) -> Curve {
    let inner = random.below(1, 5);
    let mut along: Vec<f64> = (0..inner).map(|_| random.within(-0.1, 1.2)).collect();
    if random.chance(0.7) {
        along.sort_by(f64::total_cmp);
    }
    let spread = random.log_within(0.01, 0.4);
    let across: Vec<f64> = (0..inner).map(|_| random.normal() * spread).collect();
    let end = random.normal() * 0.08;
    let (along, across) = (points(&along, 1.0), points(&across, end));
    let pace = if random.chance(0.4) {
        vec![0.0, 1.0]
    } else {
        points(&[random.within(0.0, 0.4), random.within(0.6, 1.0)], 1.0)
    };
    let clock: Vec<f64> = Curve::clock().into_iter().map(|u| casteljau(&pace, u)).collect();
    let mut curve = Curve {
        x: clock.iter().map(|s| casteljau(&along, *s)).collect(),
        y: clock.iter().map(|s| casteljau(&across, *s)).collect(),
    };
    if random.chance(0.35) {
        return curve;
    }
    let frequency = random.within(0.05, 0.6);
    let strength = random.log_within(0.001, 0.015);
    if random.chance(0.6) {
        curve.shake_along(&distortion(frequency, random), strength);
    }
    curve.shake_across(&distortion(frequency, random), strength);
    curve
}

/// From 0 over `inner` to `end`.
fn points(inner: &[f64], end: f64) -> Vec<f64> {
    [0.0].into_iter().chain(inner.iter().copied()).chain([end]).collect()
}

/// Off by something in `[-1, 1]` with probability `frequency`.
fn distortion(frequency: f64, random: &mut Random) -> Vec<f64> {
    let off = |_| {
        if random.chance(frequency) {
            random.within(-1.0, 1.0)
        } else {
            0.0
        }
    };
    (0..Curve::POINTS).map(off).collect()
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
