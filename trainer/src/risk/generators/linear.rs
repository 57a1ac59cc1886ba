//! Constant speed along a straight line: what the simplest scripts do. Noise: independent and normal at every moment, as
//! `+ random()` in a loop gives.

use super::curve::Curve;
use crate::risk::random::Random;

pub(super) fn curve(random: &mut Random) -> Curve {
    let mut curve = Curve::along(|u| u);
    curve.drift(random.normal() * random.log_within(0.005, 0.1));
    if random.chance(0.35) {
        return curve;
    }
    if random.chance(0.8) {
        let strength = random.log_within(0.0005, 0.02);
        curve.shake_along(&white_noise(random), strength);
    }
    if random.chance(0.7) {
        let strength = random.log_within(0.001, 0.03);
        curve.shake_across(&white_noise(random), strength);
    }
    curve
}

fn white_noise(random: &mut Random) -> Vec<f64> {
    (0..Curve::POINTS).map(|_| random.normal()).collect()
}
