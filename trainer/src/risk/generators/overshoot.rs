//! A primary movement beyond or short of the target, then one to five corrections (Meyer et al. 1988), paused or
//! overlapping, each of minimum snap (Richardson and Flash 2002) and to a height of its own. Noise: tremor of 6 to 12 Hz.

use super::curve::Curve;
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
    let mut curve = Curve::along(|_| 0.0);
    let (mut start, mut from, mut from_height) = (0.0, 0.0, 0.0);
    let wild = random.log_within(0.01, 0.12);
    for (goal, length) in moves {
        let pause = if random.chance(0.5) {
            random.within(0.0, 0.6)
        } else {
            0.0
        };
        let overlap = if pause == 0.0 { random.within(1.0, 1.4) } else { 1.0 };
        let (begin, span) = (start + pause * length, (length * (1.0 - pause) * overlap).max(1e-6));
        let height = random.normal() * wild;
        for ((x, y), u) in curve.x.iter_mut().zip(&mut curve.y).zip(Curve::clock()) {
            let done = minimum_snap((u - begin) / span);
            *x += (goal - from) * done;
            *y += (height - from_height) * done;
        }
        (from, from_height) = (goal, height);
        start += length;
    }
    if random.chance(0.35) {
        return curve;
    }
    let frequency = random.within(6.0, 12.0);
    let (along, across) = (tremor(frequency, duration, random), tremor(frequency, duration, random));
    curve.shake_along(&along, random.log_within(0.0005, 0.01));
    curve.shake_across(&across, random.log_within(0.001, 0.025));
    curve
}

/// Position at `u` of the movement from rest to rest whose fourth derivative is smallest.
fn minimum_snap(u: f64) -> f64 {
    let u = u.clamp(0.0, 1.0);
    u.powi(4) * (35.0 - 84.0 * u + 70.0 * u * u - 20.0 * u.powi(3))
}

/// A tremor of `frequency` (Hz) whose phase walks, over `duration` milliseconds.
fn tremor(frequency: f64, duration: f64, random: &mut Random) -> Vec<f64> {
    let step = std::f64::consts::TAU * frequency * duration / 1000.0 / Curve::POINTS as f64;
    let mut phase = random.within(0.0, std::f64::consts::TAU);
    let moment = |_| {
        phase += step + 0.3 * step.sqrt() * random.normal();
        phase.sin()
    };
    (0..Curve::POINTS).map(moment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minimum_snap_rests_at_both_ends() {
        let h = 1e-3;
        let velocity = |u: f64| (minimum_snap(u + h) - minimum_snap(u - h)) / (2.0 * h);
        assert!((minimum_snap(1.0) - 1.0).abs() < 1e-12 && (minimum_snap(0.5) - 0.5).abs() < 1e-12);
        assert!(velocity(0.0).abs() < 1e-6 && velocity(1.0).abs() < 1e-6);
        assert!((velocity(0.5) - 140.0 / 64.0).abs() < 1e-4);
    }
}
