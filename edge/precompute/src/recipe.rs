//! How pictures are made here: style and perturbation, and the digest that keeps a set of one kind.

use parallax_captcha::{
    perturb::PerturbConfig,
    text::{SCHEME_VERSION, Style},
};
use parallax_edge_shared::{digest::Digest, image_set::Recipe};
use worker::Env;

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
    /// What visitors get, with as many gradients for a picture as the deployment's `GRADIENTS` says.
    ///
    /// # Errors
    /// [`Failure::Configuration`] when it is no number that makes sense.
    pub fn of(env: &Env) -> Result<Self, Failure> {
        let mut settings = Self::default();
        if let Some(steps) = number(env, "GRADIENTS", "GRADIENTS is no number")? {
            settings.perturb.steps = steps;
        }
        settings
            .perturb
            .validate()
            .map_err(|_| Failure::Configuration("GRADIENTS is not 1 to 1000"))?;
        Ok(settings)
    }

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

/// A variable of the deployment; `None` where it is absent.
///
/// # Errors
/// [`Failure::Configuration`] with `wrong` when it is no number.
pub fn number(env: &Env, name: &str, wrong: &'static str) -> Result<Option<u32>, Failure> {
    let Ok(text) = env.var(name) else {
        return Ok(None);
    };
    text.to_string()
        .parse()
        .map(Some)
        .map_err(|_| Failure::Configuration(wrong))
}

/// Names a recipe in a job, so that a set is not made half by one checkpoint and half by another.
///
/// # Errors
/// [`Failure::Json`].
pub fn digest(recipe: &Recipe) -> Result<Digest, Failure> {
    Ok(Digest::of(&serde_json::to_vec(recipe)?))
}
