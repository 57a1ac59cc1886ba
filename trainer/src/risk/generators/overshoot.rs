//! A primary movement beyond or short of the target, then one to five corrections (Meyer et al. 1988), paused or
//! overlapping. Noise: tremor of 6 to 12 Hz.

use super::curve::{Curve, smooth_noise, tremor};
use super::minimum_jerk;
use crate::risk::random::Random;

pub(super) fn curve(duration: f64, random: &mut Random) -> Curve {
    let corrections = random.below(1, 6);
    let primary = random.within(0.3, 0.8);
    let sign = if random.chance(0.75) { 1.0 } else { -1.0 };
    let mut error = random.normal().abs() * random.within(0.02, 0.3) * sign;
    let concentration = random.within(0.7, 5.0);
    let shares = random.shares(corrections, concentration);
    // Where each submovement leads, and its share of the time.
    let mut moves = vec![(1.0 + error, primary)];
    for (index, share) in shares.iter().enumerate() {
        error = if index + 1 == corrections {
            0.0
        } else {
            -error * random.within(-0.5, 0.6)
        };
        moves.push((1.0 + error, share * (1.0 - primary)));
    }
    let mut x = vec![0.0; Curve::POINTS];
    let (mut start, mut from) = (0.0, 0.0);
    for (goal, length) in moves {
        let pause = if random.chance(0.5) {
            random.within(0.0, 0.6)
        } else {
            0.0
        };
        let overlap = if pause == 0.0 { random.within(1.0, 1.4) } else { 1.0 };
        let (begin, span) = (start + pause * length, (length * (1.0 - pause) * overlap).max(1e-6));
        for (x, u) in x.iter_mut().zip(Curve::clock()) {
            *x += (goal - from) * minimum_jerk((u - begin) / span);
        }
        from = goal;
        start += length;
    }
    let mut curve = Curve::of(x);
    if random.chance(0.35) {
        curve.bow(random.normal() * 0.03, random.normal() * 0.01);
        return curve;
    }
    curve.bow(random.normal() * 0.12, random.normal() * 0.08);
    let frequency = random.within(6.0, 12.0);
    let (along, across) = (tremor(frequency, duration, random), tremor(frequency, duration, random));
    curve.shake_along(&along, random.log_within(0.0005, 0.008));
    curve.shake_across(&across, random.log_within(0.001, 0.02));
    if random.chance(0.6) {
        let knots = random.below(3, 15);
        let strength = random.log_within(0.003, 0.06);
        curve.shake_across(&smooth_noise(knots, random), strength);
    }
    curve
}
