//! The smoothed speed along the slide, on an even clock: movements, smoothness, the primary movement.

use super::drag::{Drag, Motion};
use super::numbers::{at, autocorrelation, count, deviation, differences, head, mean, peaks, place_of_largest, share};

pub(super) const NAMES: [&str; 21] = [
    // ln of the duration, milliseconds.
    "duration",
    // Mean speed over the largest; ln of the largest, reaches a duration.
    "mean_over_top",
    "top_speed",
    // Share of the time when it was fastest.
    "top_time",
    // Share of the time below 0.02 and 0.3 of the largest speed.
    "slow_2",
    "slow_30",
    // Submovements: ln(1 + peaks) of the speed that stand out by 0.03, 0.1 and 0.3 of the largest.
    "peaks_3",
    "peaks_10",
    "peaks_30",
    // Deviation of ln speed, and its correlation with itself 4 and 12 ticks later.
    "speed_deviation",
    "speed_memory_4",
    "speed_memory_12",
    // Log dimensionless jerk, ln(integral of jerk^2 * duration^5 / way^2) up to constants (Balasubramanian et al. 2015).
    "jerk",
    // ln of what smoothing takes away (root mean square), over the largest speed.
    "tremor",
    // Root mean square distance from the minimum-jerk movement between the same ends (Flash and Hogan 1985), reaches.
    "minimum_jerk",
    // The same within the primary movement, from and to 0.05 of the largest speed around it, over its way.
    "primary_minimum_jerk",
    // The primary movement: its way, its share of the time, where in it the speed is largest, its peaks.
    "primary_way",
    "primary_time",
    "primary_skew",
    "primary_peaks",
    // Mean speed of the first twentieth over the mean.
    "start_speed",
];

pub(super) fn values(drag: &Drag, motion: &Motion) -> [f64; NAMES.len()] {
    let duration = drag.duration();
    let (speed, top) = (&motion.speed, motion.top);
    let ticks = count(speed.len());
    let logarithm: Vec<f64> = speed.iter().map(|s| (s + 0.002 * top).ln()).collect();
    let prominent = |part: f64| (1.0 + peaks(speed, part * top)).ln();
    let jerk = differences(&differences(&differences(&motion.smooth_x)));
    let jerk: f64 = jerk.iter().map(|j| j * j).sum();
    let rough: f64 = motion
        .x
        .iter()
        .zip(&motion.smooth_x)
        .map(|(x, s)| (x - s) * (x - s))
        .sum();
    let primary = Primary::of(motion);
    let part = |from: usize, to: usize| motion.smooth_x.get(from..=to).unwrap_or(&[]);
    let primary_path = part(primary.from, primary.to);
    let primary_speed = speed.get(primary.from..=primary.to).unwrap_or(&[]);
    let length = count(primary.to - primary.from);
    [
        duration.ln(),
        mean(speed) / top,
        (top / motion.tick * duration).ln(),
        count(place_of_largest(speed) + 1) / ticks,
        share(speed, |s| s < 0.02 * top),
        share(speed, |s| s < 0.3 * top),
        prominent(0.03),
        prominent(0.1),
        prominent(0.3),
        deviation(&logarithm),
        autocorrelation(&logarithm, 4),
        autocorrelation(&logarithm, 12),
        (jerk * ticks.powi(3) / (top * top) + 1e-12).ln(),
        ((rough / ticks).sqrt() / top + 1e-3).ln(),
        minimum_jerk_distance(&motion.x),
        if primary_path.len() > 4 {
            minimum_jerk_distance(primary_path)
        } else {
            0.0
        },
        (at(&motion.smooth_x, primary.to) - at(&motion.smooth_x, primary.from)).abs(),
        length / ticks,
        count(primary.top - primary.from + 1) / (length + 1.0),
        peaks(primary_speed, 0.05 * top),
        mean(head(speed, (speed.len() / 20).max(2))) / mean(speed).max(1e-9),
    ]
}

/// The movement around the largest speed, ticks.
struct Primary {
    from: usize,
    top: usize,
    to: usize,
}

impl Primary {
    fn of(motion: &Motion) -> Self {
        let speed = &motion.speed;
        let top = place_of_largest(speed);
        let moves = |place: usize| at(speed, place) > 0.05 * motion.top;
        let (mut from, mut to) = (top, top);
        while from > 0 && moves(from - 1) {
            from -= 1;
        }
        while to + 1 < speed.len() && moves(to + 1) {
            to += 1;
        }
        Self { from, top, to }
    }
}

/// Root mean square distance of positions at even times from `x(u) = x0 + (x1 - x0) (10 u^3 - 15 u^4 + 6 u^5)`, over
/// their way (at least 0.05).
fn minimum_jerk_distance(x: &[f64]) -> f64 {
    let (first, last) = (at(x, 0), x.last().copied().unwrap_or(0.0));
    let way = last - first;
    let (mut sum, mut place) = (0.0, 0.0);
    let intervals = count(x.len().saturating_sub(1));
    for x in x {
        let u: f64 = place / intervals;
        let expected = first + way * u.powi(3) * (10.0 - 15.0 * u + 6.0 * u * u);
        sum += (x - expected) * (x - expected);
        place += 1.0;
    }
    (sum / count(x.len())).sqrt() / way.abs().max(0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smoothest_movement_is_at_distance_0() {
        let smoothest: Vec<f64> = (0..=100)
            .map(|i| f64::from(i) / 100.0)
            .map(|u| 3.0 + 2.0 * u.powi(3) * (10.0 - 15.0 * u + 6.0 * u * u))
            .collect();
        assert!(minimum_jerk_distance(&smoothest) < 1e-12);
        // Another movement, against a sum of its own.
        let linear: Vec<f64> = (0..=1000).map(|i| f64::from(i) / 1000.0).collect();
        let expected = (0..=1000)
            .map(|i| f64::from(i) / 1000.0)
            .map(|u| (u - 10.0 * u.powi(3) + 15.0 * u.powi(4) - 6.0 * u.powi(5)).powi(2))
            .sum::<f64>()
            / 1001.0;
        assert!((minimum_jerk_distance(&linear) - expected.sqrt()).abs() < 1e-12);
    }
}
