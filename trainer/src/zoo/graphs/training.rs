//! One step of training as one graph: forward, loss of both heads, backward, clipping, Adam.

use parallax_onnx::layers::{CtcTarget, ctc_loss};
use parallax_onnx::{Builder, Dialect, Graph, TensorId};

use super::loss::main_loss;
use super::step::Step;
use crate::zoo::head::Alignment;
use crate::zoo::layout::{WeightsError, split, total};
use crate::zoo::model::{Model, Scores};
use crate::zoo::net::{Mode, Net};
use crate::zoo::optimiser::AdamState;

impl Model {
    /// A step over `batch` = B images.
    ///
    /// Inputs: `image` `[B, 1, 30, 100]` in `[0, 1]`; `target` `[B, S, K]`, `start` `[2B, S]`, `skip` `[2B, S]` as
    /// `parallax_onnx::ctc::Target::batch` makes them; `sample_weight` `[B]`; `hyper` `[2]` as
    /// [`AdamConfig::hyper`](crate::zoo::AdamConfig::hyper) makes it; the state `parameters`, `first_moment`,
    /// `second_moment` `[P]` and `running` `[R]`.
    ///
    /// Outputs: the state after the step, each under its name with `_next` appended; it may lie in the input's buffer,
    /// because nothing reads the old state after its successor is written. `loss` (scalar: mean over the batch of
    /// weight times the loss of both heads per character), `grad_norm` (scalar, before clipping), `logits` `[T, B, K]`,
    /// or by positions of the text where the head has them.
    ///
    /// # Errors
    /// [`WeightsError::Graph`] when the configured sizes do not fit together.
    pub fn training_step(&self, batch: usize) -> Result<Graph, WeightsError> {
        let b = Builder::new(Dialect::OnnxRuntime);
        let (specs, running_specs) = (&self.layout().parameters, &self.layout().running);
        let (p, r, s, k) = (total(specs), total(running_specs), self.states(), self.config.classes);
        let image = b.input("image", &[batch, 1, self.config.height, self.config.width]);
        let target = CtcTarget {
            states: b.input("target", &[batch, s, k]),
            start: b.input("start", &[2 * batch, s]),
            skip: b.input("skip", &[2 * batch, s]),
        };
        let sample_weight = b.input("sample_weight", &[batch]);
        let state = AdamState {
            parameters: b.input("parameters", &[p]),
            first_moment: b.input("first_moment", &[p]),
            second_moment: b.input("second_moment", &[p]),
        };
        let running = b.input("running", &[r]);

        let weights = split(&b, specs, state.parameters)?;
        let mut net = Net::new(&b, Mode::Train(weights.clone().into_iter()), self.config.slope);
        let scores = self.forward(&mut net, image)?;
        let statistics = net.statistics;
        let loss = self.training_loss(&b, &scores, target, sample_weight)?;
        let step = Step {
            adam: self.config.adam,
            momentum: self.config.momentum,
            state,
            running,
        };
        step.finish(&b, loss, &weights, &statistics)?;
        b.output("logits", scores.main)?;
        Ok(b.finish())
    }

    fn training_loss(
        &self,
        b: &Builder,
        scores: &Scores,
        target: CtcTarget,
        sample_weight: TensorId,
    ) -> Result<TensorId, WeightsError> {
        let [batch, _, classes] = b.dims(target.states)?;
        let losses = self.losses(b, scores, target)?;
        // States of a class other than the blank are as many as the label has characters.
        let characters = b.sum(b.slice(target.states, 2, 1..classes)?, &[1, 2])?;
        let weighted = b.mul(b.div(losses, characters)?, sample_weight)?;
        Ok(b.scale(b.sum(weighted, &[0])?, 1.0 / batch as f32)?)
    }

    /// Both heads' losses, `[N]`.
    fn losses(&self, b: &Builder, scores: &Scores, target: CtcTarget) -> Result<TensorId, WeightsError> {
        let (alignment, weight) = (self.config.head.alignment(), self.config.auxiliary);
        let (main, auxiliary) = match (alignment, scores.auxiliary) {
            (_, None) => return Ok(main_loss(b, alignment, scores.main, target)?),
            (Alignment::Frames, Some(auxiliary)) => {
                // Both heads in one recursion: its steps are many and small.
                let logits = b.concat(&[scores.main, auxiliary], 1)?;
                let losses = ctc_loss(b, logits, target.twice(b)?)?;
                let [main, auxiliary] = b.split_even(losses, 0)?;
                (main, auxiliary)
            }
            (Alignment::Positions, Some(auxiliary)) => (
                main_loss(b, alignment, scores.main, target)?,
                ctc_loss(b, auxiliary, target)?,
            ),
        };
        Ok(b.add(main, b.scale(auxiliary, weight)?)?)
    }
}
