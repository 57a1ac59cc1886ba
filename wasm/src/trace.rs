//! Records how a handle was moved, as the wire's [`Trace`]. Knows nothing of the DOM.

use parallax_captcha::wire::{Input, Trace};

/// Samples kept: half a second of a mouse at 1,000 Hz, or eight of touch at 60 Hz. More are thinned out evenly, and once
/// more for sending if they do not fit: [`MAX_SLIDE`](crate::json::MAX_SLIDE).
pub const CAPACITY: usize = 512;
const _: () = assert!(CAPACITY <= Trace::MAX_SAMPLES);

/// Positions and times are rounded to tenths: as fine as browsers report either, and as they are sent.
const STEPS_PER_UNIT: f64 = 10.0;

/// Where a pointer was: CSS pixels of the viewport, and milliseconds on the page's clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Pixels from the left.
    pub x: f64,
    /// Pixels from the top.
    pub y: f64,
    /// Milliseconds.
    pub t: f64,
}

/// Which way the handle travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Left to right.
    Rightwards,
    /// Right to left, on right-to-left pages. Recorded mirrored, so that `x` grows towards the target everywhere.
    Leftwards,
}

/// A movement under way.
#[derive(Debug, Clone)]
pub struct Recorder {
    trace: Trace,
    origin: Point,
    direction: Direction,
    /// Every `stride`-th point is kept; doubles whenever the capacity is reached.
    stride: usize,
    seen: usize,
    last: [f32; 3],
}

impl Recorder {
    /// Begins at `origin`, which becomes the sample `[0, 0, 0]`; the handle can travel `track` CSS pixels.
    #[must_use]
    pub fn begin(input: Input, track: f32, direction: Direction, origin: Point) -> Self {
        let trace = Trace {
            version: Trace::VERSION,
            input,
            samples: vec![[0.0; 3]],
            track,
        };
        Self {
            trace,
            origin,
            direction,
            stride: 1,
            seen: 0,
            last: [0.0; 3],
        }
    }

    /// Adds a point, unless it is the one before again or older: browsers repeat the last of the coalesced events as the
    /// event itself, and some hand a few over out of order.
    pub fn push(&mut self, point: Point) {
        let sample = self.relative(point);
        let [_, _, before] = self.last;
        let [_, _, now] = sample;
        if sample == self.last || now < before || now.is_nan() {
            return;
        }
        self.last = sample;
        self.seen += 1;
        // One place stays free for the last point, which `finish` adds if thinning dropped it.
        if self.trace.samples.len() + 1 >= CAPACITY {
            let mut kept = false;
            self.trace.samples.retain(|_| {
                kept = !kept;
                kept
            });
            self.stride *= 2;
        }
        if self.seen.is_multiple_of(self.stride) {
            self.trace.samples.push(self.last);
        }
    }

    /// How far along the track the last point is, pixels; negative behind the start, and beyond the track if the pointer
    /// was.
    #[must_use]
    pub fn distance(&self) -> f32 {
        self.last[0]
    }

    /// Pixels the handle can travel.
    #[must_use]
    pub fn track(&self) -> f32 {
        self.trace.track
    }

    /// What moves the handle.
    #[must_use]
    pub fn input(&self) -> Input {
        self.trace.input
    }

    /// Ends the movement. The last sample is where it ended.
    #[must_use]
    pub fn finish(mut self) -> Trace {
        if self.trace.samples.last() != Some(&self.last) {
            self.trace.samples.push(self.last);
        }
        self.trace
    }

    fn relative(&self, point: Point) -> [f32; 3] {
        let x = match self.direction {
            Direction::Rightwards => point.x - self.origin.x,
            Direction::Leftwards => self.origin.x - point.x,
        };
        [x, point.y - self.origin.y, point.t - self.origin.t].map(round)
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "pixels and milliseconds of one drag fit an f32 with room to spare"
)]
fn round(value: f64) -> f32 {
    ((value * STEPS_PER_UNIT).round_ties_even() / STEPS_PER_UNIT) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorder(direction: Direction) -> Recorder {
        Recorder::begin(
            Input::Mouse,
            200.0,
            direction,
            Point {
                x: 100.0,
                y: 50.0,
                t: 1_000.0,
            },
        )
    }

    #[test]
    fn samples_are_relative_and_rounded_to_tenths() {
        let mut recorder = recorder(Direction::Rightwards);
        recorder.push(Point {
            x: 110.26,
            y: 49.0,
            t: 1_016.74,
        });
        assert_eq!(recorder.distance(), 10.3);
        let trace = recorder.finish();
        assert_eq!(trace.samples, [[0.0, 0.0, 0.0], [10.3, -1.0, 16.7]]);
        assert_eq!(
            (trace.version, trace.input, trace.track),
            (Trace::VERSION, Input::Mouse, 200.0)
        );
    }

    #[test]
    fn repeated_late_and_broken_points_are_left_out() {
        let mut recorder = recorder(Direction::Rightwards);
        for (x, t) in [
            (101.0, 1_001.0),
            (102.0, 1_002.0),
            (102.0, 1_002.0),
            (102.04, 1_002.0),
            (101.5, 1_001.5),
            (103.0, f64::NAN),
            (102.0, 1_003.0),
            (104.0, 1_003.0),
        ] {
            recorder.push(Point { x, y: 50.0, t });
        }
        let kept: Vec<(f32, f32)> = recorder.finish().samples.iter().map(|s| (s[0], s[2])).collect();
        assert_eq!(kept, [(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (2.0, 3.0), (4.0, 3.0)]);
    }

    #[test]
    fn leftward_movements_are_mirrored() {
        let mut recorder = recorder(Direction::Leftwards);
        recorder.push(Point {
            x: 40.0,
            y: 50.0,
            t: 1_010.0,
        });
        assert_eq!(recorder.finish().samples, [[0.0, 0.0, 0.0], [60.0, 0.0, 10.0]]);
    }

    #[test]
    fn long_movements_are_thinned_evenly_and_keep_their_ends() {
        for count in [CAPACITY - 2, CAPACITY, 2 * CAPACITY, 10 * CAPACITY + 7] {
            let mut recorder = recorder(Direction::Rightwards);
            for i in 1..=count {
                recorder.push(Point {
                    x: 100.0,
                    y: 50.0,
                    t: 1_000.0 + i as f64,
                });
            }
            let samples = recorder.finish().samples;
            assert!(
                samples.len() <= CAPACITY && samples.len() >= CAPACITY / 3,
                "{count}: {}",
                samples.len()
            );
            assert_eq!(samples.first().unwrap()[2], 0.0, "{count}");
            assert_eq!(samples.last().unwrap()[2], count as f32, "{count}");
            let gaps: Vec<f32> = samples.windows(2).map(|w| w[1][2] - w[0][2]).collect();
            let (_, regular) = gaps.split_last().unwrap();
            assert!(regular.iter().all(|g| g == &regular[0]), "{count}: uneven {gaps:?}");
        }
    }
}
