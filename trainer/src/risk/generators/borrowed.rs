//! A person's path through a clock that is not theirs, as it is or smoothed: what is between the path and the clock is
//! gone. Both only train.

use super::curve::Curve;
use super::sampling::Pool;
use crate::risk::random::Random;

/// Longer intervals between samples are rests until [`WAKE`] before the next, milliseconds.
const REST: f64 = 120.0;
const WAKE: f64 = 50.0;

pub(super) fn transplanted(pool: &Pool, random: &mut Random) -> Curve {
    let mut curve = path(pool, random);
    // The other way round in time, it moves like nobody but has everything else.
    if random.chance(0.3) {
        for values in [&mut curve.x, &mut curve.y] {
            let end = values.last().copied().unwrap_or(0.0);
            values.reverse();
            values.iter_mut().for_each(|v| *v = end - *v);
        }
        curve.normalise();
    }
    curve
}

pub(super) fn smoothed(pool: &Pool, random: &mut Random) -> Curve {
    let mut curve = path(pool, random);
    let width = (random.log_within(0.01, 0.12) * Curve::POINTS as f64) as usize;
    // Three running means are nearly a Gaussian.
    for values in [&mut curve.x, &mut curve.y] {
        (0..3).for_each(|_| *values = running_mean(values, width.max(1)));
        let first = values.first().copied().unwrap_or(0.0);
        values.iter_mut().for_each(|v| *v -= first);
    }
    curve.normalise();
    curve
}

/// The path of one of the people at even times, scaled to a reach of 1.
fn path(pool: &Pool, random: &mut Random) -> Curve {
    let Some(person) = random.one_of(&pool.people) else {
        return Curve::along(|u| u);
    };
    let first = person.first().copied().unwrap_or_default();
    let reach = person.iter().map(|s| (s[0] - first[0]).abs()).fold(1e-9, f64::max);
    let duration = person.last().map_or(1.0, |last| last[2] - first[2]).max(1.0);
    let mut knots: Vec<[f64; 3]> = Vec::with_capacity(2 * person.len());
    for sample in person {
        let t = sample[2] - first[2];
        if let Some(&[x, y, before]) = knots.last()
            && t - before > REST
        {
            knots.push([x, y, t - WAKE]);
        }
        knots.push([(sample[0] - first[0]) / reach, (sample[1] - first[1]) / reach, t]);
    }
    let at = |u: f64| -> [f64; 2] {
        let t = u * duration;
        let next = knots.partition_point(|knot| knot[2] < t);
        let b = knots.get(next).or(knots.last()).copied().unwrap_or_default();
        let a = next.checked_sub(1).and_then(|i| knots.get(i)).copied().unwrap_or(b);
        let part = if b[2] > a[2] { (t - a[2]) / (b[2] - a[2]) } else { 1.0 };
        [0, 1].map(|axis: usize| a[axis] + (b[axis] - a[axis]) * part.clamp(0.0, 1.0))
    };
    let places: Vec<[f64; 2]> = Curve::clock().into_iter().map(at).collect();
    let mut curve = Curve {
        x: places.iter().map(|[x, _]| *x).collect(),
        y: places.iter().map(|[_, y]| *y).collect(),
    };
    curve.normalise();
    curve
}

fn running_mean(values: &[f64], width: usize) -> Vec<f64> {
    let at = |place: isize| {
        let last = values.len() as isize - 1;
        values.get(place.clamp(0, last.max(0)) as usize).copied().unwrap_or(0.0)
    };
    let half = width as isize / 2 + 1;
    let mut sum: f64 = (-half..=half).map(at).sum();
    let mean = |place: usize| {
        let mean = sum / (2 * half + 1) as f64;
        sum += at(place as isize + half + 1) - at(place as isize - half);
        mean
    };
    (0..values.len()).map(mean).collect()
}
