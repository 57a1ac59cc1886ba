//! When events came: rests, and how intervals and steps go together.
//!
//! A hand that slows down makes a sensor report both shorter steps and longer intervals; a program that walks a curve by
//! a clock makes intervals that know nothing of its steps.

use super::drag::Drag;
use super::numbers::{autocorrelation, correlation, count, count_where, deviation, head, mean, median, tail};

pub(super) const NAMES: [&str; 19] = [
    // Share of all that sensors report without movement: original samples exactly where the sample before was.
    "repeated_points",
    // ln of events a second.
    "event_rate",
    // Rests above 100 and 600 ms: how many a second; and their share of the time above 100, 250 and 600 ms.
    "rests_100_rate",
    "rests_600_rate",
    "rests_100_time",
    "rests_600_time",
    // Rests above four median intervals: share of the events; ln of the mean step out of them over the mean step.
    "rest_share",
    "step_after_rest",
    // Correlation of ln interval and ln step: all, in the first third, in the last third of the events.
    "interval_step",
    "interval_step_first",
    "interval_step_last",
    // Correlation of ln interval with the one before.
    "interval_memory",
    // Variation (deviation over mean) of intervals below 2.5 medians.
    "interval_variation",
    // Mean ln interval in the last third, less that of all; deviation of ln interval there.
    "interval_last",
    "interval_last_deviation",
    // ln(1 + bursts): stretches between rests above 150 ms that move by more than 0.01.
    "bursts",
    // Of neighbouring original samples that both move on at once, how the ratio (ln) of their intervals goes with that of
    // their steps: positions computed at time stamps go together, devices stamp late what they saw early.
    "stamp_step",
    // Steps at less than 10 ms over all steps that go on, mean, ln; 0 where there are none.
    "quick_steps",
    // Correlation of an interval below 120 ms with the one before.
    "stamp_memory",
];

pub(super) fn values(drag: &Drag) -> [f64; NAMES.len()] {
    let duration = drag.duration();
    let seconds = duration / 1000.0;
    let intervals: Vec<f64> = drag.dt.iter().map(|dt| dt.ln()).collect();
    let steps: Vec<f64> = drag.step.iter().map(|step| (step + 1e-3).ln()).collect();
    let events = drag.t.len();
    let third = (events / 3).max(3);
    let typical = median(&drag.dt);
    let active: Vec<f64> = drag.dt.iter().copied().filter(|dt| *dt <= 2.5 * typical).collect();
    let time_above = |limit: f64| drag.dt.iter().filter(|dt| **dt > limit).sum::<f64>() / duration;
    let after_rest: Vec<f64> = drag
        .dt
        .iter()
        .zip(&drag.step)
        .filter(|(dt, _)| **dt > 4.0 * typical)
        .map(|(_, s)| *s)
        .collect();
    let mean_step = mean(&drag.step).max(1e-9);
    let step_after = if after_rest.is_empty() {
        mean_step
    } else {
        mean(&after_rest).max(1e-9)
    };
    [
        drag.repeated,
        (count(events) / seconds).ln(),
        count_where(&drag.dt, |dt| dt > 100.0) / seconds,
        count_where(&drag.dt, |dt| dt > 600.0) / seconds,
        time_above(100.0),
        time_above(600.0),
        count_where(&drag.dt, |dt| dt > 4.0 * typical) / count(events),
        (step_after / mean_step).ln(),
        correlation(&intervals, &steps),
        correlation(head(&intervals, third), head(&steps, third)),
        correlation(tail(&intervals, third), tail(&steps, third)),
        autocorrelation(&intervals, 1),
        deviation(&active) / mean(&active).max(1e-9),
        mean(tail(&intervals, third)) - mean(&intervals),
        deviation(tail(&intervals, third)),
        bursts(drag),
        stamp_step(&drag.raw),
        quick_steps(&drag.raw),
        stamp_memory(&drag.raw),
    ]
}

/// From here on nothing goes on: it begins anew, milliseconds.
const PAUSE: f64 = 120.0;

fn stamp_step(raw: &[[f64; 2]]) -> f64 {
    let (mut intervals, mut steps) = (Vec::new(), Vec::new());
    for pair in raw.windows(2) {
        let &[[dt, step], [next_dt, next_step]] = pair else {
            continue;
        };
        if dt.max(next_dt) < PAUSE && step.max(next_step) > 0.01 {
            intervals.push((next_dt / dt).ln());
            steps.push(((next_step + 1e-3) / (step + 1e-3)).ln());
        }
    }
    if steps.len() < 4 {
        return 0.0;
    }
    correlation(&intervals, &steps)
}

fn quick_steps(raw: &[[f64; 2]]) -> f64 {
    let of = |low: f64, high: f64| -> Vec<f64> {
        let within = raw.iter().filter(|[dt, _]| (low..high).contains(dt));
        within.map(|[_, step]| *step).collect()
    };
    let (quick, all) = (of(0.0, 10.0), of(0.0, PAUSE));
    if quick.is_empty() {
        return 0.0;
    }
    ((mean(&quick) + 1e-3) / (mean(&all) + 1e-3)).ln()
}

fn stamp_memory(raw: &[[f64; 2]]) -> f64 {
    let intervals: Vec<f64> = raw.iter().map(|[dt, _]| *dt).filter(|dt| *dt < PAUSE).collect();
    autocorrelation(&intervals, 1)
}

fn bursts(drag: &Drag) -> f64 {
    let (mut ways, mut way) = (Vec::new(), 0.0);
    for (dt, along) in drag.dt.iter().zip(&drag.along) {
        if *dt > 150.0 {
            ways.push(way);
            way = 0.0;
        } else {
            way += along;
        }
    }
    ways.push(way);
    (1.0 + count_where(&ways, |way| way > 0.01)).ln()
}
