//! A path over a dense, even clock, and the ways of disturbing it that families choose from.

use crate::risk::random::Random;

/// Positions at [`Curve::POINTS`] even times: `x` from 0, 1 being the reach; `y` in the same unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Along the slide.
    pub x: Vec<f64>,
    /// Across it.
    pub y: Vec<f64>,
}

impl Curve {
    /// Moments of the dense clock.
    pub const POINTS: usize = 800;

    /// The clock: progress of time, 0 to 1.
    #[must_use]
    pub fn clock() -> Vec<f64> {
        (0..Self::POINTS)
            .map(|i| i as f64 / (Self::POINTS - 1) as f64)
            .collect()
    }

    /// `x(u)` on the clock, no movement across.
    pub fn along(x: impl FnMut(f64) -> f64) -> Self {
        Self::of(Self::clock().into_iter().map(x).collect())
    }

    /// A path along only.
    #[must_use]
    pub fn of(x: Vec<f64>) -> Self {
        let y = vec![0.0; x.len()];
        Self { x, y }
    }

    /// The position at progress `u` of time, linear between moments.
    #[must_use]
    pub fn at(&self, u: f64) -> [f64; 2] {
        [&self.x, &self.y].map(|values| interpolated(values, u))
    }

    /// Scales so that the furthest point along is 1, and mirrors it there if it was behind the start.
    pub fn normalise(&mut self) {
        let furthest = self.x.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs()));
        let scale = furthest.filter(|v| v.abs() > 1e-6).unwrap_or(1.0);
        self.x.iter_mut().for_each(|x| *x /= scale);
    }

    /// A slant across, proportional to the progress along.
    pub fn drift(&mut self, slope: f64) {
        self.x.iter().zip(&mut self.y).for_each(|(x, y)| *y += slope * x);
    }

    /// A drift and a bow across, proportional to the progress along.
    pub fn bow(&mut self, drift: f64, bow: f64) {
        for (x, y) in self.x.iter().zip(&mut self.y) {
            let x = x.clamp(-0.2, 1.3);
            *y += drift * x + bow * 4.0 * x * (1.0 - x);
        }
    }

    /// Adds `noise(i)` across.
    pub fn shake_across(&mut self, noise: &[f64], strength: f64) {
        self.y.iter_mut().zip(noise).for_each(|(y, n)| *y += strength * n);
    }

    /// Adds `noise(i)` along, from nothing at the start to all of it after a tenth of the time.
    pub fn shake_along(&mut self, noise: &[f64], strength: f64) {
        let ramp = |i: usize| (i as f64 / (0.1 * Self::POINTS as f64)).min(1.0);
        self.x
            .iter_mut()
            .zip(noise)
            .enumerate()
            .for_each(|(i, (x, n))| *x += strength * n * ramp(i));
    }
}

/// The value at progress `u` of an evenly spaced series.
fn interpolated(values: &[f64], u: f64) -> f64 {
    let place = u.clamp(0.0, 1.0) * (values.len().max(1) - 1) as f64;
    let low = place.floor();
    let first = values.get(low as usize).copied().unwrap_or(0.0);
    let next = values.get(low as usize + 1).copied().unwrap_or(first);
    first + (next - first) * (place - low)
}

/// Normal numbers at `knots + 1` even times, smoothly interpolated.
pub fn smooth_noise(knots: usize, random: &mut Random) -> Vec<f64> {
    let knots = knots.max(3);
    let values: Vec<f64> = (0..=knots).map(|_| random.normal()).collect();
    let at = |u: f64| {
        let place = u * (knots as f64 - 1e-9);
        let part = place.fract();
        let part = part * part * (3.0 - 2.0 * part);
        let value = |index: usize| values.get(index).copied().unwrap_or(0.0);
        value(place as usize) * (1.0 - part) + value(place as usize + 1) * part
    };
    Curve::clock().into_iter().map(at).collect()
}
