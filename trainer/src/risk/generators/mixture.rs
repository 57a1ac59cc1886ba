//! Mixtures of one to three Kumaraswamy distributions (1980) as progress: always forwards, from abrupt to sluggish; trains,
//! is never judged. Noise: the pointer sticks, then catches up.

use super::curve::Curve;
use crate::risk::random::Random;

pub(super) fn curve(random: &mut Random) -> Curve {
    let count = random.below(1, 4);
    let weights = random.shares(count, 1.0);
    let parts: Vec<[f64; 3]> = weights
        .into_iter()
        .map(|weight| [weight, random.log_within(0.4, 5.0), random.log_within(0.4, 5.0)])
        .collect();
    let progress = |u: f64| parts.iter().map(|[weight, a, b]| weight * kumaraswamy(*a, *b, u)).sum();
    let mut curve = Curve::along(progress);
    curve.drift(random.normal() * random.log_within(0.003, 0.15));
    if random.chance(0.6) {
        stick(&mut curve, random);
    }
    curve
}

fn kumaraswamy(a: f64, b: f64, u: f64) -> f64 {
    1.0 - (1.0 - u.powf(a)).powf(b)
}

/// Holds the position for a share of random moments.
fn stick(curve: &mut Curve, random: &mut Random) {
    let (share, length) = (random.within(0.1, 0.8), random.log_within(2.0, 60.0));
    let (mut left, mut held) = (0.0, [0.0; 2]);
    for (x, y) in curve.x.iter_mut().zip(&mut curve.y) {
        if left > 0.0 {
            [*x, *y] = held;
            left -= 1.0;
        } else {
            held = [*x, *y];
            if random.chance(share / length) {
                left = (length * random.within(0.2, 1.8)).round();
            }
        }
    }
}
