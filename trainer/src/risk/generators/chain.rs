//! Submovements of random signs, sizes, widths and shapes, drawn from nobody: trains, is never judged. Noise: slow, along
//! and across.

use super::curve::{Curve, smooth_noise, white_noise};
use super::minimum_jerk;
use crate::risk::random::Random;

pub(super) fn curve(random: &mut Random) -> Curve {
    let count = random.below(2, 17);
    let concentration = random.within(0.2, 2.0);
    let mut amplitudes = random.shares(count, concentration);
    if random.chance(0.5) {
        amplitudes.sort_by(|a, b| b.total_cmp(a));
    }
    let backwards = random.below(0, count / 2 + 1);
    let late = random.chance(0.5);
    for index in 0..backwards {
        let place = if late {
            count - 1 - index
        } else {
            random.below(1, count)
        };
        let share = -random.within(0.1, 0.8);
        if let Some(amplitude) = amplitudes.get_mut(place) {
            *amplitude *= share;
        }
    }
    let concentration = random.within(0.8, 6.0);
    let lengths = random.shares(count, concentration);
    let (overlap, rest, shape) = (random.within(0.6, 2.2), random.within(0.0, 0.8), random.below(0, 3));
    let mut x = vec![0.0; Curve::POINTS];
    let mut start = 0.0;
    for (amplitude, length) in amplitudes.iter().zip(&lengths) {
        let span = (length * overlap * (1.0 - rest * random.unit())).max(1e-6);
        let skew = (random.normal() * 0.2).exp();
        for (x, u) in x.iter_mut().zip(Curve::clock()) {
            *x += amplitude * shaped(shape, ((u - start) / span).clamp(0.0, 1.0).powf(skew));
        }
        start += length;
    }
    let mut curve = Curve::of(x);
    curve.normalise();
    if random.chance(0.5) {
        let knots = random.below(5, 60);
        curve.shake_along(&smooth_noise(knots, random), random.log_within(0.0005, 0.015));
    }
    if random.chance(0.2) {
        curve.shake_along(&white_noise(random), random.log_within(0.0005, 0.01));
    }
    across(&mut curve, random);
    curve
}

/// Straight, drifting, bowed and wandering, from none to more than people show.
pub(super) fn across(curve: &mut Curve, random: &mut Random) {
    if random.chance(0.2) {
        return;
    }
    curve.bow(random.normal() * 0.12, random.normal() * 0.07);
    if random.chance(0.6) {
        let knots = random.below(3, 25);
        let strength = random.log_within(0.003, 0.06);
        curve.shake_across(&smooth_noise(knots, random), strength);
    }
}

fn shaped(shape: usize, u: f64) -> f64 {
    match shape {
        0 => minimum_jerk(u),
        1 => (1.0 - (std::f64::consts::PI * u).cos()) / 2.0,
        _ if u < 0.5 => 2.0 * u * u,
        _ => 1.0 - 2.0 * (1.0 - u) * (1.0 - u),
    }
}
