//! Constant speed: what the simplest scripts do. Noise: independent on every moment, as `+ random()` in a loop gives.

use super::curve::{Curve, smooth_noise, white_noise};
use crate::risk::random::Random;

pub(super) fn curve(random: &mut Random) -> Curve {
    let mut curve = Curve::along(|u| u);
    if random.chance(0.35) {
        curve.bow(random.normal() * 0.02, 0.0);
        return curve;
    }
    if random.chance(0.5) {
        let knots = random.below(3, 40);
        curve.warp(random.within(0.05, 0.5), knots, random);
    }
    if random.chance(0.6) {
        let strength = random.log_within(0.0005, 0.015);
        curve.shake_along(&white_noise(random), strength);
    }
    curve.bow(random.normal() * 0.1, random.normal() * 0.05);
    if random.chance(0.5) {
        let strength = random.log_within(0.001, 0.02);
        curve.shake_across(&white_noise(random), strength);
    }
    if random.chance(0.4) {
        let knots = random.below(3, 15);
        let strength = random.log_within(0.003, 0.06);
        curve.shake_across(&smooth_noise(knots, random), strength);
    }
    curve
}
