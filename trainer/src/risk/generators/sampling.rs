//! How a curve becomes a trace: the clock of events, the grid of positions, and what of a person's recording an attacker
//! copies.

use super::Family;
use super::curve::Curve;
use super::strokes::{self, Stroke};
use crate::risk::random::Random;

/// Traces have at most this many samples, as the recordings do.
const MAX_SAMPLES: usize = 300;
/// Of the samples that do not move, this share is reported all the same, as in recordings.
const REPEATED: f64 = 0.02;
/// What an attacker takes for a person's hesitation, milliseconds.
const HESITATION: f64 = 150.0;

/// An attacker's habit of sampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum)]
pub enum Sampling {
    /// The time stamps of a person, rests included; the path moves through them
    Stamp,
    /// The same, but the path rests where the person did
    Hold,
    /// The intervals of a person who does not rest; an event only where something moved
    Tick,
    /// A timer of the attacker's own; an event at every tick, moved or not
    Poll,
    /// The frames of a display, pixels and pace of the widget's slider; an event only where something moved
    Display,
}

impl Sampling {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Stamp, Self::Hold, Self::Tick, Self::Poll, Self::Display];

    /// The name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stamp => "stamp",
            Self::Hold => "hold",
            Self::Tick => "tick",
            Self::Poll => "poll",
            Self::Display => "display",
        }
    }

    /// A trace along the curve that `curve` draws for a duration (milliseconds).
    pub(super) fn render(
        self,
        curve: impl FnOnce(f64, &mut Random) -> Curve,
        pool: &Pool,
        random: &mut Random,
    ) -> Vec<[f64; 3]> {
        let (Some(geometry), Some(person)) = (random.one_of(&pool.people), random.one_of(&pool.people)) else {
            return Vec::new();
        };
        // Time stamps of the events, and how far the attacker's own clock was at each.
        let (stamps, clock) = self.clock(geometry, person, random);
        let duration = clock.last().copied().unwrap_or(0.0).max(1.0);
        let curve = curve(duration, random);
        let (first, reach) = extent(geometry);
        let (grid, start, reach) = match self {
            Self::Display => {
                let pixel = random.one_of(&[1.0, 1.0, 0.5, 0.1]).copied().unwrap_or(1.0);
                (Grid::pixels(pixel), [0.0; 3], random.log_within(80.0, 320.0))
            }
            _ => (Grid::RECORDED, first, reach),
        };
        let place = |(t, own): (f64, f64)| {
            let [x, y] = curve.at(own / duration);
            [start[0] + x * reach, start[1] + y * reach.abs(), start[2] + t]
        };
        let mut trace: Vec<[f64; 3]> = stamps.into_iter().zip(clock).map(place).collect();
        grid.snap(&mut trace);
        if self != Self::Poll {
            drop_repeated(&mut trace, random);
        }
        trace.truncate(if self == Self::Display { 512 } else { MAX_SAMPLES });
        trace
    }

    fn clock(self, geometry: &[[f64; 3]], person: &[[f64; 3]], random: &mut Random) -> (Vec<f64>, Vec<f64>) {
        let mut intervals = intervals(person);
        let span = geometry.last().map_or(0.0, |last| last[2]) - geometry.first().map_or(0.0, |first| first[2]);
        let span = span.clamp(300.0, 60_000.0);
        match self {
            Self::Stamp | Self::Hold => {
                if random.chance(0.4) {
                    random.shuffle(&mut intervals);
                }
                let moving = if self == Self::Hold { HESITATION } else { f64::INFINITY };
                let own: Vec<f64> = intervals.iter().map(|dt| dt.min(moving)).collect();
                (sums(&intervals), sums(&own))
            }
            Self::Tick => {
                intervals.retain(|dt| *dt <= 120.0);
                if intervals.len() < 5 {
                    intervals = vec![24.0];
                }
                let pace = random.one_of(&[1.0, 0.5, 0.25]).copied().unwrap_or(1.0);
                let (target, in_order) = ((span * pace).max(300.0), random.chance(0.5));
                let (mut next, mut drawn, mut total) = (random.below(0, intervals.len()), Vec::new(), 0.0);
                while total < target && drawn.len() < 2000 {
                    next = if in_order {
                        (next + 1) % intervals.len()
                    } else {
                        random.below(0, intervals.len())
                    };
                    let dt = intervals.get(next).copied().unwrap_or(24.0);
                    drawn.push(dt);
                    total += dt;
                }
                let stamps = sums(&drawn);
                (stamps.clone(), stamps)
            }
            Self::Poll => {
                let interval = random.log_within(6.0, 80.0);
                let jitter = if random.chance(0.4) {
                    0.0
                } else {
                    random.within(0.0, 0.4)
                };
                let target = (span * random.log_within(0.15, 1.0)).clamp(8.0 * interval, 280.0 * interval);
                ticks(target, random, |random| interval * (1.0 + jitter * random.normal()))
            }
            Self::Display => {
                let interval = random
                    .one_of(&[16.67, 16.67, 8.33, 6.94, 20.0, 10.0])
                    .copied()
                    .unwrap_or(16.67);
                let jitter = random.one_of(&[0.0, 0.02, 0.1, 0.3]).copied().unwrap_or(0.0);
                let target = random.log_within(300.0, 4000.0).min(500.0 * interval);
                ticks(target, random, |random| interval * (1.0 + jitter * random.normal()))
            }
        }
    }
}

fn ticks(duration: f64, random: &mut Random, mut interval: impl FnMut(&mut Random) -> f64) -> (Vec<f64>, Vec<f64>) {
    let mut stamps = vec![0.0];
    let mut now = 0.0;
    while now < duration && stamps.len() < 2000 {
        now += interval(random).max(2.0);
        stamps.push(now);
    }
    (stamps.clone(), stamps)
}

fn sums(intervals: &[f64]) -> Vec<f64> {
    let mut now = 0.0;
    let later = intervals.iter().map(|dt| {
        now += dt;
        now
    });
    [0.0].into_iter().chain(later).collect()
}

fn intervals(person: &[[f64; 3]]) -> Vec<f64> {
    let between = |pair: &[[f64; 3]]| match pair {
        [a, b] => b[2] - a[2],
        _ => 0.0,
    };
    person.windows(2).map(between).filter(|dt| *dt > 0.0).collect()
}

/// The first sample, and how far it reaches along, negative to the left.
fn extent(person: &[[f64; 3]]) -> ([f64; 3], f64) {
    let first = person.first().copied().unwrap_or_default();
    let ways = person.iter().map(|s| s[0] - first[0]);
    (first, ways.max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0))
}

fn drop_repeated(trace: &mut Vec<[f64; 3]>, random: &mut Random) {
    let mut before: Option<[f64; 3]> = None;
    trace.retain(|sample| {
        let moved = before.is_none_or(|b| b[0] != sample[0] || b[1] != sample[1]);
        before = Some(*sample);
        moved || random.chance(REPEATED)
    });
}

/// Steps that positions and times come in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    steps: [f64; 3],
    offsets: [f64; 3],
}

impl Grid {
    /// That of the recordings: 7, 13 units, 3 ms.
    pub const RECORDED: Self = Self {
        steps: [7.0, 13.0, 3.0],
        offsets: [3.0, 6.0, 1.0],
    };

    /// Pixels, and tenths of milliseconds.
    #[must_use]
    pub fn pixels(pixel: f64) -> Self {
        Self {
            steps: [pixel, pixel, 0.1],
            offsets: [0.0; 3],
        }
    }

    /// Puts every sample onto the grid.
    pub fn snap(self, trace: &mut [[f64; 3]]) {
        for sample in trace {
            for ((value, step), offset) in sample.iter_mut().zip(self.steps).zip(self.offsets) {
                // Tenths as the decimal that is nearest, so that they are written with one digit.
                *value = ((((*value - offset) / step).round() * step + offset) * 10.0).round() / 10.0;
            }
        }
    }
}

/// People whose geometry, clocks and strokes generators draw from.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    /// Traces, `[x, y, t]`.
    pub people: Vec<Vec<[f64; 3]>>,
    /// Their strokes; those with none are missing.
    pub strokes: Vec<Vec<Stroke>>,
}

impl Pool {
    /// A pool of recorded people. Samples that run backwards in time or are no numbers are left out.
    #[must_use]
    pub fn recorded(people: impl IntoIterator<Item = Vec<[f64; 3]>>) -> Self {
        let people: Vec<Vec<[f64; 3]>> = people.into_iter().map(cleaned).filter(|p| p.len() >= 8).collect();
        let strokes = people
            .iter()
            .map(|person| strokes::fit(person))
            .filter(|s| !s.is_empty())
            .collect();
        Self { people, strokes }
    }

    /// A pool of made-up people, for where there are no recordings: geometry, rests and strokes of ordinary size.
    #[must_use]
    pub fn made_up(random: &mut Random) -> Self {
        let stroke = |index: usize, random: &mut Random| Stroke {
            amplitude: if index == 0 {
                random.within(0.5, 1.0)
            } else {
                random.normal() * 0.12
            },
            width: random.log_within(50.0, 250.0),
            skew: random.within(0.15, 0.4),
            gap: if index == 0 {
                0.0
            } else {
                random.log_within(150.0, 900.0)
            },
            across: random.normal() * 0.03,
        };
        let strokes = (0..200)
            .map(|_| (0..random.below(2, 12)).map(|index| stroke(index, random)).collect())
            .collect();
        let mut pool = Self {
            people: vec![vec![[0.0, 0.0, 0.0], [1000.0, 0.0, 3000.0]]],
            strokes,
        };
        let person = |random: &mut Random| {
            let (mut now, mut clock) = (0.0, vec![0.0]);
            for _ in 0..random.below(40, 160) {
                let rest = random.chance(0.06);
                now += if rest {
                    random.log_within(120.0, 1500.0)
                } else {
                    (24.0 + 4.0 * random.normal()).max(3.0)
                };
                clock.push(now);
            }
            let curve = Family::SigmaLognormal.curve(now, &pool, random);
            let reach = random.log_within(400.0, 1800.0);
            let place = |t: &f64| {
                let [x, y] = curve.at(t / now);
                [x * reach, y * reach, *t]
            };
            let mut trace: Vec<[f64; 3]> = clock.iter().map(place).collect();
            Grid::RECORDED.snap(&mut trace);
            trace
        };
        pool.people = (0..200).map(|_| person(random)).collect();
        pool
    }
}

/// In the order of time, and finite.
fn cleaned(mut trace: Vec<[f64; 3]>) -> Vec<[f64; 3]> {
    let mut latest = f64::NEG_INFINITY;
    trace.retain(|sample| {
        let forward = sample.iter().all(|v| v.is_finite()) && sample[2] >= latest;
        latest = latest.max(sample[2]);
        forward
    });
    trace
}

/// A person's trace as another device would have recorded it, still a person's: only trains.
pub mod people {
    use super::{Grid, Random, drop_repeated, extent};

    /// Scaled in space and time by up to a quarter, on the recordings' grid.
    #[must_use]
    pub fn scaled(person: &[[f64; 3]], random: &mut Random) -> Vec<[f64; 3]> {
        let first = person.first().copied().unwrap_or_default();
        let scale = [
            random.within(0.8, 1.25),
            random.within(0.8, 1.25),
            random.within(0.85, 1.18),
        ];
        let place = |s: &[f64; 3]| [0, 1, 2].map(|axis: usize| first[axis] + (s[axis] - first[axis]) * scale[axis]);
        let mut trace: Vec<[f64; 3]> = person.iter().map(place).collect();
        Grid::RECORDED.snap(&mut trace);
        trace
    }

    /// On the widget's slider: a way of 80 to 320 pixels, shorter rests, a quicker pace, events at the frames of a
    /// display. Stands in for recordings of the widget, of which there are none.
    #[must_use]
    pub fn on_display(person: &[[f64; 3]], random: &mut Random) -> Vec<[f64; 3]> {
        let (first, reach) = extent(person);
        let (longest, pace) = (random.log_within(80.0, 1000.0), random.log_within(0.25, 1.0));
        let scale = random.log_within(80.0, 320.0) / reach.abs().max(1.0);
        let (mut now, mut before) = (0.0, first[2]);
        let mut knots: Vec<[f64; 3]> = Vec::new();
        for [x, y, t] in person {
            let dt = t - before;
            before = *t;
            let [x, y] = [(x - first[0]) * scale, (y - first[1]) * scale];
            if let (Some(&[x, y, _]), true) = (knots.last(), dt > 120.0) {
                // A rest: the hand is still until just before the next event.
                let rest = (dt.min(longest) - 50.0).max(1.0) * pace;
                knots.push([x, y, now + rest]);
                now += rest + 50.0 * pace;
            } else {
                now += dt.max(0.0) * pace;
            }
            knots.push([x, y, now]);
        }
        let interval = random
            .one_of(&[16.67, 16.67, 8.33, 6.94, 20.0, 10.0])
            .copied()
            .unwrap_or(16.67);
        let jitter = random.one_of(&[0.0, 0.02, 0.1, 0.3]).copied().unwrap_or(0.0);
        let pixel = random.one_of(&[1.0, 1.0, 0.5, 0.1]).copied().unwrap_or(1.0);
        let (mut trace, mut at, mut frame) = (Vec::new(), 0, 0.0);
        while let (Some(a), Some(b)) = (knots.get(at), knots.get(at + 1)) {
            if frame > b[2] {
                at += 1;
                continue;
            }
            let part = if b[2] > a[2] {
                ((frame - a[2]) / (b[2] - a[2])).clamp(0.0, 1.0)
            } else {
                1.0
            };
            trace.push([a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part, frame]);
            frame += (interval * (1.0 + jitter * random.normal())).max(1.0);
        }
        Grid::pixels(pixel).snap(&mut trace);
        drop_repeated(&mut trace, random);
        trace.truncate(512);
        trace
    }
}
