//! The attack: MI-FGSM within the budget, against a [`GradientModel`].

use image::GrayImage;

use super::blur::Gaussian;
use super::budget::{Bounds, epsilon_map};
use super::config::{ConfigError, PerturbConfig, Sparse, Start};
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
        /// `direction`, `gradient` or `logits`.
        tensor: &'static str,
        /// Numbers it should have.
        expected: usize,
        /// Numbers it has.
        found: usize,
    },
    /// The configuration begins with a generator, and there is none.
    #[error("there is no generator to begin with")]
    NoGenerator,
    /// A generator replied with NaN or infinity.
    #[error("the generator's reply is not finite")]
    DirectionNotFinite,
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
/// `image`. Asks for `config.steps` gradients, and for a direction where `config.start` says so; the rest takes a few
/// milliseconds.
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
    let strokes = strokes_of(mask);
    let glyphs = label.as_str().len();
    let mut ascent = Ascent::new(to_unit(image), epsilon_map(config.budget, &strokes, glyphs), config);
    let mut weights = insertion::outside_text(&config.insertion, TextBox::of(&strokes));

    model.begin(image.iter().map(|&level| u32::from(level)).sum());
    if config.start == Start::Generator {
        let direction = model.direction(&ascent.input()).map_err(PerturbError::Model)?;
        let direction = direction.ok_or(PerturbError::NoGenerator)?;
        check_len("direction", direction.len(), MODEL_PIXELS)?;
        if !direction.iter().all(|v| v.is_finite()) {
            return Err(PerturbError::DirectionNotFinite);
        }
        ascent.step(&direction);
    }
    let mut blanks_are_known = false;
    for step in 0..config.steps {
        let reply = model
            .gradient(&ascent.input(), label, &weights)
            .map_err(PerturbError::Model)?;
        check_reply(&reply, step)?;
        ascent.step(&reply.image);
        // Of an ensemble, by whoever tells first: the earlier, the less the picture has changed.
        if let Some(logits) = reply.logits.filter(|_| !blanks_are_known) {
            insertion::add_blank_frames(&config.insertion, &logits, &mut weights);
            blanks_are_known = true;
        }
    }
    let pixels = ascent.softened();
    let (image, strength) = match &config.gate {
        Some(gate) => gate.apply(&ascent.original, &pixels, &strokes, glyphs),
        None => (to_image(&pixels), Strength::Full),
    };
    Ok(Perturbed { image, strength })
}

/// Which pixels of a mask are strokes.
pub(super) fn strokes_of(mask: &GrayImage) -> Vec<bool> {
    mask.as_raw().iter().map(|&level| level > 127).collect()
}

/// A picture on its way up.
struct Ascent {
    /// As it was, `[60 * 200]`.
    original: Vec<f32>,
    /// As it would be if the perturbation were not blurred.
    pixels: Vec<f32>,
    epsilon: Vec<f32>,
    bounds: Bounds,
    softness: Gaussian,
    blur: Gaussian,
    momentum: Momentum,
    step_size: f32,
    /// Placed where the first movement is largest, then gone.
    sparse: Option<Sparse>,
}

impl Ascent {
    #[expect(clippy::cast_precision_loss, reason = "at most 1001")]
    fn new(original: Vec<f32>, epsilon: Vec<f32>, config: &PerturbConfig) -> Self {
        Self {
            bounds: Bounds::around(&original, &epsilon),
            pixels: original.clone(),
            original,
            epsilon,
            softness: Gaussian::new(config.softness_px),
            blur: Gaussian::new(config.gradient_blur_px),
            momentum: Momentum::new(config.momentum, PIXELS),
            step_size: config.step_size / config.movements() as f32,
            sparse: config.sparse,
        }
    }

    /// As a model sees it, `[30 * 100]`.
    fn input(&mut self) -> Vec<f32> {
        model_input(&self.softened())
    }

    /// As it is, `[60 * 200]`: where the blur carries more movement than a pixel may have, it stops at the bound.
    fn softened(&mut self) -> Vec<f32> {
        if self.softness.is_none() {
            return self.pixels.clone();
        }
        let mut movement: Vec<f32> = self.pixels.iter().zip(&self.original).map(|(p, o)| p - o).collect();
        self.softness.apply(&mut movement);
        let moved = self.original.iter().zip(movement).zip(self.bounds.iter());
        moved.map(|((o, m), (low, high))| (o + m).max(low).min(high)).collect()
    }

    /// One movement along a gradient or a direction, `[30 * 100]`.
    fn step(&mut self, direction: &[f32]) {
        let mut gradient = pull_back(direction);
        // The kernel is symmetric, so the blur is its own vjp; what the bounds cut is passed through.
        self.softness.apply(&mut gradient);
        self.blur.apply(&mut gradient);
        self.momentum.accumulate(&gradient);
        if let Some(few) = self.sparse.take() {
            sparse::raise(&few, &self.original, self.momentum.velocity(), &mut self.epsilon);
            self.bounds = Bounds::around(&self.original, &self.epsilon);
        }
        let velocity = self.momentum.velocity();
        ascend(&mut self.pixels, velocity, &self.epsilon, self.step_size, &self.bounds);
    }
}

fn check_size<E: core::error::Error>(image: &GrayImage) -> Result<(), PerturbError<E>> {
    match image.dimensions() {
        (WIDTH, HEIGHT) => Ok(()),
        (width, height) => Err(PerturbError::Size { width, height }),
    }
}

fn check_len<E: core::error::Error>(
    tensor: &'static str,
    found: usize,
    expected: usize,
) -> Result<(), PerturbError<E>> {
    if found == expected {
        return Ok(());
    }
    Err(PerturbError::Shape {
        tensor,
        expected,
        found,
    })
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
        check_len(tensor, found, expected)?;
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
