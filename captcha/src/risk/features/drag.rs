//! The form that every trace is brought to before anything is measured on it.
//!
//! Recordings come at 30 Hz on a coarse grid, widgets send tenths of pixels at the rate of the mouse. What differs between
//! the two must not decide, so both are coarsened to the poorer: positions snap to a grid relative to the reach, events
//! that do not move on it are dropped, and of events closer than [`CLOCK_MS`] the first one stays.

use super::numbers::{differences, largest};
use crate::wire::Trace;

/// Grid lines over the reach, along and across the slide.
const X_LINES: f64 = 256.0;
const Y_LINES: f64 = 128.0;
/// Events are at least this far apart, milliseconds.
const CLOCK_MS: f64 = 20.0;
/// Fewer events, a shorter way (pixels) or time (milliseconds) describe no movement.
const MIN_EVENTS: usize = 6;
const MIN_REACH: f64 = 8.0;
const MIN_DURATION_MS: f64 = 100.0;
/// Where numbers end that a widget sends.
const MAX_NUMBER: f64 = 4.0e6;

/// Samples between which more time passes than this were a rest, milliseconds: the position stays until
/// [`WAKE_MS`] before the next.
const HOLD_MS: f64 = 120.0;
const WAKE_MS: f64 = 50.0;
/// The clock of [`Motion`], milliseconds; slower for very long slides, so that work is bounded.
const TICK_MS: f64 = 25.0;
const MAX_TICKS: f64 = 1024.0;
/// Standard deviation of the Gaussian that positions are smoothed with, ticks.
const SMOOTH_TICKS: f64 = 2.0;
const HALF_WIDTH: usize = 6;

/// Events of a slide: `x` grows towards where it reached furthest, which is 1; `y` in the same unit; both from 0.
#[derive(Debug, Clone)]
pub(super) struct Drag {
    pub x: Vec<f64>,
    pub y: Vec<f64>,
    /// Milliseconds from 0, strictly rising.
    pub t: Vec<f64>,
    /// Differences of neighbouring events.
    pub dx: Vec<f64>,
    pub dy: Vec<f64>,
    pub dt: Vec<f64>,
    /// Lengths of the steps, and of their part along the slide.
    pub step: Vec<f64>,
    pub along: Vec<f64>,
    /// Share of the original samples at exactly the position of the sample before.
    pub repeated: f64,
    /// Interval (milliseconds) and way along (reaches) between original samples that moved.
    pub raw: Vec<[f64; 2]>,
}

impl Drag {
    /// `None` for what describes no movement, or is beyond all proportion.
    pub fn of(samples: &[[f32; 3]]) -> Option<Self> {
        if samples.len() > Trace::MAX_SAMPLES {
            return None;
        }
        let samples: Vec<[f64; 3]> = samples.iter().map(|s| s.map(f64::from)).collect();
        let &[x0, y0, t0] = samples.first()?;
        // Written so that NaN fails.
        if !samples.iter().flatten().all(|v| v.abs() <= MAX_NUMBER) {
            return None;
        }
        let furthest = samples
            .iter()
            .map(|s| s[0] - x0)
            .max_by(|a, b| a.abs().total_cmp(&b.abs()))?;
        let reach = furthest.abs();
        if reach < MIN_REACH {
            return None;
        }
        let repeated = samples
            .windows(2)
            .filter(|pair| matches!(pair, [a, b] if a[0] == b[0] && a[1] == b[1]));
        let repeated = super::numbers::count(repeated.count() + 1) - 1.0;
        let snapped = samples.iter().map(|[x, y, t]| {
            [
                ((x - x0) / furthest * X_LINES).round() / X_LINES,
                ((y - y0) / reach * Y_LINES).round() / Y_LINES,
                t - t0,
            ]
        });
        let events = thinned(snapped);
        let axis = |axis: fn(&[f64; 3]) -> f64| -> Vec<f64> { events.iter().map(axis).collect() };
        let (x, y, t) = (axis(|e| e[0]), axis(|e| e[1]), axis(|e| e[2]));
        if x.len() < MIN_EVENTS || largest(&t) < MIN_DURATION_MS {
            return None;
        }
        let (dx, dy, dt) = (differences(&x), differences(&y), differences(&t));
        Some(Self {
            step: dx.iter().zip(&dy).map(|(dx, dy)| dx.hypot(*dy)).collect(),
            along: dx.iter().map(|dx| dx.abs()).collect(),
            repeated: repeated / super::numbers::count(samples.len() - 1),
            raw: raw(&samples, reach),
            x,
            y,
            t,
            dx,
            dy,
            dt,
        })
    }

    /// Milliseconds from the first event to the last, at least 100.
    pub fn duration(&self) -> f64 {
        largest(&self.t)
    }

    /// Way along the slide, back and forth; at least 1.
    pub fn way(&self) -> f64 {
        self.along.iter().sum()
    }
}

fn raw(samples: &[[f64; 3]], reach: f64) -> Vec<[f64; 2]> {
    let between = |pair: &[[f64; 3]]| match pair {
        [a, b] if b[2] > a[2] && (a[0] != b[0] || a[1] != b[1]) => Some([b[2] - a[2], (b[0] - a[0]).abs() / reach]),
        _ => None,
    };
    samples.windows(2).filter_map(between).collect()
}

/// Events that move and are far enough apart; the last movement always stays, in place of one that is too near.
fn thinned(samples: impl Iterator<Item = [f64; 3]>) -> Vec<[f64; 3]> {
    let mut events: Vec<[f64; 3]> = Vec::new();
    let mut skipped = None;
    for sample in samples {
        let Some(last) = events.last() else {
            events.push(sample);
            continue;
        };
        let apart = sample[2] - last[2];
        let moved = sample[0] != last[0] || sample[1] != last[1];
        if moved && apart >= CLOCK_MS {
            events.push(sample);
            skipped = None;
        } else if apart > 0.0 {
            skipped = moved.then_some(sample);
        }
    }
    if let (Some(skipped), [_, .., last]) = (skipped, events.as_mut_slice()) {
        *last = skipped;
    }
    events
}

/// Positions on an even clock.
#[derive(Debug, Clone)]
pub(super) struct Motion {
    /// Milliseconds between two ticks.
    pub tick: f64,
    /// Along and across, as they are, resting through gaps.
    pub x: Vec<f64>,
    pub y: Vec<f64>,
    /// The same, smoothed.
    pub smooth_x: Vec<f64>,
    pub smooth_y: Vec<f64>,

    /// Absolute central differences of `smooth_x`, reaches a tick.
    pub speed: Vec<f64>,
    /// The largest of them, above 0.
    pub top: f64,
}

impl Motion {
    pub fn of(drag: &Drag) -> Self {
        let duration = drag.duration();
        let tick = TICK_MS.max(duration / MAX_TICKS);
        let (x, y) = resampled(drag, tick);
        let (smooth_x, smooth_y) = (smoothed(&x), smoothed(&y));
        let speed: Vec<f64> = gradient(&smooth_x).iter().map(|v| v.abs()).collect();
        let top = largest(&speed).max(1e-9);
        Self {
            tick,
            x,
            y,
            smooth_x,
            smooth_y,
            speed,
            top,
        }
    }
}

/// Positions at the ticks, linear between events but at rest through gaps.
fn resampled(drag: &Drag, tick: f64) -> (Vec<f64>, Vec<f64>) {
    let mut knots: Vec<[f64; 3]> = Vec::with_capacity(2 * drag.t.len());
    for ((&x, &y), &t) in drag.x.iter().zip(&drag.y).zip(&drag.t) {
        if let Some(&[x, y, before]) = knots.last()
            && t - before > HOLD_MS
        {
            knots.push([x, y, t - WAKE_MS]);
        }
        knots.push([x, y, t]);
    }
    let (mut xs, mut ys, mut now) = (Vec::new(), Vec::new(), 0.0);
    for pair in knots.windows(2) {
        let &[[x0, y0, t0], [x1, y1, t1]] = pair else { continue };
        while now <= t1 {
            let part = if t1 > t0 { (now - t0) / (t1 - t0) } else { 1.0 };
            xs.push(x0 + (x1 - x0) * part);
            ys.push(y0 + (y1 - y0) * part);
            now += tick;
        }
    }
    if let Some([x, y, _]) = knots.last() {
        xs.push(*x);
        ys.push(*y);
    }
    (xs, ys)
}

fn smoothed(values: &[f64]) -> Vec<f64> {
    let weight = |lag: f64| (-0.5 * (lag / SMOOTH_TICKS).powi(2)).exp();
    let mut kernel = [0.0; 2 * HALF_WIDTH + 1];
    let mut lag = -super::numbers::count(HALF_WIDTH);
    for place in &mut kernel {
        *place = weight(lag);
        lag += 1.0;
    }
    let total: f64 = kernel.iter().sum();
    let (first, last) = (super::numbers::at(values, 0), values.last().copied().unwrap_or(0.0));
    let mut padded = vec![first; HALF_WIDTH];
    padded.extend_from_slice(values);
    padded.extend([last; HALF_WIDTH]);
    let window = |window: &[f64]| window.iter().zip(kernel).map(|(v, k)| v * k).sum::<f64>() / total;
    padded.windows(kernel.len()).map(window).collect()
}

/// Central differences, one-sided at the ends.
fn gradient(values: &[f64]) -> Vec<f64> {
    let at = |place: usize| super::numbers::at(values, place);
    let last = values.len().saturating_sub(1);
    (0..values.len())
        .map(|place| match place {
            0 => at(1.min(last)) - at(0),
            _ if place == last => at(last) - at(last - 1),
            _ => (at(place + 1) - at(place - 1)) / 2.0,
        })
        .collect()
}
