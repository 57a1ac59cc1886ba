//! Pulses of random signs, sizes, widths and sharpness, drawn from nobody: trains, is never judged. Noise: a random walk
//! from start to end.

use super::curve::{Curve, smooth_noise};
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
    let (overlap, rest, sharpness) = (
        random.within(0.6, 2.2),
        random.within(0.0, 0.8),
        random.within(1.3, 4.0),
    );
    let mut x = vec![0.0; Curve::POINTS];
    let mut start = 0.0;
    for (amplitude, length) in amplitudes.iter().zip(&lengths) {
        let span = (length * overlap * (1.0 - rest * random.unit())).max(1e-6);
        let skew = (random.normal() * 0.2).exp();
        for (x, u) in x.iter_mut().zip(Curve::clock()) {
            *x += amplitude * pulse(sharpness, ((u - start) / span).clamp(0.0, 1.0).powf(skew));
        }
        start += length;
    }
    let mut curve = Curve::of(x);
    curve.normalise();
    if random.chance(0.5) {
        curve.shake_along(&walk(random), random.log_within(0.001, 0.03));
    }
    if random.chance(0.3) {
        curve.shake_across(&walk(random), random.log_within(0.001, 0.05));
    }
    across(&mut curve, random);
    curve
}

/// A random walk that ends where it began, of a deviation of about 1 in the middle.
fn walk(random: &mut Random) -> Vec<f64> {
    let mut place = 0.0;
    let step = |_| {
        place += 2.0 * random.normal() / (Curve::POINTS as f64).sqrt();
        place
    };
    let walk: Vec<f64> = (0..Curve::POINTS).map(step).collect();
    Curve::clock().iter().zip(&walk).map(|(u, w)| w - u * place).collect()
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

/// From 0 to 1, steeper in the middle the larger `sharpness` is.
fn pulse(sharpness: f64, u: f64) -> f64 {
    let (done, left) = (u.powf(sharpness), (1.0 - u).powf(sharpness));
    done / (done + left)
}
