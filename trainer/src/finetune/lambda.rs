//! How much originals count beside queries.

use serde::{Deserialize, Serialize};

/// The factor of the originals' loss in Equation 4.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lambda {
    /// Adjusted while training, so that this share of held-out originals stays read right.
    Adaptive {
        /// The share, in `[0, 1]`.
        target: f64,
    },
    /// The same throughout.
    Fixed(f32),
}

/// The paper keeps "near 90 %"; a little more is asked for, because what is measured is off by a few in a hundred.
pub const TARGET: f64 = 0.92;

/// A `lambda` beyond these would be one of the two sums alone.
const RANGE: [f64; 2] = [1.0 / 32.0, 32.0];

/// By what the logarithm of lambda rises for each measurement that is below the target by all of it. At 10 an accuracy
/// of 0.82 for 0.92 nearly triples lambda.
const GAIN: f64 = 10.0;

/// By what lambda is multiplied or divided for one measurement at most: the first steps on other data hurt whatever lambda
/// is, and what it was raised by then would take many measurements to come down.
const MOST: f64 = 3.0;

/// Above the target lambda falls slower than it rises below it: forgetting is quicker than learning again.
const RELEASE: f64 = 0.5;

/// Adjusts lambda: an integral controller on its logarithm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Controller {
    lambda: Lambda,
    log: f64,
}

impl Controller {
    /// Begins at 1 where lambda is adaptive.
    #[must_use]
    pub fn new(lambda: Lambda) -> Self {
        Self { lambda, log: 0.0 }
    }

    /// The factor now.
    #[must_use]
    pub fn value(&self) -> f32 {
        match self.lambda {
            Lambda::Adaptive { .. } => self.log.exp() as f32,
            Lambda::Fixed(lambda) => lambda,
        }
    }

    /// Its state: the logarithm of an adaptive lambda.
    pub(super) fn log_mut(&mut self) -> &mut f64 {
        &mut self.log
    }

    /// Learns that `accuracy` of the held-out originals are read right.
    pub fn measured(&mut self, accuracy: f64) {
        let Lambda::Adaptive { target } = self.lambda else {
            return;
        };
        let missing = target - accuracy;
        let gain = if missing > 0.0 { GAIN } else { GAIN * RELEASE };
        let [least, most] = RANGE.map(f64::ln);
        let change = (gain * missing).clamp(-MOST.ln(), MOST.ln());
        self.log = (self.log + change).clamp(least, most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accuracy that follows lambda late and is measured with noise, as training does: it goes a third of the way to where
    /// it would rest, which rises with lambda.
    fn simulate(rest: impl Fn(f64) -> f64, measurements: usize) -> Vec<(f64, f64)> {
        let mut controller = Controller::new(Lambda::Adaptive { target: 0.9 });
        let (mut accuracy, mut state) = (0.98, 12_345_u64);
        let mut course = Vec::new();
        for _ in 0..measurements {
            accuracy += (rest(f64::from(controller.value())) - accuracy) / 3.0;
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let noise = 0.02 * ((state >> 33) as f64 / f64::from(1_u32 << 31) - 0.5);
            controller.measured(accuracy + noise);
            course.push((accuracy, f64::from(controller.value())));
        }
        course
    }

    #[test]
    fn accuracy_comes_to_the_target_whatever_it_takes() {
        // At lambda 1 these rest at 0.5, 0.82 and 0.96.
        for half in [1.0, 0.22, 0.042] {
            let course = simulate(|lambda| lambda / (lambda + half), 60);
            for (accuracy, lambda) in &course[20..] {
                assert!((accuracy - 0.9).abs() < 0.04, "{half}: {accuracy} at {lambda}");
            }
        }
    }

    #[test]
    fn one_bad_measurement_is_soon_forgotten() {
        let mut controller = Controller::new(Lambda::Adaptive { target: 0.9 });
        controller.measured(0.1);
        assert!((controller.value() - 3.0).abs() < 1e-5);
        let needed = (1..).find(|_| {
            controller.measured(0.98);
            controller.value() < 1.0
        });
        assert_eq!(needed, Some(3));
    }

    #[test]
    fn lambda_stays_in_its_range() {
        let bounded = |rest: f64| simulate(|_| rest, 200).last().map(|(_, lambda)| *lambda).unwrap();
        assert!((bounded(0.0) - 32.0).abs() < 1e-4);
        assert!((bounded(1.0) - 1.0 / 32.0).abs() < 1e-6);
    }

    #[test]
    fn a_fixed_lambda_is_left_alone() {
        let mut controller = Controller::new(Lambda::Fixed(0.4));
        controller.measured(0.0);
        assert_eq!(controller.value(), 0.4);
    }
}
