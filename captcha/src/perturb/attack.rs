//! The attack: MI-FGSM within the budget, against a [`GradientModel`].

use image::GrayImage;

use super::blur::Gaussian;
use super::budget::{Bounds, epsilon_map};
use super::config::{ConfigError, PerturbConfig};
use super::grid::{HEIGHT, MODEL_PIXELS, PIXELS, WIDTH, model_input, pull_back, to_image, to_unit};
use super::hull::TextBox;
use super::momentum::{Momentum, ascend};
use super::{FRAMES, Gradient, GradientModel, insertion, sparse};
use crate::{
    alphabet::{CLASSES, Label},
    strength::Strength,
};

/// Why a picture was not perturbed. `E` is the model's error.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PerturbError<E: core::error::Error + 'static> {
    /// The configuration makes no sense.
    #[error("perturbation: {0}")]
    Config(#[from] ConfigError),
    /// Picture or mask is not 200 x 60.
    #[error("picture and mask are {WIDTH} x {HEIGHT}, this one is {width} x {height}")]
    Size {
        /// Its width, pixels.
        width: u32,
        /// Its height, pixels.
        height: u32,
    },
    /// The model gave no gradient.
    #[error("the model gave no gradient")]
    Model(#[source] E),
    /// The model replied with a tensor of another size.
    #[error("the model's {tensor} has {found} numbers, not {expected}")]
    Shape {
        /// `gradient` or `logits`.
        tensor: &'static str,
        /// Numbers it should have.
        expected: usize,
        /// Numbers it has.
        found: usize,
    },
    /// The model replied with NaN or infinity.
    #[error("the model's reply to step {step} is not finite")]
    NotFinite {
        /// Which step, from 0.
        step: u32,
    },
}

/// A picture after the attack and the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Perturbed {
    /// 200 x 60.
    pub image: GrayImage,
    /// What the gate left of the perturbation.
    pub strength: Strength,
}

/// Perturbs a picture so that `model` misreads it.
///
/// `image`, `mask`: 200 x 60; mask above 127 is a stroke of a character, see [`super::estimate_mask`] where there is
/// none. `label` is what the picture says. Every pixel of the result is within `config`'s budget of the same pixel of
/// `image`. Asks for `config.steps` gradients; the rest takes a few milliseconds.
///
/// # Errors
/// [`PerturbError`] says which of the inputs, or of the model's replies, was unusable.
pub fn perturb<M: GradientModel>(
    model: &mut M,
    image: &GrayImage,
    mask: &GrayImage,
    label: &Label,
    config: &PerturbConfig,
) -> Result<Perturbed, PerturbError<M::Error>> {
    config.validate()?;
    check_size(image)?;
    check_size(mask)?;
    let original = to_unit(image);
    let strokes: Vec<bool> = mask.as_raw().iter().map(|&level| level > 127).collect();
    let mut epsilon = epsilon_map(config.budget, &strokes, label.as_str().len());
    let mut bounds = Bounds::around(&original, &epsilon);
    let mut weights = insertion::outside_text(&config.insertion, TextBox::of(&strokes));
    let mut blur = Gaussian::new(config.gradient_blur_px);
    let mut momentum = Momentum::new(config.momentum, PIXELS);
    let step_size = config.step_size / steps(config);

    model.begin();
    let mut pixels = original.clone();
    let mut blanks_are_known = false;
    for step in 0..config.steps {
        let reply = model
            .gradient(&model_input(&pixels), label, &weights)
            .map_err(PerturbError::Model)?;
        check_reply(&reply, step)?;
        let mut gradient = pull_back(&reply.image);
        blur.apply(&mut gradient);
        momentum.accumulate(&gradient);
        // Of an ensemble, by whoever tells first: the earlier, the less the picture has changed.
        if let Some(logits) = reply.logits.filter(|_| !blanks_are_known) {
            insertion::add_blank_frames(&config.insertion, &logits, &mut weights);
            blanks_are_known = true;
        }
        if step == 0
            && let Some(few) = &config.sparse
        {
            sparse::raise(few, &original, momentum.velocity(), &mut epsilon);
            bounds = Bounds::around(&original, &epsilon);
        }
        ascend(&mut pixels, momentum.velocity(), &epsilon, step_size, &bounds);
    }
    let (image, strength) = match &config.gate {
        Some(gate) => gate.apply(&original, &pixels, &strokes, label.as_str().len()),
        None => (to_image(&pixels), Strength::Full),
    };
    Ok(Perturbed { image, strength })
}

#[expect(clippy::cast_precision_loss, reason = "at most 1000")]
fn steps(config: &PerturbConfig) -> f32 {
    config.steps as f32
}

fn check_size<E: core::error::Error>(image: &GrayImage) -> Result<(), PerturbError<E>> {
    match image.dimensions() {
        (WIDTH, HEIGHT) => Ok(()),
        (width, height) => Err(PerturbError::Size { width, height }),
    }
}

fn check_reply<E: core::error::Error>(reply: &Gradient, step: u32) -> Result<(), PerturbError<E>> {
    let logits = reply.logits.as_deref();
    let tensors = [
        ("gradient", reply.image.len(), MODEL_PIXELS),
        (
            "logits",
            logits.map_or(FRAMES * CLASSES, <[f32]>::len),
            FRAMES * CLASSES,
        ),
    ];
    for (tensor, found, expected) in tensors {
        if found != expected {
            return Err(PerturbError::Shape {
                tensor,
                expected,
                found,
            });
        }
    }
    let mut numbers = reply.image.iter().chain(logits.unwrap_or_default());
    let finite = reply.loss.is_finite() && numbers.all(|v| v.is_finite());
    if finite {
        Ok(())
    } else {
        Err(PerturbError::NotFinite { step })
    }
}

#[cfg(test)]
mod tests;
