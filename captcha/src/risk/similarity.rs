//! A locality-sensitive hash of a trace: near-duplicates get nearly the same 128 bits, independent people do not.
//!
//! A recording that is played again moves like a person, so nothing in it alone gives it away; only that it was seen
//! before does. Replays are never exact: they are shifted, stretched by a few percent and jittered by a few pixels and
//! milliseconds. So the trace is translated, scaled by its extent and resampled at [`POINTS`] equal steps of time, and
//! described by the lowest cosine coefficients of x and y and the logarithm of its duration, each in units of what such
//! jitter does to it. Near-duplicates are then a few units apart, people dozens.
//!
//! Each bit is the parity of a random projection in steps of [`STEP`] units, with a random offset (Boufounos and Rane
//! 2011, "Secure binary embeddings for privacy preserving nearest neighbors"). The share of differing bits grows with the
//! distance up to about one step and says nothing beyond it, so that a signature tells which traces are near duplicates
//! and, unlike a table of coefficients, hardly anything of how a hand moved. On 1,288 recorded human traces every bit is
//! uniform: two of them agree in eight bits as often as random bits do.
//!
//! Signatures are compared one by one: [`super::cluster::MAX_TRACES`] of them take less time than one statement in a
//! table of bands would, and nothing is missed between bands.

use serde::{Deserialize, Serialize};

use crate::wire::{Input, Trace};

/// Moments at which a trace is looked at, at equal distances of time.
pub const POINTS: usize = 32;

/// Cosine coefficients of x and of y, from the first on: the one before them is the mean, where the trace lies.
const X_COEFFICIENTS: usize = 10;
const Y_COEFFICIENTS: usize = 6;
const DIMENSIONS: usize = X_COEFFICIENTS + Y_COEFFICIENTS + 1;

/// What jitter does to a coefficient, as a share of the extent: its standard deviation is 0.002 to 0.004 when 2 pixels
/// (of a track of 280) and 5 milliseconds are added to every sample and both axes are stretched by up to 3 %.
const COEFFICIENT_UNIT: f32 = 0.004;

/// What stretching by a few percent does to the logarithm of the duration.
const DURATION_UNIT: f32 = 0.035;

/// Width of a step of a projection, units. Jittered replays are 3 to 5 units apart, the nearest two of 1,288 people 5,
/// and hardly any less than 15.
const STEP: f32 = 25.0;

/// Traces that differ in at most this many of 128 bits are near duplicates. Of pairs of jittered replays 98 % do with 2
/// pixels of noise; of 830,000 pairs of people's traces one in 100,000 does.
pub const NEAR_BITS: u32 = 30;

/// Fewer samples, or a shorter way (pixels) or time (milliseconds), describe no movement.
const MIN_SAMPLES: usize = 6;
const MIN_EXTENT: f32 = 8.0;
const MIN_DURATION_MS: f32 = 20.0;

/// Where numbers end that a widget sends, pixels and milliseconds; beyond, nothing is computed.
const MAX_NUMBER: f32 = 4.0e6;

/// 128 bits, near for near-duplicate traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Signature(pub [u32; 4]);

impl Signature {
    /// The signature of a trace; `None` for one that describes no movement of a hand: by keys, whose repetition makes
    /// everybody's alike, too short, or not of the form that [`super::score`] takes for possible.
    #[must_use]
    pub fn of(trace: &Trace) -> Option<Self> {
        let description = describe(trace)?;
        let mut words = [0_u32; 4];
        for (index, word) in (0_u64..).zip(&mut words) {
            for bit in 0..32 {
                *word |= parity(&description, index * 32 + bit) << bit;
            }
        }
        Some(Self(words))
    }

    /// In how many bits two signatures differ, 0 to 128.
    #[must_use]
    pub fn distance(self, other: Self) -> u32 {
        self.0.iter().zip(other.0).map(|(a, b)| (a ^ b).count_ones()).sum()
    }

    /// Whether two traces are near duplicates.
    #[must_use]
    pub fn is_near(self, other: Self) -> bool {
        self.distance(other) <= NEAR_BITS
    }
}

/// Coefficients and duration, in units of jitter.
fn describe(trace: &Trace) -> Option<[f32; DIMENSIONS]> {
    let samples = trace.samples.as_slice();
    if trace.input == Input::Keyboard || !(MIN_SAMPLES..=Trace::MAX_SAMPLES).contains(&samples.len()) {
        return None;
    }
    // Written so that NaN is refused too.
    let is_sound = samples.iter().flatten().all(|v| v.abs() <= MAX_NUMBER)
        && samples.iter().zip(samples.iter().skip(1)).all(|(a, b)| a[2] <= b[2]);
    let duration = samples.last()?[2] - samples.first()?[2];
    let (low, high) = samples
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), s| {
            (low.min(s[0]), high.max(s[0]))
        });
    let extent = high - low;
    if !is_sound || duration < MIN_DURATION_MS || extent < MIN_EXTENT {
        return None;
    }
    let points = resample(samples);
    let unit = COEFFICIENT_UNIT * extent;
    let mut description = [0.0; DIMENSIONS];
    let coefficients = (1..=X_COEFFICIENTS)
        .map(|k| (0, k))
        .chain((1..=Y_COEFFICIENTS).map(|k| (1, k)));
    for (value, (axis, k)) in description.iter_mut().zip(coefficients) {
        *value = coefficient(&points, axis, k) / unit;
    }
    if let Some(last) = description.last_mut() {
        *last = duration.ln() / DURATION_UNIT;
    }
    Some(description)
}

/// Positions `[x, y]` in the middle of each of [`POINTS`] equal parts of the duration, by linear interpolation.
fn resample(samples: &[[f32; 3]]) -> [[f32; 2]; POINTS] {
    let mut points = [[0.0; 2]; POINTS];
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
        return points;
    };
    let mut pairs = samples.iter().zip(samples.iter().skip(1)).peekable();
    let (mut before, mut after) = (first, first);
    for (point, part) in points.iter_mut().zip(0_u8..) {
        let t = first[2] + (f32::from(part) + 0.5) / 32.0 * (last[2] - first[2]);
        while let Some((a, b)) = pairs.next_if(|(a, _)| a[2] <= t) {
            (before, after) = (a, b);
        }
        let span = after[2] - before[2];
        let share = if span > 0.0 {
            ((t - before[2]) / span).clamp(0.0, 1.0)
        } else {
            1.0
        };
        *point = [
            before[0] + share * (after[0] - before[0]),
            before[1] + share * (after[1] - before[1]),
        ];
    }
    points
}

/// Coefficient `k` of the discrete cosine transform (type II) of one axis, scaled to the amplitude of its cosine.
#[expect(clippy::cast_precision_loss, reason = "numbers below POINTS")]
fn coefficient(points: &[[f32; 2]; POINTS], axis: usize, k: usize) -> f32 {
    let angle = core::f32::consts::PI * k as f32 / POINTS as f32;
    let sum: f32 = points
        .iter()
        .zip(0_u8..)
        .map(|(point, i)| point.get(axis).copied().unwrap_or(0.0) * (angle * (f32::from(i) + 0.5)).cos())
        .sum();
    sum * 2.0 / POINTS as f32
}

/// Bit `index`: whether the projection falls into an odd step.
fn parity(description: &[f32; DIMENSIONS], index: u64) -> u32 {
    // Signs instead of normal deviates: Achlioptas 2003, "Database-friendly random projections".
    let signs = mix(2 * index);
    let projection: f32 = description
        .iter()
        .zip(0_u32..)
        .map(|(v, d)| if (signs >> d) & 1 == 1 { *v } else { -v })
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "16 bits")]
    let offset = (mix(2 * index + 1) >> 48) as f32 / 65_536.0 * 2.0;
    let step = (projection / STEP + offset).floor();
    u32::from(step.rem_euclid(2.0) >= 1.0)
}

/// The output function of SplitMix64 (Steele, Lea and Flood 2014): fixed random numbers without a table.
fn mix(index: u64) -> u64 {
    let mut z = index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::risk::simulated::{Jitter, Random, human};

    fn shifted(trace: &Trace, scale: f32, by: [f32; 3]) -> Trace {
        let mut moved = trace.clone();
        for sample in &mut moved.samples {
            for (value, shift) in sample.iter_mut().zip(by) {
                *value += shift;
            }
            sample[0] *= scale;
            sample[1] *= scale;
        }
        moved
    }

    #[test]
    fn place_and_size_do_not_matter() {
        let trace = human(&mut Random::new(1));
        let signature = Signature::of(&trace).unwrap();
        for (scale, by) in [
            (1.0, [500.0, -300.0, 10_000.0]),
            (2.0, [0.0; 3]),
            (0.5, [-7.0, 9.0, 0.0]),
        ] {
            let distance = Signature::of(&shifted(&trace, scale, by)).unwrap().distance(signature);
            assert!(distance <= 3, "{scale} {by:?}: {distance} bits");
        }
    }

    #[test]
    fn jittered_replays_are_near_and_other_people_are_not() {
        let mut random = Random::new(2);
        let people: Vec<Trace> = (0..300).map(|_| human(&mut random)).collect();
        let signatures: Vec<Signature> = people.iter().map(|p| Signature::of(p).unwrap()).collect();
        let jitter = Jitter::default();
        let near = people.iter().zip(&signatures).filter(|(person, signature)| {
            let replayed = jitter.replay(person, &mut random);
            Signature::of(&replayed).unwrap().is_near(**signature)
        });
        let near = near.count();
        assert!(near >= 290, "{near} of 300 replays");
        let alike = (0..signatures.len())
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .filter(|&(i, j)| signatures[i].is_near(signatures[j]))
            .count();
        assert!(alike <= 40, "{alike} of 44,850 pairs of simulated people");
    }

    #[test]
    fn bits_are_balanced() {
        let mut random = Random::new(3);
        let signatures: Vec<Signature> = (0..400).map(|_| Signature::of(&human(&mut random)).unwrap()).collect();
        for bit in 0..128 {
            let ones = signatures
                .iter()
                .filter(|s| (s.0[bit / 32] >> (bit % 32)) & 1 == 1)
                .count();
            assert!((80..=320).contains(&ones), "bit {bit}: {ones} of 400");
        }
    }

    #[test]
    fn what_is_no_movement_has_no_signature() {
        type Change = fn(&mut Trace);
        let cases: [(&str, Change); 9] = [
            ("keyboard", |t| t.input = Input::Keyboard),
            ("no samples", |t| t.samples.clear()),
            ("few samples", |t| t.samples.truncate(5)),
            ("10,000 samples", |t| t.samples = vec![[1.0, 2.0, 3.0]; 10_000]),
            ("NaN", |t| t.samples[3][0] = f32::NAN),
            ("infinite", |t| t.samples[3][1] = f32::NEG_INFINITY),
            ("huge", |t| t.samples[3][0] = 1e30),
            ("time backwards", |t| t.samples.swap(3, 9)),
            ("no way", |t| t.samples.iter_mut().for_each(|s| s[0] = 4.0)),
        ];
        for (name, change) in cases {
            let mut trace = human(&mut Random::new(4));
            change(&mut trace);
            assert_eq!(Signature::of(&trace), None, "{name}");
        }
    }

    #[test]
    fn interpolation_meets_a_straight_line_everywhere() {
        let samples: Vec<[f32; 3]> = [0.0, 1.0, 40.0, 40.0, 41.0, 100.0]
            .map(|t| [3.0 * t, -t, 50.0 + t])
            .to_vec();
        for (point, part) in resample(&samples).iter().zip(0_u8..) {
            let t = (f32::from(part) + 0.5) / 32.0 * 100.0;
            assert!(
                (point[0] - 3.0 * t).abs() < 1e-3 && (point[1] + t).abs() < 1e-3,
                "{part}: {point:?}"
            );
        }
    }

    #[test]
    fn a_cosine_has_one_coefficient() {
        let mut points = [[0.0; 2]; POINTS];
        for (point, i) in points.iter_mut().zip(0_u8..) {
            point[1] = 7.0 * (core::f32::consts::PI * 3.0 * (f32::from(i) + 0.5) / 32.0).cos();
        }
        for k in 1..=Y_COEFFICIENTS {
            let expected = if k == 3 { 7.0 } else { 0.0 };
            assert!((coefficient(&points, 1, k) - expected).abs() < 1e-4, "{k}");
        }
    }
}
