//! The graph that reads captchas: inference statistics, symbolic batch, every weight under its name.

use parallax_onnx::graph::{Dim, Literal};
use parallax_onnx::layers::EPSILON;
use parallax_onnx::{Builder, Dialect, Graph, TensorId};

use super::{Crnn, PADS, Parts};
use crate::zoo::layout::{Weights, WeightsError, cut};

impl Crnn {
    /// Input `image` `[N, 1, 30, 100]` in `[0, 1]`; outputs `logits` and `aux_logits`, `[T, N, K]`. The weights can be
    /// read back with [`Crnn::weights_of`].
    ///
    /// # Errors
    /// [`WeightsError`] when the weights are of another model.
    pub fn recognizer(&self, weights: &Weights) -> Result<Graph, WeightsError> {
        let b = Builder::new(Dialect::OnnxRuntime);
        let name = |specs: Vec<super::Spec>, flat: &[f32]| -> Result<Vec<TensorId>, WeightsError> {
            let literals = cut(&specs, flat)?;
            Ok(specs
                .iter()
                .zip(literals)
                .map(|(spec, literal)| b.weight(&spec.name, literal))
                .collect())
        };
        let parameters = name(self.parameters(), &weights.parameters)?;
        let running = name(self.running(), &weights.running)?;
        let parts = Parts::new(&self.config, &parameters).ok_or(WeightsError::Length {
            expected: self.parameters().len(),
            found: parameters.len(),
        })?;
        let shape = [
            Dim::Batch,
            Dim::Fixed(1),
            Dim::Fixed(self.config.height),
            Dim::Fixed(self.config.width),
        ];
        let image = b.input_with_batch("image", &shape);
        let mut x = b.scale(b.add_scalar(image, -0.5)?, 4.0)?;
        for ((block, statistics), (_, pool)) in parts.blocks.iter().zip(running.chunks(2)).zip(&self.config.blocks) {
            let [mean, variance] = statistics else { continue };
            let convolved = b.conv(x, block.weight, PADS)?;
            let normal = b.batch_normalization([convolved, block.scale, block.bias, *mean, *variance], EPSILON)?;
            x = b.leaky_relu(b.max_pool(normal, *pool)?, self.config.slope)?;
        }
        let features = b.transpose(b.squeeze(x, &[2])?, &[2, 0, 1])?;
        let mut hidden = features;
        for layer in parts.lstm {
            hidden = self.fused_lstm(&b, hidden, layer)?;
        }
        let dense = |x, [weight, bias]: [TensorId; 2]| b.add(b.matmul(x, weight)?, bias);
        b.output("logits", dense(hidden, parts.head)?)?;
        b.output("aux_logits", dense(features, parts.auxiliary)?)?;
        Ok(b.finish())
    }

    /// The operator LSTM wants weights as `[1, 4H, I]` and two biases; runtimes fold the rearrangement when they load.
    fn fused_lstm(&self, b: &Builder, x: TensorId, weights: [TensorId; 3]) -> Result<TensorId, WeightsError> {
        let [input, recurrent, bias] = weights;
        let rearranged = |weight| b.unsqueeze(b.transpose(weight, &[1, 0])?, &[0]);
        let hidden = self.config.hidden;
        let no_bias = b.constant(Literal::f32(&[4 * hidden], vec![0.0; 4 * hidden])?);
        let biases = b.unsqueeze(b.concat(&[bias, no_bias], 0)?, &[0])?;
        let output = b.lstm([x, rearranged(input)?, rearranged(recurrent)?, biases], hidden)?;
        Ok(b.squeeze(output, &[1])?)
    }
}
