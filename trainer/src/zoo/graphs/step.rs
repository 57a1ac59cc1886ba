//! How every training step ends: backward, clipping, Adam, running statistics.

use parallax_onnx::{Builder, TensorId, autodiff};

use crate::zoo::layout::{WeightsError, join};
use crate::zoo::optimiser::{AdamConfig, AdamState, adam};

/// What a step updates, and how.
pub(super) struct Step {
    pub(super) adam: AdamConfig,
    /// How far running statistics move towards those of the batch.
    pub(super) momentum: f32,
    pub(super) state: AdamState,
    /// Running statistics, `[R]`.
    pub(super) running: TensorId,
}

impl Step {
    /// Emits the rest of a step that makes `loss`, a scalar, smaller by `weights`, the parts of the flat vector; `statistics` of
    /// the batch are those that run. Outputs: the state after it, `loss`, `grad_norm`.
    ///
    /// # Errors
    /// [`WeightsError::Graph`] when `loss` does not depend on a weight.
    pub(super) fn finish(
        self,
        b: &Builder,
        loss: TensorId,
        weights: &[TensorId],
        statistics: &[TensorId],
    ) -> Result<(), WeightsError> {
        let gradient = join(b, &autodiff::gradients(b, loss, weights)?)?;
        let hyper = b.input("hyper", &[2]);
        let (next, norm) = adam(b, self.adam, self.state, gradient, hyper)?;
        let running = if statistics.is_empty() {
            b.identity(self.running)?
        } else {
            let of_batch = join(b, statistics)?;
            b.add(
                b.scale(self.running, 1.0 - self.momentum)?,
                b.scale(of_batch, self.momentum)?,
            )?
        };
        b.output("parameters_next", next.parameters)?;
        b.output("first_moment_next", next.first_moment)?;
        b.output("second_moment_next", next.second_moment)?;
        b.output("running_next", running)?;
        b.output("loss", loss)?;
        b.output("grad_norm", norm)?;
        Ok(())
    }
}
