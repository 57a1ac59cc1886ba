//! Gaussian blur, separable, with nothing beyond the border.

use super::grid::{COLUMNS, PIXELS};

/// A blur of fixed width with its scratch memory.
pub(super) struct Gaussian {
    /// `kernel[d]` weighs pixels at distance `d`; both sides together sum to 1.
    kernel: Vec<f32>,
    scratch: Vec<f32>,
}

impl Gaussian {
    /// `sigma` in pixels; below a tenth of a pixel, nothing is blurred. The kernel ends at three sigma.
    pub(super) fn new(sigma: f32) -> Self {
        let radius = if sigma < 0.1 { 0.0 } else { libm::ceilf(3.0 * sigma) };
        let mut kernel = vec![1.0];
        let mut distance = 1.0;
        while distance <= radius {
            kernel.push(libm::expf(-0.5 * (distance / sigma) * (distance / sigma)));
            distance += 1.0;
        }
        let sum = 2.0 * kernel.iter().skip(1).sum::<f32>() + 1.0;
        kernel.iter_mut().for_each(|k| *k /= sum);
        Self {
            kernel,
            scratch: vec![0.0; PIXELS],
        }
    }

    /// Whether it changes nothing.
    pub(super) fn is_none(&self) -> bool {
        self.kernel.len() == 1
    }

    /// Blurs `plane: [60 * 200]` in place.
    pub(super) fn apply(&mut self, plane: &mut [f32]) {
        if self.is_none() {
            return;
        }
        self.scratch.fill(0.0);
        for (row, into) in plane.chunks_exact(COLUMNS).zip(self.scratch.chunks_exact_mut(COLUMNS)) {
            convolve(&self.kernel, row, into, 1);
        }
        plane.fill(0.0);
        // Rows are COLUMNS apart, so a shift by whole rows convolves columns.
        convolve(&self.kernel, &self.scratch, plane, COLUMNS);
    }
}

/// Adds to `into` the convolution of `from` along `stride`. One tap at a time over long slices, which vectorises.
fn convolve(kernel: &[f32], from: &[f32], into: &mut [f32], stride: usize) {
    for (distance, &k) in kernel.iter().enumerate() {
        let shift = distance * stride;
        // A shift beyond the plane meets nothing.
        let (Some(later), Some(later_into)) = (from.get(shift..), into.get_mut(shift..)) else {
            continue;
        };
        add_scaled(later_into, from, k);
        if distance > 0 {
            add_scaled(into, later, k);
        }
    }
}

/// `into += k * from`, as far as both reach.
fn add_scaled(into: &mut [f32], from: &[f32], k: f32) {
    for (into, from) in into.iter_mut().zip(from) {
        *into += k * from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perturb::grid::ROWS;

    /// The definition, in double precision.
    fn naive(plane: &[f32], sigma: f64) -> Vec<f64> {
        let radius = (3.0 * sigma).ceil() as i64;
        let weight = |d: i64| (-0.5 * (d as f64 / sigma).powi(2)).exp();
        let sum: f64 = (-radius..=radius).map(weight).sum();
        let (rows, columns) = (ROWS as i64, COLUMNS as i64);
        let mut blurred = vec![0.0; PIXELS];
        for y in 0..rows {
            for x in 0..columns {
                for dy in -radius..=radius {
                    for dx in -radius..=radius {
                        if (0..rows).contains(&(y + dy)) && (0..columns).contains(&(x + dx)) {
                            let value = f64::from(plane[((y + dy) * columns + x + dx) as usize]);
                            blurred[(y * columns + x) as usize] += value * weight(dx) * weight(dy) / sum / sum;
                        }
                    }
                }
            }
        }
        blurred
    }

    #[test]
    fn equals_the_naive_convolution() {
        let plane: Vec<f32> = (0..PIXELS).map(|i| ((i * 7919) % 1009) as f32 / 1009.0 - 0.5).collect();
        for sigma in [0.5, 2.0] {
            let mut blurred = plane.clone();
            Gaussian::new(sigma).apply(&mut blurred);
            for (i, (got, expected)) in blurred.iter().zip(naive(&plane, f64::from(sigma))).enumerate() {
                assert!(
                    (f64::from(*got) - expected).abs() < 1e-6,
                    "sigma {sigma}, pixel {i}: {got} {expected}"
                );
            }
        }
    }

    #[test]
    fn the_widest_kernel_is_wider_than_the_picture_is_high() {
        let mut plane = vec![1.0; PIXELS];
        Gaussian::new(30.0).apply(&mut plane);
        assert!(plane.iter().all(|v| (0.0..1.0).contains(v)));
    }

    #[test]
    fn no_blur_changes_nothing() {
        let plane: Vec<f32> = (0..PIXELS).map(|i| i as f32).collect();
        let mut blurred = plane.clone();
        Gaussian::new(0.0).apply(&mut blurred);
        assert_eq!(blurred, plane);
    }
}
