//! Easing functions (Penner 2002, "Programming Macromedia Flash MX", chapter 7) and the slider scripts' "accelerate, then
//! brake". Noise: a clock whose pace changes abruptly, and rounding to steps.

use super::curve::Curve;
use crate::risk::random::Random;

/// Easing functions by number, `u` in `[0, 1]`.
const EASINGS: usize = 15;

fn ease(which: usize, u: f64) -> f64 {
    let v = 1.0 - u;
    let both = |f: fn(f64) -> f64| {
        if u < 0.5 {
            f(2.0 * u) / 2.0
        } else {
            1.0 - f(2.0 * v) / 2.0
        }
    };
    match which {
        0 => u * u,
        1 => 1.0 - v * v,
        2 => both(|u| u * u),
        3 => u.powi(3),
        4 => 1.0 - v.powi(3),
        5 => both(|u| u.powi(3)),
        6 => 1.0 - v.powi(4),
        7 => 1.0 - v.powi(5),
        8 => (1.0 - (std::f64::consts::PI * u).cos()) / 2.0,
        9 => (std::f64::consts::FRAC_PI_2 * u).sin(),
        10 => (1.0 - 2.0_f64.powf(-10.0 * u)) / (1.0 - 2.0_f64.powi(-10)),
        11 => (1.0 - v * v).max(0.0).sqrt(),
        12 => both(|u| 2.0_f64.powf(10.0 * (u - 1.0)) * u.min(1.0)),
        13 => 1.0 - 2.701_58 * v.powi(3) + 1.701_58 * v * v,
        _ => u * u * (3.0 - 2.0 * u),
    }
}

/// Constant acceleration up to `turn` of the time, constant braking after it.
fn accelerate_brake(turn: f64, u: f64) -> f64 {
    if u < turn {
        u * u / turn
    } else {
        1.0 - (1.0 - u).powi(2) / (1.0 - turn)
    }
}

/// A random one of them.
fn any(random: &mut Random) -> impl Fn(f64) -> f64 + use<> {
    let which = random.below(0, EASINGS + 3);
    let turn = random.within(0.5, 0.9);
    move |u| {
        if which < EASINGS {
            ease(which, u)
        } else {
            accelerate_brake(turn, u)
        }
    }
}

pub(super) fn curve(random: &mut Random) -> Curve {
    let mut curve = Curve::along(any(random));
    curve.drift(random.normal() * random.log_within(0.005, 0.12));
    if random.chance(0.35) {
        return curve;
    }
    if random.chance(0.7) {
        stutter(&mut curve, random);
    }
    if random.chance(0.4) {
        // Scripts that collect whole-pixel steps into a list: progress moves in jumps.
        let steps = random.within(15.0, 80.0);
        curve.x.iter_mut().for_each(|x| *x = (*x * steps).round() / steps);
    }
    curve
}

/// Time passes at another pace in every stretch of it, as where scripts sleep for random times.
fn stutter(curve: &mut Curve, random: &mut Random) {
    let (stretches, spread) = (random.below(3, 60), random.within(0.05, 0.7));
    let paces: Vec<f64> = (0..stretches).map(|_| (spread * random.normal()).exp()).collect();
    let total: f64 = paces.iter().sum();
    let own = |u: f64| {
        let place = u * stretches as f64;
        let whole = (place as usize).min(stretches - 1);
        let before: f64 = paces.iter().take(whole).sum();
        let pace = paces.get(whole).copied().unwrap_or(1.0);
        (before + pace * (place - whole as f64)) / total
    };
    let uneven: Vec<[f64; 2]> = Curve::clock().into_iter().map(|u| curve.at(own(u))).collect();
    curve.x = uneven.iter().map(|[x, _]| *x).collect();
    curve.y = uneven.iter().map(|[_, y]| *y).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn easings_go_from_0_to_1() {
        for which in 0..EASINGS {
            assert!(ease(which, 0.0).abs() < 1e-3, "{which}: {}", ease(which, 0.0));
            assert!((ease(which, 1.0) - 1.0).abs() < 1e-3, "{which}: {}", ease(which, 1.0));
        }
        assert!((ease(2, 0.25) - 0.125).abs() < 1e-12);
        assert!((accelerate_brake(0.8, 0.8) - 0.8).abs() < 1e-12);
    }
}
