//! Rules on how the handle was moved.

use super::{Reason, RiskConfig};
use crate::wire::{Input, Slider, Trace};

/// Beyond any screen, CSS pixels.
const MAX_COORDINATE: f32 = 100_000.0;
/// Beyond any session, milliseconds.
const MAX_TIME_MS: f32 = 3_600_000.0;

/// Adds what the movement gives away.
pub(super) fn judge(config: &RiskConfig, trace: &Trace, slider: &Slider, reasons: &mut Vec<Reason>) {
    let samples = trace.samples.as_slice();
    let (Some(first), Some(last), true) = (samples.first(), samples.last(), is_possible(trace, slider)) else {
        reasons.push(Reason::ImpossibleTrace);
        return;
    };
    let duration = last[2] - first[2];
    let keyboard = trace.input == Input::Keyboard;
    if samples.len() < if keyboard { config.min_keys } else { config.min_samples } {
        reasons.push(Reason::FewSamples);
    }
    if duration < config.min_duration_ms || keyboard && duration < config.min_key_interval_ms * gaps(samples) {
        reasons.push(Reason::TooFast);
    }
    // A held arrow key repeats at a constant rate by steps of one size, which is what these rules look for in pointers.
    if !keyboard {
        judge_pointer(config, samples, reasons);
    }
    // Pointers run past the end of the track; handles do not.
    let reached = ((last[0] - first[0]) / trace.track).clamp(0.0, 1.0);
    if (reached - slider.target).abs() > slider.tolerance {
        reasons.push(Reason::MissedTarget);
    }
}

fn judge_pointer(config: &RiskConfig, samples: &[[f32; 3]], reasons: &mut Vec<Reason>) {
    // A line through few points is no evidence; those are judged by their number.
    if samples.len() < config.min_samples {
        return;
    }
    let length = f64::from(length(samples));
    let off_line = path_deviation(samples);
    if off_line <= f64::from(config.linear_path) * length
        && speed_deviation(samples) <= f64::from(config.linear_speed) * length
    {
        reasons.push(Reason::Linear);
    }
    let intervals = Intervals::of(config, samples);
    if intervals.median_ms <= config.frame_ms {
        if intervals.same >= config.constant_share {
            reasons.push(Reason::ConstantFrames);
        }
    } else if intervals.variation < config.constant_interval {
        reasons.push(Reason::ConstantInterval);
    }
    let is_straight = off_line <= f64::from(config.straight_path_px) && length >= f64::from(config.min_straight_px);
    if is_straight && !reasons.contains(&Reason::Linear) {
        reasons.push(Reason::StraightPath);
    }
}

/// Whether the widget could have sent this. Comparisons are written so that NaN fails them.
fn is_possible(trace: &Trace, slider: &Slider) -> bool {
    let within = |v: f32, limit: f32| v.abs() <= limit;
    trace.version == Trace::VERSION
        && trace.samples.len() <= Trace::MAX_SAMPLES
        && trace.track > 0.0
        && trace.track <= MAX_COORDINATE
        && within(slider.target, 1.0)
        && within(slider.tolerance, 1.0)
        && trace.samples.iter().all(|&[x, y, t]| {
            within(x, MAX_COORDINATE) && within(y, MAX_COORDINATE) && (0.0..=MAX_TIME_MS).contains(&t)
        })
        && trace
            .samples
            .iter()
            .zip(trace.samples.iter().skip(1))
            .all(|(a, b)| a[2] <= b[2])
}

/// Intervals between samples, as many as an `f32` counts exactly.
#[expect(clippy::cast_precision_loss, reason = "at most MAX_SAMPLES")]
fn gaps(samples: &[[f32; 3]]) -> f32 {
    samples.len().saturating_sub(1) as f32
}

/// The longer side of the box around the path, pixels.
fn length(samples: &[[f32; 3]]) -> f32 {
    let extent = |axis: fn(&[f32; 3]) -> f32| {
        let (low, high) = samples
            .iter()
            .map(axis)
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), v| {
                (low.min(v), high.max(v))
            });
        high - low
    };
    extent(|s| s[0]).max(extent(|s| s[1]))
}

/// Furthest any sample lies above or below the line `y(x)` that fits best, pixels; slides are far from vertical.
fn path_deviation(samples: &[[f32; 3]]) -> f64 {
    residuals(samples, |s| (s[0], s[1])).fold(0.0, |furthest, r| r.abs().max(furthest))
}

/// Root mean square distance of `x` from the constant speed that fits best, pixels.
fn speed_deviation(samples: &[[f32; 3]]) -> f64 {
    let (sum, count) = residuals(samples, |s| (s[2], s[0])).fold((0.0, 0.0), |(sum, n), r| (sum + r * r, n + 1.0));
    (sum / f64::max(count, 1.0)).sqrt()
}

/// Residuals of the least-squares line `v(u)`; of the mean of `v` where all `u` are equal.
fn residuals(samples: &[[f32; 3]], axes: fn(&[f32; 3]) -> (f32, f32)) -> impl Iterator<Item = f64> {
    let points = move || samples.iter().map(axes).map(|(u, v)| (f64::from(u), f64::from(v)));
    let (n, sum_u, sum_v) = points().fold((0.0, 0.0, 0.0), |(n, su, sv), (u, v)| (n + 1.0, su + u, sv + v));
    let (mean_u, mean_v) = (sum_u / f64::max(n, 1.0), sum_v / f64::max(n, 1.0));
    let (square, product) = points().fold((0.0, 0.0), |(square, product), (u, v)| {
        (
            square + (u - mean_u) * (u - mean_u),
            product + (u - mean_u) * (v - mean_v),
        )
    });
    let slope = if square > 0.0 { product / square } else { 0.0 };
    points().map(move |(u, v)| v - mean_v - slope * (u - mean_u))
}

/// Time between samples.
struct Intervals {
    median_ms: f32,
    /// Standard deviation over mean; infinite where no time passes.
    variation: f32,
    /// The share of them that is the median's; 0 where no time passes.
    same: f32,
}

impl Intervals {
    fn of(config: &RiskConfig, samples: &[[f32; 3]]) -> Self {
        let mut each: Vec<f32> = samples
            .iter()
            .zip(samples.iter().skip(1))
            .map(|(a, b)| b[2] - a[2])
            .collect();
        each.sort_by(f32::total_cmp);
        let count = gaps(samples).max(1.0);
        let mean_ms = each.iter().sum::<f32>() / count;
        let variance = each.iter().map(|dt| (dt - mean_ms) * (dt - mean_ms)).sum::<f32>() / count;
        let median_ms = each.get(each.len() / 2).copied().unwrap_or(0.0);
        let within = config.constant_interval * median_ms;
        let same = each.iter().filter(|interval| (**interval - median_ms).abs() <= within);
        Self {
            variation: if mean_ms > 0.0 {
                variance.sqrt() / mean_ms
            } else {
                f32::INFINITY
            },
            same: if median_ms > 0.0 {
                same.count() as f32 / count
            } else {
                0.0
            },
            median_ms,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const SLIDER: Slider = Slider {
        target: 0.5,
        tolerance: 0.02,
    };

    fn trace(input: Input, samples: Vec<[f32; 3]>) -> Trace {
        Trace {
            version: Trace::VERSION,
            input,
            samples,
            track: 240.0,
        }
    }

    /// A minimum-jerk movement of 120 pixels in 800 ms with uneven sampling and a wandering hand.
    pub fn human() -> Trace {
        let samples = (0..=40_u8).map(|i| {
            let u = f32::from(i) / 40.0;
            let jitter = f32::from(i * 2 % 5);
            [
                120.0 * u * u * u * (10.0 - 15.0 * u + 6.0 * u * u),
                4.0 * u * (1.0 - u) + jitter * 0.3,
                780.0 * u + jitter * 4.0,
            ]
        });
        trace(Input::Mouse, samples.collect())
    }

    /// `count` samples over 120 pixels at constant speed; `bend` is the path's height in the middle.
    fn straight(input: Input, count: u8, interval_ms: f32, bend: f32) -> Trace {
        let samples = (0..count).map(|i| {
            let u = f32::from(i) / f32::from(count - 1);
            [120.0 * u, bend * u * (1.0 - u), f32::from(i) * interval_ms]
        });
        trace(input, samples.collect())
    }

    fn reasons(trace: &Trace) -> Vec<Reason> {
        let mut reasons = Vec::new();
        judge(&RiskConfig::default(), trace, &SLIDER, &mut reasons);
        reasons
    }

    #[test]
    fn machines_are_found() {
        let uneven = |mut trace: Trace| {
            for (i, sample) in trace.samples.iter_mut().enumerate() {
                // Position and time move together: the speed stays constant, the intervals do not.
                let shift = if i % 2 == 1 { 0.4 } else { 0.0 };
                *sample = [sample[0] + shift * 120.0 / 19.0, sample[1], sample[2] + shift * 25.0];
            }
            trace.samples.push([120.0, 0.0, 500.0]);
            trace
        };
        let eased = |interval_ms: f32| {
            let mut trace = human();
            for (i, sample) in trace.samples.iter_mut().enumerate() {
                sample[2] = i as f32 * interval_ms;
            }
            trace
        };
        let level_after_a_rest = |mut trace: Trace| {
            for sample in &mut trace.samples {
                sample[1] = 0.0;
            }
            trace.samples.drain(1..4);
            trace
        };
        let cases = [
            (
                "straight, 50 ms",
                straight(Input::Mouse, 11, 5.0, 0.0),
                vec![Reason::TooFast, Reason::Linear, Reason::ConstantFrames],
            ),
            (
                "straight, uneven",
                uneven(straight(Input::Touch, 20, 25.0, 0.0)),
                vec![Reason::Linear],
            ),
            (
                "bent, even",
                straight(Input::Pen, 20, 25.0, 60.0),
                vec![Reason::ConstantInterval],
            ),
            ("eased, even", eased(20.0), vec![Reason::ConstantInterval]),
            ("eased, at 60 Hz", eased(16.7), vec![Reason::ConstantFrames]),
            (
                "eased, level, resting at first",
                level_after_a_rest(eased(16.0)),
                vec![Reason::ConstantFrames, Reason::StraightPath],
            ),
            (
                "jump",
                trace(Input::Mouse, vec![[0.0, 0.0, 0.0], [120.0, 0.0, 300.0]]),
                vec![Reason::FewSamples],
            ),
        ];
        for (name, trace, expected) in cases {
            assert_eq!(reasons(&trace), expected, "{name}");
        }
    }

    #[test]
    fn a_held_arrow_key_is_no_machine_but_a_scripted_one_is() {
        let held = straight(Input::Keyboard, 25, 33.0, 0.0);
        assert_eq!(reasons(&held), []);
        assert_eq!(reasons(&straight(Input::Keyboard, 25, 5.0, 0.0)), [Reason::TooFast]);
        assert_eq!(reasons(&straight(Input::Keyboard, 2, 500.0, 0.0)), [Reason::FewSamples]);
    }

    #[test]
    fn the_handle_must_end_at_the_target() {
        let mut short = human();
        short.track = 260.0;
        assert_eq!(reasons(&short), [Reason::MissedTarget]);
        let mut beyond = human();
        beyond.track = 110.0;
        let mut found = Vec::new();
        judge(
            &RiskConfig::default(),
            &beyond,
            &Slider {
                target: 1.0,
                tolerance: 0.01,
            },
            &mut found,
        );
        assert_eq!(found, [], "a pointer past the end of the track");
    }

    #[test]
    fn impossible_traces_are_one_reason_and_no_panic() {
        type Change = fn(&mut Trace);
        let changed = |change: Change| {
            let mut trace = human();
            change(&mut trace);
            trace
        };
        let cases: [(&str, Change); 12] = [
            ("version", |t| t.version = 2),
            ("no samples", |t| t.samples.clear()),
            ("too many samples", |t| {
                t.samples = vec![[0.0; 3]; Trace::MAX_SAMPLES + 1]
            }),
            ("x NaN", |t| t.samples[3][0] = f32::NAN),
            ("y infinite", |t| t.samples[3][1] = f32::INFINITY),
            ("t NaN", |t| t.samples[3][2] = f32::NAN),
            ("t negative", |t| t.samples[0][2] = -1.0),
            ("t huge", |t| t.samples[40][2] = 1e30),
            ("time backwards", |t| t.samples.swap(10, 30)),
            ("track zero", |t| t.track = 0.0),
            ("track negative", |t| t.track = -240.0),
            ("track NaN", |t| t.track = f32::NAN),
        ];
        for (name, change) in cases {
            assert_eq!(reasons(&changed(change)), [Reason::ImpossibleTrace], "{name}");
        }
    }

    #[test]
    fn residuals_are_those_of_the_least_squares_line() {
        // y = 1 + 2x with +1, -1, -1, +1 added, which is orthogonal to both 1 and x: the residuals are what was added.
        let samples = [[0.0, 2.0, 0.0], [1.0, 2.0, 0.0], [2.0, 4.0, 0.0], [3.0, 8.0, 0.0]];
        let found: Vec<f64> = residuals(&samples, |s| (s[0], s[1])).collect();
        for (found, expected) in found.iter().zip([1.0, -1.0, -1.0, 1.0]) {
            assert!((found - expected).abs() < 1e-12, "{found}");
        }
    }
}
