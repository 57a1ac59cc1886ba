//! The graph that reads captchas: inference statistics, symbolic batch, every weight under its name.

use parallax_onnx::graph::Dim;
use parallax_onnx::{Builder, Dialect, Graph, TensorId};

use crate::zoo::layout::{Spec, Weights, WeightsError, cut};
use crate::zoo::model::Model;
use crate::zoo::net::{Mode, Net};

impl Model {
    /// Input `image` `[N, 1, 30, 100]` in `[0, 1]`; outputs `logits`, and `aux_logits` where there is an auxiliary head,
    /// `[T, N, K]`, to be read by CTC's decoding. The weights can be read back with [`weights_of`](crate::zoo::Layout::weights_of).
    ///
    /// # Errors
    /// [`WeightsError`] when the weights are of another model.
    pub fn recognizer(&self, weights: &Weights) -> Result<Graph, WeightsError> {
        let b = Builder::new(Dialect::OnnxRuntime);
        let named = |specs: &[Spec], flat: &[f32]| -> Result<Vec<TensorId>, WeightsError> {
            let literals = cut(specs, flat)?.into_iter().zip(specs);
            Ok(literals.map(|(literal, spec)| b.weight(&spec.name, literal)).collect())
        };
        let parameters = named(&self.layout().parameters, &weights.parameters)?;
        let running = named(&self.layout().running, &weights.running)?;
        let mode = Mode::Read(parameters.into_iter(), running.into_iter());
        let mut net = Net::new(&b, mode, self.config.slope);
        let shape = [
            Dim::Batch,
            Dim::Fixed(1),
            Dim::Fixed(self.config.height),
            Dim::Fixed(self.config.width),
        ];
        let image = b.input_with_batch("image", &shape);
        let scores = self.forward(&mut net, image)?;
        b.output("logits", self.logits(&net, &scores)?)?;
        if let Some(auxiliary) = scores.auxiliary {
            b.output("aux_logits", auxiliary)?;
        }
        Ok(b.finish())
    }
}
