//! How pictures are made here: style and perturbation, and the digest that keeps a set of one kind.

use parallax_captcha::{
    perturb::PerturbConfig,
    text::{SCHEME_VERSION, Style},
};
use parallax_edge_shared::{digest::Digest, image_set::Recipe};

use crate::failure::Failure;

/// What visitors get.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// How captchas are drawn.
    pub style: Style,
    /// How they are perturbed.
    pub perturb: PerturbConfig,
}

impl Settings {
    /// These settings with the checkpoint whose gradients are used, as they are written into an index.
    ///
    /// # Errors
    /// [`Failure::Json`].
    pub fn recipe(&self, checkpoint: Digest) -> Result<Recipe, Failure> {
        Ok(Recipe {
            scheme_version: SCHEME_VERSION,
            checkpoint,
            style: serde_json::to_value(&self.style)?,
            perturb: serde_json::to_value(&self.perturb)?,
        })
    }
}

/// Names a recipe in a job, so that a set is not made half by one checkpoint and half by another.
///
/// # Errors
/// [`Failure::Json`].
pub fn digest(recipe: &Recipe) -> Result<Digest, Failure> {
    Ok(Digest::of(&serde_json::to_vec(recipe)?))
}
