//! How pictures are made here: style and perturbation, and the digest that keeps a set of one kind.

use parallax_captcha::{
    perturb::{PerturbConfig, Start},
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
    /// What visitors get, with as many gradients for a picture as the deployment's `GRADIENTS` says; where its `GENERATOR` is
    /// `on` the checkpoint's generator goes before them.
    ///
    /// # Errors
    /// [`Failure::Configuration`] when they make no sense.
    pub fn of(env: &Env) -> Result<Self, Failure> {
        let mut settings = Self::default();
        let generator = env.var("GENERATOR").map(|text| text.to_string()).unwrap_or_default();
        settings.perturb.start = match generator.as_str() {
            "on" => Start::Generator,
            "" | "off" => Start::Gradient,
            _ => return Err(Failure::Configuration("GENERATOR is neither on nor off")),
        };
        if let Some(steps) = number(env, "GRADIENTS", "GRADIENTS is no number")? {
            settings.perturb.steps = steps;
        }
        settings
            .perturb
            .validate()
            .map_err(|_| Failure::Configuration("GRADIENTS is not 1 to 1000, or 0 where GENERATOR is on"))?;
        Ok(settings)
    }

    /// These settings for a solver without a generator: a gradient in its place, where there would be none. What was learned
    /// from an attacker yesterday is no reason to serve nothing today.
    #[must_use]
    pub fn without_generator(self) -> Self {
        let perturb = PerturbConfig {
            start: Start::Gradient,
            steps: self.perturb.steps.max(1),
            ..self.perturb
        };
        Self { perturb, ..self }
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
