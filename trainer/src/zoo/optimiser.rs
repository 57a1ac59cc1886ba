//! Gradient clipping and Adam as graph nodes over flat vectors.

use parallax_onnx::graph::Reduction;
use parallax_onnx::{Builder, GraphError, TensorId};

/// Settings that are fixed in the graph; the learning rate is not among them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamConfig {
    /// Decay of the mean of gradients.
    pub beta1: f32,
    /// Decay of the mean of squared gradients.
    pub beta2: f32,
    /// Added to the root of the latter.
    pub epsilon: f32,
    /// The gradient is scaled down to this length.
    pub max_norm: f32,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            max_norm: 5.0,
        }
    }
}

impl AdamConfig {
    /// The input `hyper` of a training step, `[2]`: the two bias corrections of step `step`, counted from 1, the first
    /// times the learning rate (Kingma and Ba 2015, algorithm 1).
    #[must_use]
    pub fn hyper(&self, learning_rate: f32, step: u64) -> [f32; 2] {
        let correction = |beta: f32| 1.0 - f64::from(beta).powf(step.max(1) as f64);
        let rate = f64::from(learning_rate) / correction(self.beta1);
        [rate as f32, (1.0 / correction(self.beta2).sqrt()) as f32]
    }
}

/// A model's parameters, and what Adam remembers of their gradients, each `[P]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct AdamState {
    pub(super) parameters: TensorId,
    pub(super) first_moment: TensorId,
    pub(super) second_moment: TensorId,
}

/// The state after one step along `gradient: [P]`, and the gradient's length before clipping, a scalar.
pub(super) fn adam(
    b: &Builder,
    config: AdamConfig,
    state: AdamState,
    gradient: TensorId,
    hyper: TensorId,
) -> Result<(AdamState, TensorId), GraphError> {
    // Every pass over a vector of P elements counts, so that what is one number is folded before it meets one.
    let norm = b.reduce(Reduction::L2, gradient, &[0])?;
    let limit = b.scalar(config.max_norm);
    let shrink = b.div(limit, b.max(norm, limit)?)?;
    let [rate, correction] = b.split_even(hyper, 0)?;
    let blend = |old, beta: f32, new, factor| b.add(b.scale(old, beta)?, b.mul(new, b.scale(factor, 1.0 - beta)?)?);
    let first_moment = blend(state.first_moment, config.beta1, gradient, shrink)?;
    let square = b.mul(gradient, gradient)?;
    let second_moment = blend(state.second_moment, config.beta2, square, b.mul(shrink, shrink)?)?;
    // m rate / (sqrt(v) correction + epsilon), numerator and denominator divided by the correction.
    let epsilon = b.div(b.scalar(config.epsilon), correction)?;
    let deviation = b.add(b.sqrt(second_moment)?, epsilon)?;
    let step = b.mul(b.div(first_moment, deviation)?, b.div(rate, correction)?)?;
    let parameters = b.sub(state.parameters, step)?;
    Ok((
        AdamState {
            parameters,
            first_moment,
            second_moment,
        },
        norm,
    ))
}
