//! How handles are moved: by people, and by programs that do not try.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use parallax_captcha::risk::{self, similarity::Signature};
use parallax_captcha::wire::{Environment, Input, Slider, Trace, WebGl};

/// Pixels the handle can travel on the test's slider.
const TRACK: f32 = 280.0;

/// The browser of an ordinary visitor.
#[must_use]
pub fn browser() -> Environment {
    Environment {
        version: Environment::VERSION,
        languages: true,
        language_count: 2,
        user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned(),
        platform: "Linux x86_64".to_owned(),
        screen: [1920, 1080],
        webgl: Some(WebGl {
            vendor: "Intel".to_owned(),
            renderer: "Intel(R) HD Graphics 400, or similar".to_owned(),
        }),
        ..Environment::default()
    }
}

/// Straight to the target in 50 ms.
#[must_use]
pub fn straight(slider: &Slider) -> Trace {
    let distance = slider.target * TRACK;
    let samples = (0..=10_u8)
        .map(|i| f32::from(i) / 10.0)
        .map(|part| [part * distance, 0.0, part * 50.0])
        .collect();
    Trace {
        version: Trace::VERSION,
        input: Input::Mouse,
        samples,
        track: TRACK,
    }
}

/// An arrow key held down until the target is reached: 25 samples, 33 ms apart.
#[must_use]
pub fn held_key(slider: &Slider) -> Trace {
    let samples = (0..=24_u8).map(f32::from);
    Trace {
        version: Trace::VERSION,
        input: Input::Keyboard,
        samples: samples
            .map(|i| [i / 24.0 * slider.target * TRACK, 0.0, i * 33.0])
            .collect(),
        track: TRACK,
    }
}

/// A hand's slide to the target: another person's with every call, as the sessions of a site are.
///
/// Recorded where `PARALLAX_TRACES` names a file of recordings, else simulated. Only slides that pass the single-trace
/// score are among them: what these tests are about begins after it.
///
/// # Panics
/// When the score lets hardly any pass.
#[must_use]
pub fn hand(slider: &Slider) -> Trace {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let people = people();
    let trace = &people[NEXT.fetch_add(1, Ordering::Relaxed) % people.len()];
    let mut trace = trace.clone();
    trace.samples.iter_mut().for_each(|sample| sample[0] *= slider.target);
    trace
}

/// Slides of different people to the end of the track.
///
/// # Panics
/// When the score lets hardly any pass.
#[must_use]
pub fn people() -> &'static [Trace] {
    static PEOPLE: LazyLock<Vec<Trace>> = LazyLock::new(|| {
        let all = recorded().unwrap_or_else(|| (0..1000).map(simulated).collect());
        let mut people: Vec<(Trace, Signature)> = Vec::new();
        for trace in all {
            let slider = Slider {
                target: 1.0,
                tolerance: 0.02,
            };
            let passes = risk::score(&trace, &slider, &browser()).p_bot < 0.4;
            let Some(signature) = Signature::of(&trace).filter(|_| passes) else {
                continue;
            };
            if !people.iter().any(|(_, other)| other.is_near(signature)) {
                people.push((trace, signature));
            }
        }
        assert!(people.len() >= 300, "only {} slides pass", people.len());
        people.into_iter().map(|(trace, _)| trace).collect()
    });
    &PEOPLE
}

/// `trace` played again: stretched by up to 3 %, jittered by up to 3 pixels and 5 milliseconds.
#[must_use]
pub fn replayed(trace: &Trace, random: &mut Random) -> Trace {
    let noise = random.within(1.0, 3.0);
    let [along, across, pace] = [(); 3].map(|()| random.within(0.97, 1.03));
    let mut replayed = trace.clone();
    let mut latest = 0.0_f32;
    let mut previous = 0.0_f32;
    for [x, y, t] in &mut replayed.samples {
        // Time never runs backwards, and what happened at different times still does.
        let step = if *t > previous { 1.0 } else { 0.0 };
        previous = *t;
        latest = (latest + step).max(*t * pace + random.within(-5.0, 5.0));
        *x = *x * along + random.within(-noise, noise);
        *y = *y * across + random.within(-noise, noise);
        *t = latest;
    }
    replayed
}

/// Recorded slides of people, to the end of a track of [`TRACK`] pixels.
fn recorded() -> Option<Vec<Trace>> {
    let text = std::fs::read_to_string(std::env::var_os("PARALLAX_TRACES")?).ok()?;
    Some(text.lines().filter_map(read).collect())
}

/// Reads `id x,y,t;x,y,t;... target label`; slides to the left are mirrored. Of people only.
fn read(line: &str) -> Option<Trace> {
    let mut fields = line.split(' ').skip(1);
    let points = fields.next()?.split(';').filter(|s| !s.is_empty()).map(|sample| {
        let mut numbers = sample.split(',').map(str::parse::<f32>);
        Some([numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?])
    });
    let points = points.collect::<Option<Vec<_>>>()?;
    let (first, last) = (points.first()?, points.last()?);
    let way = last[0] - first[0];
    if fields.nth(1)? != "1" || way.abs() < 1.0 {
        return None;
    }
    let scale = TRACK / way.abs();
    let relative = |p: &[f32; 3]| {
        [
            (p[0] - first[0]) * way.signum() * scale,
            (p[1] - first[1]) * scale,
            p[2] - first[2],
        ]
    };
    Some(Trace {
        version: Trace::VERSION,
        input: Input::Mouse,
        samples: points.iter().map(relative).collect(),
        track: TRACK,
    })
}

/// A minimum-jerk stroke that falls short, a pause, a correction; uneven intervals, a drift across, each of another size
/// with another seed. Written down from no recording.
fn simulated(seed: u64) -> Trace {
    let mut random = Random::new(seed);
    let pace = random.within(0.5, 2.5);
    let (end, start, short) = (
        random.within(0.45, 0.65),
        random.within(0.68, 0.8),
        random.within(0.02, 0.14),
    );
    let skew = random.within(0.6, 1.6);
    let (drift, ripple) = (random.within(-9.0, 9.0), random.within(4.0, 13.0));
    let mut samples = Vec::new();
    let mut time = 0.0;
    for step in 0..90_u16 {
        let progress = f32::from(step) / 89.0;
        let stroke = minimum_jerk((progress / end).min(1.0).powf(skew)) * (1.0 - short);
        let correction = minimum_jerk(((progress - start) / (1.0 - start)).clamp(0.0, 1.0)) * short;
        let across = drift * (progress * 2.6).sin() + 1.5 * (progress * ripple).sin();
        samples.push([((stroke + correction) * TRACK).round(), across.round(), time]);
        time += (pace * random.within(7.0, 19.0)).round();
    }
    Trace {
        version: Trace::VERSION,
        input: Input::Mouse,
        samples,
        track: TRACK,
    }
}

/// Seeded random numbers (SplitMix64, Steele, Lea and Flood 2014).
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// The same seed gives the same numbers.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in `low..high`.
    pub fn within(&mut self, low: f32, high: f32) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        low + (high - low) * ((z ^ (z >> 31)) >> 40) as f32 / 16_777_216.0
    }
}

/// Position at `time`, both in `[0, 1]`, of the smoothest movement from rest to rest (Flash and Hogan 1985).
fn minimum_jerk(time: f32) -> f32 {
    time.powi(3) * (10.0 - 15.0 * time + 6.0 * time.powi(2))
}
