//! The graph that attacks are computed with: the loss and its gradient with respect to the image, for tract.

use parallax_onnx::layers::{CtcTarget, EPSILON, LstmWeights, PooledConv, conv_max_pool, ctc_loss, lstm};
use parallax_onnx::{Builder, Dialect, Graph, GraphError, Literal, TensorId, autodiff};

use super::{Block, Crnn, PADS, Parts};
use crate::zoo::layout::{Weights, WeightsError, cut};

impl Crnn {
    /// Inputs: `image` `[1, 1, 30, 100]` in `[0, 1]`; `target` `[1, S, K]`, `start`, `skip` `[2, S]` as
    /// `parallax_onnx::ctc::AttackInputs` makes them; `frame_weights` `[1, T, K]`. Outputs: `loss` `[1]`, the sum of
    /// the CTC loss of the main head, of `auxiliary` times that of the auxiliary head, and of `frame_weights` times the
    /// main head's log probabilities; `gradient` `[1, 1, 30, 100]` of the loss by the image; `logits` `[T, 1, K]`.
    ///
    /// Normalisation is folded into the convolutions, weights are stored in 16 bits.
    ///
    /// # Errors
    /// [`WeightsError`] when the weights are of another model.
    pub fn attack(&self, weights: &Weights) -> Result<Graph, WeightsError> {
        let literals = cut(&self.parameters(), &weights.parameters)?;
        let statistics = cut(&self.running(), &weights.running)?;
        let by_reference: Vec<_> = literals.iter().collect();
        let parts = Parts::new(&self.config, &by_reference).ok_or(WeightsError::Length {
            expected: self.parameters().len(),
            found: literals.len(),
        })?;
        let b = Builder::new(Dialect::Tract);
        let (frames, states, classes) = (self.frames(), self.states(), self.config.classes);
        let image = b.input("image", &[1, 1, self.config.height, self.config.width]);
        let target = CtcTarget {
            states: b.input("target", &[1, states, classes]),
            start: b.input("start", &[2, states]),
            skip: b.input("skip", &[2, states]),
        };
        let frame_weights = b.input("frame_weights", &[1, frames, classes]);

        let features = self.folded_features(&b, image, &parts, &statistics)?;
        let mut hidden = features;
        for [input, recurrent, bias] in parts.lstm {
            let weights = LstmWeights {
                input: half(&b, input)?,
                recurrent: half(&b, recurrent)?,
                bias: half(&b, bias)?,
            };
            hidden = lstm(&b, hidden, weights)?;
        }
        let logits = dense(&b, hidden, parts.head)?;
        let auxiliary = dense(&b, features, parts.auxiliary)?;
        let label_loss = b.add(
            ctc_loss(&b, logits, target)?,
            b.scale(ctc_loss(&b, auxiliary, target)?, self.config.auxiliary)?,
        )?;
        let log_probabilities = b.log_softmax(logits, 2)?;
        let weighted = b.mul(log_probabilities, b.transpose(frame_weights, &[1, 0, 2])?)?;
        let loss = b.add(label_loss, b.reshape(b.sum(weighted, &[0, 1, 2])?, &[1])?)?;
        let gradient = autodiff::gradients(&b, loss, &[image])?;
        b.output("loss", loss)?;
        b.output(
            "gradient",
            gradient.first().copied().ok_or(GraphError::Independent(image))?,
        )?;
        b.output("logits", logits)?;
        Ok(b.finish())
    }

    /// Features `[T, 1, C]` of the convolution blocks.
    fn folded_features(
        &self,
        b: &Builder,
        image: TensorId,
        parts: &Parts<&Literal>,
        statistics: &[Literal],
    ) -> Result<TensorId, WeightsError> {
        let mut x = b.scale(b.add_scalar(image, -0.5)?, 4.0)?;
        for ((block, statistics), (_, pool)) in parts.blocks.iter().zip(statistics.chunks(2)).zip(&self.config.blocks) {
            let [mean, variance] = statistics else { continue };
            let (weight, bias) = fold(block, mean, variance)?;
            let conv = PooledConv {
                weight: half(b, &weight)?,
                bias: b.constant(bias),
                pads: PADS,
                pool: *pool,
            };
            x = b.leaky_relu(conv_max_pool(b, x, conv)?, self.config.slope)?;
        }
        Ok(b.transpose(b.squeeze(x, &[2])?, &[2, 0, 1])?)
    }
}

/// A constant stored in 16 bits, used in 32.
fn half(b: &Builder, literal: &Literal) -> Result<TensorId, GraphError> {
    b.to_f32(b.constant(literal.to_f16()))
}

/// `[T, 1, I]` times `[I, O]` plus `[O]`.
fn dense(b: &Builder, x: TensorId, [weight, bias]: [&Literal; 2]) -> Result<TensorId, GraphError> {
    b.add(b.matmul(x, half(b, weight)?)?, half(b, bias)?)
}

/// Weight and bias of the convolution that equals `block`'s followed by its normalisation.
fn fold(block: &Block<&Literal>, mean: &Literal, variance: &Literal) -> Result<(Literal, Literal), WeightsError> {
    let values = |literal: &Literal| literal.as_f32().map(<[f32]>::to_vec).unwrap_or_default();
    let (weight, scale, bias) = (values(block.weight), values(block.scale), values(block.bias));
    let (mean, variance) = (values(mean), values(variance));
    let filters = scale.len();
    let per_filter = weight.len().checked_div(filters).unwrap_or(1).max(1);
    let factors: Vec<_> = scale
        .iter()
        .zip(&variance)
        .map(|(s, v)| s / (v + EPSILON).sqrt())
        .collect();
    let folded = weight
        .chunks(per_filter)
        .zip(&factors)
        .flat_map(|(w, f)| w.iter().map(move |x| x * f))
        .collect();
    let shifted = bias
        .iter()
        .zip(mean.iter().zip(&factors))
        .map(|(b, (m, f))| b - m * f)
        .collect();
    Ok((
        Literal::f32(block.weight.shape(), folded)?,
        Literal::f32(&[filters], shifted)?,
    ))
}
