//! The update of MI-FGSM (Dong et al. 2018, algorithm 1).

use super::budget::Bounds;

/// Accumulated gradient: `g <- mu * g + gradient / |gradient|_1`.
pub(super) struct Momentum {
    decay: f32,
    velocity: Vec<f32>,
}

impl Momentum {
    /// Nothing accumulated yet; `decay` is mu.
    pub(super) fn new(decay: f32, len: usize) -> Self {
        Self {
            decay,
            velocity: vec![0.0; len],
        }
    }

    /// Adds a gradient. One that is zero everywhere has no direction and only lets the rest decay.
    pub(super) fn accumulate(&mut self, gradient: &[f32]) {
        // In double precision neither the sum nor its inverse leaves the range, whatever the gradient's size.
        let norm = gradient.iter().map(|g| f64::from(g.abs())).sum::<f64>();
        let scale = if norm > 0.0 { 1.0 / norm } else { 0.0 };
        for (v, g) in self.velocity.iter_mut().zip(gradient) {
            *v = self.decay * *v + (f64::from(*g) * scale) as f32;
        }
    }

    /// Where to go; only signs matter to the step.
    pub(super) fn velocity(&self) -> &[f32] {
        &self.velocity
    }
}

/// One step of steepest ascent in L-infinity, then projection: each pixel moves by `step * epsilon` along the sign of
/// its velocity, and stays within its bounds.
pub(super) fn ascend(pixels: &mut [f32], velocity: &[f32], epsilon: &[f32], step: f32, bounds: &Bounds) {
    let moves = velocity.iter().zip(epsilon);
    for ((pixel, (v, epsilon)), (low, high)) in pixels.iter_mut().zip(moves).zip(bounds.iter()) {
        // `signum` of 0 is 1; a pixel without gradient stays.
        let sign = if *v == 0.0 { 0.0 } else { v.signum() };
        *pixel = (*pixel + step * epsilon * sign).max(low).min(high);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_formula_written_out() {
        let gradients = [
            [1.0, -3.0, 0.0, 4.0],
            [0.5, 0.5, -0.5, 0.5],
            [0.0; 4],
            [-2.0, 0.0, 0.0, 0.0],
        ];
        let mut momentum = Momentum::new(0.9, 4);
        gradients.iter().for_each(|g| momentum.accumulate(g));
        // Unrolled: sum over k of mu^(last - k) * g_k / |g_k|_1.
        for i in 0..4 {
            let mut expected = 0.0_f64;
            for (k, gradient) in gradients.iter().enumerate() {
                let norm: f64 = gradient.iter().map(|g| f64::from(*g).abs()).sum();
                if norm > 0.0 {
                    expected += 0.9_f64.powi(3 - k as i32) * f64::from(gradient[i]) / norm;
                }
            }
            assert!(
                (f64::from(momentum.velocity()[i]) - expected).abs() < 1e-6,
                "component {i}"
            );
        }
    }

    #[test]
    fn gradients_of_any_size_stay_finite() {
        for size in [f32::MIN_POSITIVE / 1e6, 1e-30, 1e30] {
            let mut momentum = Momentum::new(1.0, 2);
            momentum.accumulate(&[size, -size]);
            assert!(momentum.velocity().iter().all(|v| v.is_finite()), "{size}");
        }
    }

    #[test]
    fn steps_are_projected() {
        let epsilon = [0.2, 0.2, 0.2, 0.0];
        let start = [0.5, 1.0, 0.5, 0.5].map(|v: f32| (v * 255.0).round() / 255.0);
        let bounds = Bounds::around(&start, &epsilon);
        let mut pixels = start;
        for _ in 0..10 {
            ascend(&mut pixels, &[1.0, 1.0, 0.0, -1.0], &epsilon, 0.3, &bounds);
        }
        let moved: Vec<f32> = pixels.iter().zip(start).map(|(p, s)| p - s).collect();
        for (moved, expected) in moved.iter().zip([0.2, 0.0, 0.0, 0.0]) {
            assert!((moved - expected).abs() < 1e-6, "{moved} {expected}");
        }
    }
}
