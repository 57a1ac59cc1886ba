//! Submovements of a person's slide: the parameters that the sigma-lognormal generator draws from.

/// One submovement: a pulse of speed along the slide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// How far it goes, reaches; negative backwards.
    pub amplitude: f64,
    /// Standard deviation of the pulse, milliseconds.
    pub width: f64,
    /// Asymmetry, as the spread of ln time of a lognormal.
    pub skew: f64,
    /// From the centre of the stroke before to this one's, milliseconds; 0 for the first.
    pub gap: f64,
    /// How far it goes across, reaches.
    pub across: f64,
}

/// Step of the clock, and deviation of the smoothing, milliseconds.
const TICK: f64 = 20.0;
const SMOOTH: f64 = 50.0;
/// Longer intervals between samples are rests, milliseconds.
const REST: f64 = 120.0;

/// The strokes of a trace `[x, y, t]`: its smoothed speed, cut at minima, rests and reversals. Empty where there is too
/// little to see.
#[must_use]
pub fn fit(trace: &[[f64; 3]]) -> Vec<Stroke> {
    let Some(first) = trace.first() else { return Vec::new() };
    let reach = trace.iter().map(|s| (s[0] - first[0]).abs()).fold(0.0, f64::max);
    let furthest = trace
        .iter()
        .map(|s| s[0] - first[0])
        .find(|x| x.abs() == reach)
        .unwrap_or(1.0);
    let duration = trace.last().map_or(0.0, |last| last[2] - first[2]);
    if trace.len() < 8 || reach < 8.0 || !(300.0..600_000.0).contains(&duration) {
        return Vec::new();
    }
    let mut knots: Vec<[f64; 3]> = Vec::new();
    for s in trace {
        let knot = [(s[0] - first[0]) / furthest, (s[1] - first[1]) / reach, s[2] - first[2]];
        if let Some(&[x, y, t]) = knots.last() {
            if knot[2] <= t {
                continue;
            }
            if knot[2] - t > REST {
                knots.push([x, y, knot[2] - 50.0]);
            }
        }
        knots.push(knot);
    }
    let ticks = (duration / TICK) as usize + 1;
    let x: Vec<f64> = (0..=ticks).map(|i| position(&knots, i as f64 * TICK, 0)).collect();
    let y: Vec<f64> = (0..=ticks).map(|i| position(&knots, i as f64 * TICK, 1)).collect();
    let velocity = smoothed(
        &x.windows(2)
            .map(|p| p.iter().rev().copied().reduce(|b, a| b - a).unwrap_or(0.0))
            .collect::<Vec<_>>(),
    );
    cut(&velocity, &y)
}

/// Linear between knots. Quadratic in all, which a few hundred samples allow.
fn position(knots: &[[f64; 3]], t: f64, axis: usize) -> f64 {
    let next = knots.partition_point(|knot| knot[2] < t);
    let b = knots.get(next).or(knots.last()).copied().unwrap_or_default();
    let a = next.checked_sub(1).and_then(|i| knots.get(i)).copied().unwrap_or(b);
    let part = if b[2] > a[2] {
        ((t - a[2]) / (b[2] - a[2])).clamp(0.0, 1.0)
    } else {
        1.0
    };
    a[axis] + (b[axis] - a[axis]) * part
}

fn smoothed(values: &[f64]) -> Vec<f64> {
    let kernel: Vec<f64> = (-8..=8)
        .map(|i| (-0.5 * (f64::from(i) * TICK / SMOOTH).powi(2)).exp())
        .collect();
    let total: f64 = kernel.iter().sum();
    let padded: Vec<f64> = [0.0; 8].iter().chain(values).chain(&[0.0; 8]).copied().collect();
    padded
        .windows(17)
        .map(|w| w.iter().zip(&kernel).map(|(v, k)| v * k).sum::<f64>() / total)
        .collect()
}

fn cut(velocity: &[f64], y: &[f64]) -> Vec<Stroke> {
    let speed = |i: usize| velocity.get(i).map_or(0.0, |v| v.abs());
    let sign = |i: usize| velocity.get(i).map_or(0.0, |v| v.signum());
    let is_cut = |i: &usize| {
        let rest = speed(*i) < 1e-6 && speed(i - 1) >= 1e-6;
        let minimum = speed(*i) <= speed(i - 1) && speed(*i) < speed(i + 1);
        rest || minimum || sign(*i) * sign(i - 1) < 0.0
    };
    let mut bounds = vec![0];
    bounds.extend((1..velocity.len().saturating_sub(1)).filter(is_cut));
    bounds.push(velocity.len());
    let (mut strokes, mut before) = (Vec::new(), None);
    for bound in bounds.windows(2) {
        let &[from, to] = bound else { continue };
        let total: f64 = (from..to).map(speed).sum();
        if total < 0.003 {
            continue;
        }
        let centre = (from..to).map(|i| speed(i) * i as f64).sum::<f64>() / total;
        let variance = (from..to).map(|i| speed(i) * (i as f64 - centre).powi(2)).sum::<f64>() / total;
        let width = (variance.sqrt() * TICK).max(20.0);
        let peak = (from..to)
            .max_by(|a, b| speed(*a).total_cmp(&speed(*b)))
            .unwrap_or(from);
        let lean = ((centre - peak as f64) * TICK / width).clamp(0.05, 0.6);
        let height = |i: usize| y.get(i).or(y.last()).copied().unwrap_or(0.0);
        strokes.push(Stroke {
            amplitude: velocity.get(from..to).map_or(0.0, |v| v.iter().sum()),
            width,
            skew: (0.15 + 0.5 * lean).clamp(0.12, 0.5),
            gap: before.map_or(0.0, |before| (centre - before) * TICK),
            across: height(to) - height(from),
        });
        before = Some(centre);
    }
    strokes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::risk::generators::minimum_jerk;

    #[test]
    fn two_movements_are_two_strokes() {
        let trace: Vec<[f64; 3]> = (0..=60)
            .map(|i| f64::from(i) * 25.0)
            .map(|t| {
                [
                    700.0 * minimum_jerk(t / 600.0) + 300.0 * minimum_jerk((t - 900.0) / 500.0),
                    0.0,
                    t,
                ]
            })
            .collect();
        let strokes = fit(&trace);
        assert_eq!(strokes.len(), 2, "{strokes:?}");
        assert!((strokes[0].amplitude - 0.7).abs() < 0.02 && (strokes[1].amplitude - 0.3).abs() < 0.02);
        assert!((strokes[1].gap - 850.0).abs() < 30.0, "{strokes:?}");
        // The deviation of a minimum-jerk pulse of speed is 0.189 of its duration; smoothing adds 50 ms in squares.
        assert!(
            (strokes[0].width - (113.4_f64.powi(2) + 2500.0).sqrt()).abs() < 8.0,
            "{strokes:?}"
        );
        assert!(fit(&trace[..5]).is_empty());
    }
}
