//! Speed out of octaves of noise, with rests, at times turning back at the end: trains, is never judged.

use super::chain::across;
use super::curve::{Curve, smooth_noise};
use crate::risk::random::Random;

pub(super) fn curve(random: &mut Random) -> Curve {
    let mut logarithm = vec![0.0; Curve::POINTS];
    for (low, high) in [(3, 8), (8, 25), (25, 90)] {
        let strength = random.within(0.2, 1.2);
        let knots = random.below(low, high);
        logarithm
            .iter_mut()
            .zip(smooth_noise(knots, random))
            .for_each(|(sum, n)| *sum += strength * n);
    }
    let (contrast, decay) = (random.within(0.5, 1.6), random.within(0.0, 4.0));
    let clock = Curve::clock();
    let mut speed: Vec<f64> = logarithm
        .iter()
        .zip(&clock)
        .map(|(z, u)| (contrast * z - decay * u).exp())
        .collect();
    let mut ordered = speed.clone();
    ordered.sort_by(f64::total_cmp);
    let rests = random.below(0, Curve::POINTS / 2);
    let limit = ordered.get(rests).copied().unwrap_or(0.0);
    let kept = random.one_of(&[1.0, 0.1, 0.0]).copied().unwrap_or(1.0);
    speed.iter_mut().filter(|v| **v < limit).for_each(|v| *v *= kept);
    if random.chance(0.5) {
        let (turn, back) = (random.within(0.4, 0.97), random.within(0.1, 1.0));
        speed
            .iter_mut()
            .zip(&clock)
            .filter(|(_, u)| **u > turn)
            .for_each(|(v, _)| *v *= -back);
    }
    let mut place = 0.0;
    let mut curve = Curve::of(
        speed
            .iter()
            .map(|v| {
                place += v;
                place
            })
            .collect(),
    );
    curve.normalise();
    across(&mut curve, random);
    curve
}
