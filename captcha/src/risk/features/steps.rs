//! Steps from event to event: their sizes, their order, their noise.

use super::drag::Drag;
use super::numbers::{
    at, autocorrelation, count, count_where, deviation, differences, head, mean, median, quantile, share, smallest,
    sorted, tail,
};

pub(super) const NAMES: [&str; 15] = [
    // Share of steps hardly longer than the shortest (1.5 times), of all and of the last quarter.
    "unit_steps",
    "unit_steps_last",
    // Deviation of the steps' lengths over their mean.
    "step_variation",
    // Correlation of a step's length with the one before, and the one before that.
    "step_memory",
    "step_memory_2",
    // Sum of changes from step to step along the slide, over the way.
    "step_roughness",
    // Share of steps that only go across.
    "across_only",
    // Share of neighbouring steps that point opposite ways along the slide: all, first third, last third.
    "turns",
    "turns_first",
    "turns_last",
    // Speed ratios r = ln(v[i + 1] / v[i]) of steps at ordinary intervals: range of the middle half, memory.
    "speed_ratio_range",
    "speed_ratio_memory",
    // Share of the steps that are longer than 0.02 along with the one before.
    "fast_share",
    // Among those, where acceleration changes sign from one to the next: share; 0.4 where there are too few.
    "fast_zigzag",
    // ln of their median change of velocity over their median velocity; -4 where there are too few.
    "fast_acceleration",
];

pub(super) fn values(drag: &Drag) -> [f64; NAMES.len()] {
    let steps = &drag.step;
    let shortest = smallest(steps) * 1.5;
    let unit = |steps: &[f64]| share(steps, |step| step <= shortest);
    let events = drag.x.len();
    let (quarter, third) = ((events / 4).max(3), (events / 3).max(3));
    let typical = median(&drag.dt);
    let speeds: Vec<f64> = drag.dx.iter().zip(&drag.dt).map(|(dx, dt)| dx / dt).collect();
    let active = speeds.iter().zip(&drag.dt).filter(|(_, dt)| **dt <= 2.5 * typical);
    let logarithms: Vec<f64> = active.map(|(v, _)| (v.abs() + 1e-5).ln()).collect();
    let ratios = differences(&logarithms);
    let ordered = sorted(&ratios);
    let (fast, zigzag, acceleration) = fast(drag, &speeds);
    [
        unit(steps),
        unit(tail(steps, quarter)),
        deviation(steps) / mean(steps).max(1e-9),
        autocorrelation(steps, 1),
        autocorrelation(steps, 2),
        differences(&drag.dx).iter().map(|d| d.abs()).sum::<f64>() / drag.way().max(1e-9),
        share(&drag.dx, |dx| dx == 0.0),
        turns(&drag.dx),
        turns(head(&drag.dx, third)),
        turns(tail(&drag.dx, third)),
        quantile(&ordered, 0.75) - quantile(&ordered, 0.25),
        autocorrelation(&ratios, 1),
        fast,
        zigzag,
        acceleration,
    ]
}

fn turns(dx: &[f64]) -> f64 {
    let products: Vec<f64> = dx.windows(2).map(|pair| pair.iter().product()).collect();
    share(&products, |product| product < 0.0)
}

/// `fast_share`, `fast_zigzag`, `fast_acceleration`.
fn fast(drag: &Drag, speeds: &[f64]) -> (f64, f64, f64) {
    let mut changes = Vec::new();
    let mut velocities = Vec::new();
    for place in 1..drag.along.len() {
        if at(&drag.along, place) > 0.02 && at(&drag.along, place - 1) > 0.02 {
            changes.push(at(speeds, place) - at(speeds, place - 1));
            velocities.push(at(speeds, place).abs());
        }
    }
    let fast = count_where(&changes, |_| true) / count(drag.along.len());
    if changes.len() < 3 {
        return (fast, 0.4, -4.0);
    }
    let products: Vec<f64> = changes.windows(2).map(|pair| pair.iter().product()).collect();
    let sizes: Vec<f64> = changes.iter().map(|change| change.abs()).collect();
    let acceleration = (median(&sizes) / median(&velocities).max(1e-9) + 1e-3).ln();
    (fast, share(&products, |product| product < 0.0), acceleration)
}
