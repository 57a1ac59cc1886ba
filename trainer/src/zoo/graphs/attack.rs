//! The graph that attacks are computed with: the loss and its gradient with respect to the image, for tract.

use parallax_onnx::layers::{CtcTarget, ctc_loss};
use parallax_onnx::{Builder, Dialect, Graph, GraphError, TensorId, autodiff};

use super::loss::main_loss;
use crate::zoo::layout::{Weights, WeightsError};
use crate::zoo::model::{Model, Scores};
use crate::zoo::net::{Mode, Net};

impl Model {
    /// Inputs: `image` `[1, 1, 30, 100]` in `[0, 1]`; `target` `[1, S, K]`, `start`, `skip` `[2, S]` as
    /// `parallax_onnx::ctc::AttackInputs` makes them; `frame_weights` `[1, T, K]`. Outputs: `loss` `[1]`, the sum of
    /// the loss of the main head, of `auxiliary` times that of the auxiliary head, and of `frame_weights` times the
    /// main head's log probabilities; `gradient` `[1, 1, 30, 100]` of the loss by the image; `logits` `[T, 1, K]`.
    ///
    /// Normalisation is folded into the convolutions, weights are stored in 16 bits.
    ///
    /// # Errors
    /// [`WeightsError`] when the weights are of another model.
    pub fn attack(&self, weights: &Weights) -> Result<Graph, WeightsError> {
        let mode = Mode::attack(self.layout(), weights)?;
        let b = Builder::new(Dialect::Tract);
        let (frames, states, classes) = (self.frames(), self.states(), self.config.classes);
        let image = b.input("image", &[1, 1, self.config.height, self.config.width]);
        let target = CtcTarget {
            states: b.input("target", &[1, states, classes]),
            start: b.input("start", &[2, states]),
            skip: b.input("skip", &[2, states]),
        };
        let frame_weights = b.input("frame_weights", &[1, frames, classes]);
        let mut net = Net::new(&b, mode, self.config.slope);
        let scores = self.forward(&mut net, image)?;
        let logits = self.logits(&net, &scores)?;
        let label_loss = label_loss(&b, self, &scores, target)?;
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
}

/// What `model` loses on the texts, `[N]`: of its main head, and of its auxiliary one by its weight.
pub(super) fn label_loss(
    b: &Builder,
    model: &Model,
    scores: &Scores,
    target: CtcTarget,
) -> Result<TensorId, GraphError> {
    let main = main_loss(b, model.config.head.alignment(), scores.main, target)?;
    match scores.auxiliary {
        Some(auxiliary) => b.add(main, b.scale(ctc_loss(b, auxiliary, target)?, model.config.auxiliary)?),
        None => Ok(main),
    }
}
