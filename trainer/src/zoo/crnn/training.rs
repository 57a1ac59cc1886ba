//! One step of training as one graph: forward, CTC of both heads, backward, clipping, Adam.

use parallax_onnx::layers::{ConvBlock, CtcTarget, LstmWeights, conv_block, ctc_loss, lstm};
use parallax_onnx::{Builder, Dialect, Graph, GraphError, TensorId, autodiff};

use super::{Block, Crnn, PADS, Parts};
use crate::zoo::layout::{join, split, total};
use crate::zoo::optimiser::{AdamState, adam};

impl Crnn {
    /// A step over `batch` = B images.
    ///
    /// Inputs: `image` `[B, 1, 30, 100]` in `[0, 1]`; `target` `[B, S, K]`, `start` `[2B, S]`, `skip` `[2B, S]` as
    /// `parallax_onnx::ctc::Target::batch` makes them; `sample_weight` `[B]`; `hyper` `[2]` as
    /// [`AdamConfig::hyper`](crate::zoo::AdamConfig::hyper) makes it; the state `parameters`, `first_moment`,
    /// `second_moment` `[P]` and `running` `[R]`.
    ///
    /// Outputs: the state after the step, each under its name with `_next` appended; it may lie in the input's buffer,
    /// because nothing reads the old state after its successor is written. `loss` (scalar: mean over the batch of
    /// weight times CTC of both heads per character), `grad_norm` (scalar, before clipping), `logits` `[T, B, K]`.
    ///
    /// # Errors
    /// [`GraphError`] when the configured sizes do not fit together.
    pub fn training_step(&self, batch: usize) -> Result<Graph, GraphError> {
        let b = Builder::new(Dialect::OnnxRuntime);
        let (specs, running_specs) = (self.parameters(), self.running());
        let (p, r, s, k) = (total(&specs), total(&running_specs), self.states(), self.config.classes);
        let image = b.input("image", &[batch, 1, self.config.height, self.config.width]);
        let target = CtcTarget {
            states: b.input("target", &[batch, s, k]),
            start: b.input("start", &[2 * batch, s]),
            skip: b.input("skip", &[2 * batch, s]),
        };
        let sample_weight = b.input("sample_weight", &[batch]);
        let hyper = b.input("hyper", &[2]);
        let state = AdamState {
            parameters: b.input("parameters", &[p]),
            first_moment: b.input("first_moment", &[p]),
            second_moment: b.input("second_moment", &[p]),
        };
        let running = b.input("running", &[r]);

        let weights = split(&b, &specs, state.parameters)?;
        let forward = self.training_forward(&b, image, &weights)?;
        let loss = self.training_loss(&b, &forward, target, sample_weight)?;
        let gradient = join(&b, &autodiff::gradients(&b, loss, &weights)?)?;
        let (next, norm) = adam(&b, self.config.adam, state, gradient, hyper)?;
        let momentum = self.config.momentum;
        let batch_statistics = join(&b, &forward.statistics)?;
        let running = b.add(b.scale(running, 1.0 - momentum)?, b.scale(batch_statistics, momentum)?)?;

        b.output("parameters_next", next.parameters)?;
        b.output("first_moment_next", next.first_moment)?;
        b.output("second_moment_next", next.second_moment)?;
        b.output("running_next", running)?;
        b.output("loss", loss)?;
        b.output("grad_norm", norm)?;
        b.output("logits", forward.logits)?;
        Ok(b.finish())
    }

    fn training_forward(&self, b: &Builder, image: TensorId, weights: &[TensorId]) -> Result<Forward, GraphError> {
        let parts = Parts::new(&self.config, weights).ok_or(GraphError::NoRule { op: "Crnn" })?;
        let mut x = b.scale(b.add_scalar(image, -0.5)?, 4.0)?;
        let mut statistics = Vec::new();
        for (block, (_, pool)) in parts.blocks.iter().zip(&self.config.blocks) {
            let Block { weight, scale, bias } = *block;
            let block = conv_block(
                b,
                x,
                ConvBlock {
                    weight,
                    scale,
                    bias,
                    pads: PADS,
                    pool: *pool,
                },
            )?;
            statistics.extend([block.mean, block.variance]);
            // Last, because it rises and the pooling leaves a quarter of the values.
            x = b.leaky_relu(block.output, self.config.slope)?;
        }
        let features = b.transpose(b.squeeze(x, &[2])?, &[2, 0, 1])?;
        let mut hidden = features;
        for [input, recurrent, bias] in parts.lstm {
            hidden = lstm(b, hidden, LstmWeights { input, recurrent, bias })?;
        }
        Ok(Forward {
            logits: dense(b, hidden, parts.head)?,
            auxiliary: dense(b, features, parts.auxiliary)?,
            statistics,
        })
    }

    fn training_loss(
        &self,
        b: &Builder,
        forward: &Forward,
        target: CtcTarget,
        sample_weight: TensorId,
    ) -> Result<TensorId, GraphError> {
        let [batch, _, classes] = b.dims(target.states)?;
        // Both heads in one recursion: its steps are many and small.
        let logits = b.concat(&[forward.logits, forward.auxiliary], 1)?;
        let losses = ctc_loss(b, logits, target.twice(b)?)?;
        let [main, auxiliary] = b.split_even(losses, 0)?;
        let losses = b.add(main, b.scale(auxiliary, self.config.auxiliary)?)?;
        // States of a class other than the blank are as many as the label has characters.
        let characters = b.sum(b.slice(target.states, 2, 1..classes)?, &[1, 2])?;
        let weighted = b.mul(b.div(losses, characters)?, sample_weight)?;
        b.scale(b.sum(weighted, &[0])?, 1.0 / batch as f32)
    }
}

struct Forward {
    /// `[T, B, K]`.
    logits: TensorId,
    /// `[T, B, K]`.
    auxiliary: TensorId,
    /// Mean and variance of each block.
    statistics: Vec<TensorId>,
}

/// `x: [T, N, I]` times weight `[I, O]` plus bias `[O]`, as one matrix product.
fn dense(b: &Builder, x: TensorId, [weight, bias]: [TensorId; 2]) -> Result<TensorId, GraphError> {
    let ([steps, batch, inputs], [_, outputs]) = (b.dims(x)?, b.dims(weight)?);
    let rows = b.gemm(b.reshape(x, &[steps * batch, inputs])?, weight, bias)?;
    b.reshape(rows, &[steps, batch, outputs])
}
