//! The sigma-lognormal model (Plamondon 1995; O'Reilly and Plamondon 2009): a slide is a sum of strokes whose speed is
//! lognormal in time. Each stroke's amplitude, width, skew and gap are drawn from strokes fitted to people, each from
//! another person. Noise: in the parameters, and for some a pink one.

use super::curve::Curve;
use super::strokes::Stroke;
use crate::risk::random::Random;

pub(super) fn curve(duration: f64, people: &[Vec<Stroke>], random: &mut Random) -> Curve {
    let count = random.one_of(people).map_or(1, Vec::len);
    let pace = (random.normal() * 0.2).exp();
    let (mut centre, mut strokes) = (0.0, Vec::with_capacity(count));
    for index in 0..count {
        let Some(mut stroke) = drawn(index, count, people, random) else {
            continue;
        };
        stroke.amplitude *= (random.normal() * 0.15).exp();
        stroke.width *= pace * (random.normal() * 0.15).exp();
        centre += if index == 0 {
            stroke.width
        } else {
            (stroke.gap * (random.normal() * 0.2).exp()).max(30.0)
        };
        strokes.push((centre, stroke));
    }
    let end = strokes
        .last()
        .map_or(1.0, |(centre, stroke)| centre + 2.0 * stroke.width);
    let scale = duration / end.max(1.0);
    let mut curve = Curve::of(vec![0.0; Curve::POINTS]);
    for (centre, stroke) in &strokes {
        let progress = Lognormal::new(centre * scale, stroke.width * scale, stroke.skew);
        let moments = Curve::clock().into_iter().map(|u| progress.at(u * duration));
        for (done, (x, y)) in moments.zip(curve.x.iter_mut().zip(&mut curve.y)) {
            *x += stroke.amplitude * done;
            *y += stroke.across * done;
        }
    }
    curve.normalise();
    if random.chance(0.35) {
        return curve;
    }
    if random.chance(0.6) {
        let strength = random.log_within(0.001, 0.02);
        curve.shake_across(&pink_noise(random), strength);
    }
    if random.chance(0.5) {
        let strength = random.log_within(0.0005, 0.006);
        curve.shake_along(&pink_noise(random), strength);
    }
    curve
}

/// A sum of numbers drawn anew at every moment, every second, every fourth and so on (Gardner 1978): about as much in
/// every octave. Deviation 1.
fn pink_noise(random: &mut Random) -> Vec<f64> {
    const OCTAVES: usize = 8;
    let mut held = [0.0; OCTAVES];
    let moment = |index: usize| {
        for (octave, value) in held.iter_mut().enumerate() {
            if index.is_multiple_of(1 << octave) {
                *value = random.normal();
            }
        }
        held.iter().sum::<f64>() / (OCTAVES as f64).sqrt()
    };
    (0..Curve::POINTS).map(moment).collect()
}

/// A stroke for place `index` of `count`: first strokes come from first ones, last from last ones.
fn drawn(index: usize, count: usize, people: &[Vec<Stroke>], random: &mut Random) -> Option<Stroke> {
    let person = random.one_of(people)?;
    let place = match index {
        0 => 0,
        _ if index + 1 == count => person.len().saturating_sub(1),
        _ => random.below(0, person.len()),
    };
    person.get(place).copied()
}

/// How much of a stroke is done at a time: the distribution function of a lognormal.
struct Lognormal {
    start: f64,
    median: f64,
    spread: f64,
}

impl Lognormal {
    /// The speed is largest at `mode` (milliseconds), its deviation about `width`, its asymmetry that of `spread` (of ln
    /// time).
    fn new(mode: f64, width: f64, spread: f64) -> Self {
        let spread = spread.max(0.05);
        let median = (width / spread).max(1.0);
        Self {
            start: mode - median * (-spread * spread).exp(),
            median,
            spread,
        }
    }

    fn at(&self, t: f64) -> f64 {
        let since = t - self.start;
        if since <= 0.0 {
            0.0
        } else {
            below((since / self.median).ln() / self.spread)
        }
    }
}

/// Share of a standard normal distribution below `z` (Abramowitz and Stegun 1964, 26.2.17; within 7.5e-8).
fn below(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let series = [
        1.330_274_429,
        -1.821_255_978,
        1.781_477_937,
        -0.356_563_782,
        0.319_381_530,
    ];
    let density = (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt();
    let tail = density * series.into_iter().fold(0.0, |sum, factor| (sum + factor) * t);
    if z < 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_distribution_agrees_with_its_table() {
        for (z, expected) in [(0.0, 0.5), (1.0, 0.841_344_7), (-1.96, 0.024_997_9), (3.0, 0.998_650_1)] {
            assert!((below(z) - expected).abs() < 1e-6, "{z}: {}", below(z));
        }
    }

    #[test]
    fn a_stroke_is_fastest_at_its_mode() {
        let stroke = Lognormal::new(400.0, 80.0, 0.3);
        let speed = |t: f64| stroke.at(t + 1.0) - stroke.at(t - 1.0);
        let fastest = (0..2000)
            .map(f64::from)
            .max_by(|a, b| speed(*a).total_cmp(&speed(*b)))
            .unwrap();
        assert!((fastest - 400.0).abs() <= 2.0, "{fastest}");
        assert!(stroke.at(5000.0) > 0.999);
    }
}
