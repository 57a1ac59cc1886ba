//! Small statistics over slices. All of them answer a finite number for finite input, empty input included.

/// Differences of neighbours.
pub(super) fn differences(values: &[f64]) -> Vec<f64> {
    values
        .windows(2)
        .map(|pair| pair.iter().rev().copied().reduce(|b, a| b - a).unwrap_or(0.0))
        .collect()
}

/// How many, as a number to divide by: at least 1.
#[expect(clippy::cast_precision_loss, reason = "at most a few thousand")]
pub(super) fn count(values: usize) -> f64 {
    values.max(1) as f64
}

/// Share of `values` that `test` holds for.
pub(super) fn share(values: &[f64], test: impl Fn(f64) -> bool) -> f64 {
    count_where(values, test) / count(values.len())
}

/// How many of `values` `test` holds for.
#[expect(clippy::cast_precision_loss, reason = "at most a few thousand")]
pub(super) fn count_where(values: &[f64], test: impl Fn(f64) -> bool) -> f64 {
    values.iter().filter(|v| test(**v)).count() as f64
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len())
}

/// Standard deviation, of the population.
pub(super) fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / count(values.len())).sqrt()
}

/// Pearson's correlation over the shorter length; 0 where one side does not vary.
pub(super) fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let length = a.len().min(b.len());
    let (a, b) = (a.get(..length).unwrap_or(a), b.get(..length).unwrap_or(b));
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a - mean_a, b - mean_b);
        aa += a * a;
        bb += b * b;
        ab += a * b;
    }
    let scale = (aa * bb).sqrt();
    if scale > 1e-12 { ab / scale } else { 0.0 }
}

/// Correlation of a series with itself `lag` places later; 0 where that leaves fewer than four pairs.
pub(super) fn autocorrelation(values: &[f64], lag: usize) -> f64 {
    if values.len() < lag + 4 {
        return 0.0;
    }
    correlation(values.get(lag..).unwrap_or(&[]), values)
}

/// Quantile `q` in `[0, 1]`, linear between neighbours; 0 of nothing.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index into at most a few thousand values"
)]
pub(super) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = q * sorted.len().saturating_sub(1) as f64;
    let low = place.floor();
    let at = |index: f64| sorted.get(index as usize).copied();
    let first = at(low).unwrap_or(0.0);
    first + (at(low + 1.0).unwrap_or(first) - first) * (place - low)
}

pub(super) fn median(values: &[f64]) -> f64 {
    quantile(&sorted(values), 0.5)
}

pub(super) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Largest value; 0 of nothing.
pub(super) fn largest(values: &[f64]) -> f64 {
    values.iter().copied().reduce(f64::max).unwrap_or(0.0)
}

/// Smallest value; 0 of nothing.
pub(super) fn smallest(values: &[f64]) -> f64 {
    values.iter().copied().reduce(f64::min).unwrap_or(0.0)
}

/// Where the largest value stands, the first of equals; 0 of nothing.
pub(super) fn place_of_largest(values: &[f64]) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (place, value) in values.iter().enumerate() {
        if *value > best.1 {
            best = (place, *value);
        }
    }
    best.0
}

/// `values[place]`, or 0.
pub(super) fn at(values: &[f64], place: usize) -> f64 {
    values.get(place).copied().unwrap_or(0.0)
}

/// The first `length` values, or all.
pub(super) fn head(values: &[f64], length: usize) -> &[f64] {
    values.get(..length).unwrap_or(values)
}

/// The last `length` values, or all.
pub(super) fn tail(values: &[f64], length: usize) -> &[f64] {
    values.get(values.len().saturating_sub(length)..).unwrap_or(values)
}

/// Peaks by hysteresis: one counts once the series fell by `prominence` from it, and the next begins once the series rose
/// by as much from the valley between them.
pub(super) fn peaks(values: &[f64], prominence: f64) -> f64 {
    let (mut found, mut rising, mut extreme) = (0.0, true, at(values, 0));
    for &value in values {
        match rising {
            true if value > extreme => extreme = value,
            true if value < extreme - prominence => {
                found += 1.0;
                (rising, extreme) = (false, value);
            }
            false if value < extreme => extreme = value,
            false if value > extreme + prominence => (rising, extreme) = (true, value),
            _ => {}
        }
    }
    if rising && extreme > prominence {
        found + 1.0
    } else {
        found
    }
}

/// Changes of direction by hysteresis: a turn counts once the series came back by `width`.
pub(super) fn reversals(values: &[f64], width: f64) -> f64 {
    let (mut found, mut direction, mut extreme) = (0.0, 0_i8, at(values, 0));
    for &value in values {
        if direction >= 0 && value < extreme - width {
            found += if direction > 0 { 1.0 } else { 0.0 };
            (direction, extreme) = (-1, value);
        } else if direction <= 0 && value > extreme + width {
            found += if direction < 0 { 1.0 } else { 0.0 };
            (direction, extreme) = (1, value);
        } else if direction > 0 {
            extreme = extreme.max(value);
        } else if direction < 0 {
            extreme = extreme.min(value);
        }
    }
    found
}

/// Residuals of the least-squares parabola `v(u)`, root mean square. By Gram-Schmidt on `1, u, u^2`.
pub(super) fn parabola_residual(u: &[f64], v: &[f64]) -> f64 {
    let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let without = |values: &[f64], base: &[f64]| -> Vec<f64> {
        let norm = inner(base, base);
        let share = if norm > 1e-9 { inner(values, base) / norm } else { 0.0 };
        values.iter().zip(base).map(|(v, b)| v - share * b).collect()
    };
    let ones = vec![1.0; u.len()];
    let line = without(u, &ones);
    let squares: Vec<f64> = u.iter().map(|u| u * u).collect();
    let square = without(&without(&squares, &ones), &line);
    let rest = without(&without(&without(v, &ones), &line), &square);
    (inner(&rest, &rest) / count(rest.len())).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_agree_with_hand_computed_ones() {
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
        assert_eq!(differences(&[1.0, 4.0, 2.0]), [3.0, -2.0]);
        near(deviation(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]), 2.0);
        near(correlation(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]), 1.0);
        near(correlation(&[1.0, 2.0, 3.0], &[5.0, 5.0, 5.0]), 0.0);
        near(quantile(&[1.0, 2.0, 4.0], 0.75), 3.0);
        near(median(&[9.0, 1.0, 4.0]), 4.0);
        near(peaks(&[0.0, 1.0, 0.0, 0.05, 0.0, 2.0, 0.0], 0.5), 2.0);
        near(peaks(&[0.0, 1.0, 0.9, 1.1], 0.5), 1.0);
        near(reversals(&[0.0, 1.0, 0.5, 2.0, 1.99, 3.0], 0.1), 2.0);
        let u = [0.0, 1.0, 2.0, 3.0];
        near(parabola_residual(&u, &[1.0, 0.0, 3.0, 10.0]), 0.0);
        // A third-order discrete orthogonal polynomial is what no parabola explains.
        near(parabola_residual(&u, &[-1.0, 3.0, -3.0, 1.0]), 5.0_f64.sqrt());
    }

    #[test]
    fn nothing_is_not_a_panic() {
        for values in [&[][..], &[1.0]] {
            let all = [
                mean(values),
                deviation(values),
                autocorrelation(values, 3),
                median(values),
                peaks(values, 0.1),
                reversals(values, 0.1),
                parabola_residual(values, values),
                largest(values),
                at(tail(values, 3), 7),
            ];
            assert!(all.iter().all(|v| v.is_finite()), "{all:?}");
        }
    }
}
