//! What the hand does across the slide, where no script is asked to go.

use super::drag::{Drag, Motion};
use super::numbers::{
    correlation, count, count_where, differences, largest, mean, parabola_residual, reversals, share, smallest,
};

pub(super) const NAMES: [&str; 10] = [
    // ln of the range across, reaches.
    "height_range",
    // Net way across over all of it; 1 where there is none.
    "height_efficiency",
    // Share of steps that go across at all.
    "height_changes",
    // Changes of direction across: by more than 0.02; and all of them, over the number of events.
    "height_turns",
    "height_turns_rate",
    // Correlation of positions along and across, absolute.
    "height_along",
    // ln of the root mean square distance from the best parabola across over along, reaches.
    "height_residual",
    // Sum of changes from step to step across, over the way across.
    "height_roughness",
    // Correlation of the smoothed speeds along and across.
    "height_speed",
    // ln of the mean step along of those that go across, over the mean step along.
    "height_step",
];

pub(super) fn values(drag: &Drag, motion: &Motion) -> [f64; NAMES.len()] {
    let across: f64 = drag.dy.iter().map(|dy| dy.abs()).sum();
    let signs: Vec<f64> = drag.dy.iter().filter(|dy| **dy != 0.0).map(|dy| dy.signum()).collect();
    let speed: Vec<f64> = differences(&motion.smooth_y).iter().map(|v| v.abs()).collect();
    let end = drag.y.last().copied().unwrap_or(0.0);
    let with: Vec<f64> = drag
        .along
        .iter()
        .zip(&drag.dy)
        .filter(|(_, dy)| **dy != 0.0)
        .map(|(dx, _)| *dx)
        .collect();
    let along = mean(&drag.along).max(1e-9);
    [
        (largest(&drag.y) - smallest(&drag.y) + 0.005).ln(),
        if across > 0.0 { end.abs() / across } else { 1.0 },
        share(&drag.dy, |dy| dy != 0.0),
        reversals(&drag.y, 0.02),
        count_where(&differences(&signs), |change| change != 0.0) / count(drag.y.len()),
        correlation(&motion.x, &motion.y).abs(),
        (parabola_residual(&motion.x, &motion.y) + 0.002).ln(),
        differences(&drag.dy).iter().map(|d| d.abs()).sum::<f64>() / across.max(1e-9).max(0.01),
        correlation(&speed, motion.speed.get(1..).unwrap_or(&[])),
        if with.is_empty() {
            0.0
        } else {
            (mean(&with) / along + 0.02).ln()
        },
    ]
}
