//! Perturbation: changes a picture within a budget so that a recogniser misreads it and people do not.
//!
//! The attack is MI-FGSM (Dong et al. 2018) on whatever implements [`GradientModel`]; no runtime is known here. One
//! concern a file: `budget` says how far each pixel may move, `sparse` places L0 blocks, `momentum` is the attack's
//! update, `ensemble` lets several models take turns, `amortised` has a generator say the first movement, `insertion` keeps
//! phantom letters from growing, `mask` finds strokes where nobody says where they are, `readability` weakens what people
//! could no longer read.
//!
//! What is returned is quantised to 8 bits and inside the budget as it is. Given the model's gradients every pixel is
//! reproducible bit by bit, in wasm as natively.
//!
//! ```
//! use image::{GrayImage, Luma};
//! use parallax_captcha::alphabet::Label;
//! use parallax_captcha::perturb::{Gradient, GradientModel, PerturbConfig, perturb};
//!
//! /// Reads brightness; the darker, the higher its loss.
//! struct Toy;
//!
//! impl GradientModel for Toy {
//!     type Error = std::convert::Infallible;
//!
//!     fn gradient(&mut self, image: &[f32], _: &Label, _: &[f32]) -> Result<Gradient, Self::Error> {
//!         let loss = -image.iter().sum::<f32>();
//!         Ok(Gradient { loss, image: vec![-1.0; image.len()], logits: None })
//!     }
//! }
//!
//! let image = GrayImage::from_pixel(200, 60, Luma([150]));
//! let mask = GrayImage::new(200, 60);
//! let perturbed = perturb(&mut Toy, &image, &mask, &Label::new("A2FK")?, &PerturbConfig::default())?;
//! assert!(perturbed.image.pixels().all(|p| p.0[0] < 150));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod amortised;
mod attack;
mod blur;
mod budget;
mod config;
mod distance;
mod ensemble;
mod grid;
mod hull;
mod insertion;
mod mask;
mod momentum;
mod readability;
mod sparse;

pub use amortised::{Amortised, Constraints, DirectionModel, constraints};
pub use attack::{PerturbError, Perturbed, perturb};
pub use config::{Budget, ConfigError, Epsilon, InsertionPenalty, PerturbConfig, Sparse, Start, is_blur};
pub use ensemble::{Ensemble, EnsembleError, Member};
pub use grid::{HEIGHT, MODEL_HEIGHT, MODEL_WIDTH, WIDTH};
pub use mask::estimate_mask;
pub use readability::{Gate, Readability};

use crate::alphabet::Label;

/// Time steps of a recogniser's output.
pub const FRAMES: usize = 25;

/// A recogniser that tells how its loss changes with its input.
pub trait GradientModel {
    /// Why a gradient could not be computed.
    type Error: core::error::Error + Send + Sync + 'static;

    /// Told before the first gradient of each picture, so that what a picture becomes does not depend on those before it. `sum` is
    /// that of the picture's levels, the same whenever the picture is: of pictures with many tones its remainders are as good as
    /// random, of two tones (a thresholded one) they are not. Who takes turns may begin there.
    fn begin(&mut self, sum: u32) {
        let _ = sum;
    }

    /// Loss and gradient at `image`.
    ///
    /// `image: [30 * 100]` row-major in `[0, 1]`; `frame_weights: [FRAMES * CLASSES]`, added to the objective as
    /// `sum(frame_weights * log_probabilities)`. The objective is what the attack makes large.
    ///
    /// # Errors
    /// Whatever the runtime says.
    fn gradient(&mut self, image: &[f32], label: &Label, frame_weights: &[f32]) -> Result<Gradient, Self::Error>;

    /// Where the first movement goes if a generator says it, `[30 * 100]`; `None` of a model without one. See
    /// [`Amortised`].
    ///
    /// # Errors
    /// Whatever the runtime says.
    fn direction(&mut self, image: &[f32]) -> Result<Option<Vec<f32>>, Self::Error> {
        let _ = image;
        Ok(None)
    }
}

/// What a [`GradientModel`] replies.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradient {
    /// The objective.
    pub loss: f32,
    /// d objective / d image, `[30 * 100]`.
    pub image: Vec<f32>,
    /// `[FRAMES * CLASSES]`, class 0 is the blank; `None` of a model whose scores do not stand for places in the picture.
    pub logits: Option<Vec<f32>>,
}
