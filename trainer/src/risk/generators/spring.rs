//! A damped controller that follows a target moving in steps, with noise in its force: trains, is never judged.

use super::chain::across;
use super::curve::Curve;
use crate::risk::random::Random;

pub(super) fn curve(random: &mut Random) -> Curve {
    let (stiffness, damping) = (random.log_within(6.0, 60.0), random.within(0.25, 1.6));
    let steps = random.below(1, 8);
    let mut times: Vec<f64> = (0..steps).map(|_| random.within(0.0, 0.9)).collect();
    times.sort_by(f64::total_cmp);
    let rising = random.chance(0.6);
    let goal = |random: &mut Random| {
        if rising {
            random.within(0.3, 1.1)
        } else {
            1.0 + random.normal() * 0.15
        }
    };
    let mut goals: Vec<f64> = (0..steps).map(|_| goal(random)).collect();
    if rising {
        goals.sort_by(f64::total_cmp);
    }
    goals.push(1.0);
    let noise = if random.chance(0.35) {
        0.0
    } else {
        random.within(0.0, 0.8) * stiffness
    };
    let dt = 1.0 / (Curve::POINTS - 1) as f64;
    let (mut x, mut v) = (0.0_f64, 0.0_f64);
    let position = |u: f64| {
        let passed = times.iter().filter(|time| **time <= u).count();
        let goal = goals.get(passed).copied().unwrap_or(1.0);
        for _ in 0..2 {
            v += (stiffness * stiffness * (goal - x) - 2.0 * damping * stiffness * v) * dt / 2.0;
            x += v * dt / 2.0;
        }
        v += noise * random.normal() * dt.sqrt() * v.abs().min(1.0);
        x
    };
    let mut curve = Curve::along(position);
    curve.normalise();
    across(&mut curve, random);
    curve
}
