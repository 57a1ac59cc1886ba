//! Simulated hands and replays of them, for tests of what many sessions show: seeded, written down from no recording.

use crate::wire::{Input, Trace};

/// Seeded random numbers for tests (SplitMix64, Steele, Lea and Flood 2014).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in `low..high`.
    pub(super) fn within(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * (self.next() >> 40) as f32 / 16_777_216.0
    }

    /// Normal with mean 0 and deviation 1, as a sum of twelve uniform numbers.
    pub(super) fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.within(0.0, 1.0)).sum::<f32>() - 6.0
    }
}

/// A stroke that falls short, a pause, a correction, over 240 to 320 pixels; speed, shares, curve and sampling differ
/// from one call to the next.
pub(super) fn human(random: &mut Random) -> Trace {
    let distance = random.within(240.0, 320.0);
    let duration = 900.0 * (0.45 * random.normal()).exp();
    let (stroke_end, correction_start) = (random.within(0.4, 0.65), random.within(0.68, 0.8));
    let short = random.within(0.01, 0.15);
    let skew = random.within(0.6, 1.6);
    let (bend, tilt) = (random.normal() * 0.03 * distance, random.normal() * 0.04 * distance);
    // A hand hesitates and wanders: slow waves on its way and across it, each with a phase of its own.
    let mut waves = |size: f32| [(); 5].map(|()| (size * random.normal(), random.within(0.0, core::f32::consts::TAU)));
    let (along, across) = (waves(0.012), waves(0.008));
    let wave = |waves: &[(f32, f32); 5], u: f32| -> f32 {
        let each = waves.iter().zip(1_u8..);
        each.map(|((size, phase), k)| size * (f32::from(k) * 3.0 * u + phase).sin())
            .sum()
    };
    let mut samples = Vec::new();
    let mut t = 0.0;
    while t < duration {
        let u = t / duration;
        let stroke = minimum_jerk((u / stroke_end).min(1.0).powf(skew)) * (1.0 - short);
        let correction = minimum_jerk(((u - correction_start) / (1.0 - correction_start)).clamp(0.0, 1.0)) * short;
        let x = stroke + correction + 4.0 * u * (1.0 - u) * wave(&along, u);
        let y = tilt * u + 4.0 * bend * u * (1.0 - u) + distance * wave(&across, u);
        samples.push([(x * distance).round(), y.round(), t.round()]);
        t += random.within(6.0, 20.0);
    }
    samples.push([distance.round(), tilt.round(), duration.round()]);
    Trace {
        version: Trace::VERSION,
        input: Input::Mouse,
        samples,
        track: distance,
    }
}

/// Position at `u`, both in `[0, 1]`, of the smoothest movement from rest to rest (Flash and Hogan 1985).
fn minimum_jerk(u: f32) -> f32 {
    u * u * u * (10.0 - 15.0 * u + 6.0 * u * u)
}

/// How a replay differs from what it replays.
pub(super) struct Jitter {
    /// Standard deviation added to each coordinate, pixels.
    pub noise: f32,
    /// Most that is added to or taken from each time, milliseconds.
    pub time_ms: f32,
    /// Most by which either axis and time are stretched or shrunk, as a share.
    pub scale: f32,
}

impl Default for Jitter {
    fn default() -> Self {
        Self {
            noise: 2.0,
            time_ms: 5.0,
            scale: 0.03,
        }
    }
}

impl Jitter {
    /// `trace` once more, jittered.
    pub(super) fn replay(&self, trace: &Trace, random: &mut Random) -> Trace {
        let [sx, sy, st] = [(); 3].map(|()| random.within(1.0 - self.scale, 1.0 + self.scale));
        let mut replayed = trace.clone();
        let mut latest = 0.0_f32;
        for [x, y, t] in &mut replayed.samples {
            latest = latest.max(*t * st + random.within(-self.time_ms, self.time_ms));
            *x = *x * sx + self.noise * random.normal();
            *y = *y * sy + self.noise * random.normal();
            *t = latest;
        }
        replayed
    }
}
