//! Where the slide went: ends, ways back, when it reached what.

use super::drag::Drag;
use super::numbers::{at, largest, place_of_largest, reversals};

pub(super) const NAMES: [&str; 13] = [
    // Position at the end; 1 is where it reached furthest.
    "end",
    // Share of the time when it was furthest.
    "furthest_time",
    // Changes of direction of more than 0.01, 0.02, 0.05 (hysteresis).
    "reversals_1",
    "reversals_2",
    "reversals_5",
    // Share of the way, and of the time, that goes back.
    "back_way",
    "back_time",
    // Share of the time after which it was at 0.25, 0.5, 0.75, 0.9 and 0.98.
    "reach_25",
    "reach_50",
    "reach_75",
    "reach_90",
    "reach_98",
    // Straight distance from end to end over the length of the path.
    "straightness",
];

pub(super) fn values(drag: &Drag) -> [f64; NAMES.len()] {
    let duration = drag.duration();
    let end = |values: &[f64]| values.last().copied().unwrap_or(0.0);
    let back: f64 = drag.dx.iter().map(|dx| (-dx).max(0.0)).sum();
    let back_time: f64 = drag
        .dx
        .iter()
        .zip(&drag.dt)
        .filter(|(dx, _)| **dx < 0.0)
        .map(|(_, dt)| *dt)
        .sum();
    let reached = |level: f64| {
        let first = drag.x.iter().zip(&drag.t).find(|(x, _)| **x >= level);
        first.map_or(1.0, |(_, t)| t / duration)
    };
    let length: f64 = drag.step.iter().sum();
    [
        end(&drag.x),
        at(&drag.t, place_of_largest(&drag.x)) / duration,
        reversals(&drag.x, 0.01),
        reversals(&drag.x, 0.02),
        reversals(&drag.x, 0.05),
        back / drag.way().max(1e-9),
        back_time / duration,
        reached(0.25),
        reached(0.5),
        reached(0.75),
        reached(0.9),
        reached(0.98),
        end(&drag.x).hypot(end(&drag.y)) / length.max(largest(&drag.x)).max(1e-9),
    ]
}
