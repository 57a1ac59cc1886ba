//! The graphs of a generator: a training step against models that do not change, and what is exported.

use parallax_onnx::layers::CtcTarget;
use parallax_onnx::{Builder, Dialect, Graph, GraphError, Literal, TensorId};

use super::attack::label_loss;
use super::step::Step;
use crate::zoo::generator::Generator;
use crate::zoo::head::Alignment;
use crate::zoo::layout::{Weights, WeightsError, split, total};
use crate::zoo::model::Model;
use crate::zoo::net::{Mode, Net};
use crate::zoo::optimiser::{AdamConfig, AdamState};

/// Nats of a text's loss after which raising it further gains little: two characters that are surely wrong have about
/// as many.
const ENOUGH: f32 = 10.0;
/// How steeply a direction becomes a movement: the attack follows signs, which have no gradient.
const STEEPNESS: f32 = 4.0;
/// How far running statistics move towards those of a batch.
const MOMENTUM: f32 = 0.1;

/// A model that a generator learns to mislead.
#[derive(Debug, Clone, Copy)]
pub struct Victim<'a> {
    /// The model.
    pub model: &'a Model,
    /// Its weights, which stay.
    pub weights: &'a Weights,
    /// How much it counts beside the others.
    pub weight: f32,
}

/// Standard deviations of the Gaussians of an attack, pixels of the input; 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Blurs {
    /// Of what the generator says.
    pub direction: f32,
    /// Of the movement that it becomes.
    pub movement: f32,
}

impl Generator {
    /// Input `image` `[1, 1, rows, columns]` in `[0, 1]`, output `direction` of the same shape, for tract. Normalisation is
    /// folded into the convolutions, weights are stored in 16 bits.
    ///
    /// # Errors
    /// [`WeightsError`] when the weights are of another generator.
    pub fn direction(&self, weights: &Weights) -> Result<Graph, WeightsError> {
        let mode = Mode::attack(self.layout(), weights)?;
        let b = Builder::new(Dialect::Tract);
        let image = b.input("image", &[1, 1, self.size[0], self.size[1]]);
        let mut net = self.net(&b, mode);
        let direction = self.forward(&mut net, image)?;
        b.output("direction", direction)?;
        Ok(b.finish())
    }

    /// A step over `batch` = B images.
    ///
    /// Inputs: `image` `[B, 1, rows, columns]` in `[0, 1]`; `target` `[B, S, K]`, `start` `[2B, S]`, `skip` `[2B, S]` as
    /// `parallax_onnx::ctc::Target::batch` makes them; `epsilon`, shaped as `image`, and `frame_weights` `[B, T, K]`, as
    /// `parallax_captcha::perturb::constraints` makes them; `hyper` `[2]` and the state, as of
    /// [`Model::training_step`](crate::zoo::Model::training_step). Outputs: the state after the step, `loss`, `grad_norm`, as there.
    ///
    /// The image moves by `epsilon * tanh(4 * direction)`, the direction being blurred as the attack blurs gradients and the movement
    /// as it blurs perturbations. The attack also cuts the movement, to black and white before its blur and to each pixel's budget
    /// after it; that is left out, being less than a level where budgets rise over many pixels and tones are not at the ends. The loss, mean over images and victims, is
    /// `10 * exp(-L / 10)`, L being what the victim loses on the text, less the rewards of `frame_weights`: bounded, so that a
    /// text already misread is left for those that are not.
    ///
    /// # Errors
    /// [`WeightsError`] when a victim's weights are of another model, or sizes do not fit together.
    pub fn training_step(&self, victims: &[Victim<'_>], batch: usize, blurs: Blurs) -> Result<Graph, WeightsError> {
        let first = victims.first().ok_or(WeightsError::Length { expected: 1, found: 0 })?;
        let (states, classes) = (first.model.states(), first.model.config().classes);
        let b = Builder::new(Dialect::OnnxRuntime);
        let (p, r) = (total(&self.layout().parameters), total(&self.layout().running));
        let shape = [batch, 1, self.size[0], self.size[1]];
        let image = b.input("image", &shape);
        let target = CtcTarget {
            states: b.input("target", &[batch, states, classes]),
            start: b.input("start", &[2 * batch, states]),
            skip: b.input("skip", &[2 * batch, states]),
        };
        let epsilon = b.input("epsilon", &shape);
        let frame_weights = b.input("frame_weights", &[batch, first.model.image_frames(), classes]);
        let state = AdamState {
            parameters: b.input("parameters", &[p]),
            first_moment: b.input("first_moment", &[p]),
            second_moment: b.input("second_moment", &[p]),
        };
        let running = b.input("running", &[r]);

        let weights = split(&b, &self.layout().parameters, state.parameters)?;
        let mut net = self.net(&b, Mode::Train(weights.clone().into_iter()));
        let direction = self.forward(&mut net, image)?;
        let statistics = net.statistics;
        let direction = blurred(&b, direction, blurs.direction)?;
        let movement = b.mul(epsilon, b.tanh(b.scale(direction, STEEPNESS)?)?)?;
        let movement = blurred(&b, movement, blurs.movement)?;
        let moved = b.clip(b.add(image, movement)?, 0.0, 1.0)?;
        let mut loss = b.scalar(0.0);
        let sum: f32 = victims.iter().map(|victim| victim.weight).sum();
        for victim in victims {
            let one = misled(&b, *victim, moved, target, frame_weights)?;
            loss = b.add(loss, b.scale(one, victim.weight / (sum * batch as f32))?)?;
        }

        let step = Step {
            adam: AdamConfig::default(),
            momentum: MOMENTUM,
            state,
            running,
        };
        step.finish(&b, loss, &weights, &statistics)?;
        Ok(b.finish())
    }
}

fn has_frames(model: &Model) -> bool {
    model.config().head.alignment() == Alignment::Frames
}

/// Sum over the images of what is left for one victim to be misled by, a scalar.
fn misled(
    b: &Builder,
    victim: Victim<'_>,
    image: TensorId,
    target: CtcTarget,
    frame_weights: TensorId,
) -> Result<TensorId, WeightsError> {
    let Victim { model, weights, .. } = victim;
    let mode = Mode::attack(model.layout(), weights)?;
    let mut net = Net::new(b, mode, model.config().slope);
    let scores = model.forward(&mut net, image)?;
    let logits = model.logits(&net, &scores)?;
    let label_loss = label_loss(b, model, &scores, target)?;
    let left = b.scale(b.exp(b.scale(label_loss, -1.0 / ENOUGH)?)?, ENOUGH)?;
    let left = b.sum(left, &[0])?;
    if !has_frames(model) {
        return Ok(left);
    }
    let log_probabilities = b.log_softmax(logits, 2)?;
    let weighted = b.mul(log_probabilities, b.transpose(frame_weights, &[1, 0, 2])?)?;
    Ok(b.sub(left, b.sum(weighted, &[0, 1, 2])?)?)
}

/// Reach of the blur, pixels.
const RADIUS: usize = 3;

/// `maps: [B, 1, rows, columns]`, blurred; beyond the border there is nothing.
fn blurred(b: &Builder, maps: TensorId, blur_px: f32) -> Result<TensorId, GraphError> {
    if blur_px > 0.0 {
        b.conv(maps, gaussian(b, blur_px)?, [RADIUS; 2])
    } else {
        Ok(maps)
    }
}

/// The filter of a blur, `[1, 1, 7, 7]`.
fn gaussian(b: &Builder, blur_px: f32) -> Result<TensorId, GraphError> {
    let side = 2 * RADIUS + 1;
    let weight = |i: usize| {
        let distance = i as f32 - RADIUS as f32;
        (-distance * distance / (2.0 * blur_px * blur_px)).exp()
    };
    let sum: f32 = (0..side).map(weight).sum();
    let weights = (0..side * side).map(|i| weight(i / side) * weight(i % side) / (sum * sum));
    Ok(b.constant(Literal::f32(&[1, 1, side, side], weights.collect())?))
}
