//! Style and budget of an experiment's captchas.

use parallax_captcha::{
    perturb::{Budget, Epsilon, PerturbConfig},
    text::Style,
};
use serde::Serialize;

/// How captchas look and are perturbed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// How they look.
    pub style: Style,
    /// How they are perturbed.
    pub perturb: PerturbConfig,
}

impl Setting {
    /// What visitors get.
    #[must_use]
    pub fn product() -> Self {
        Self {
            style: Style::default(),
            perturb: PerturbConfig::default(),
        }
    }

    /// The same captchas, not perturbed; no surrogate is needed.
    #[must_use]
    pub fn clean(&self) -> Self {
        Self {
            style: self.style.clone(),
            perturb: PerturbConfig {
                budget: Budget::Uniform { epsilon: Epsilon::ZERO },
                sparse: None,
                steps: 1,
                ..PerturbConfig::default()
            },
        }
    }

    /// The paper's budget on black and white.
    #[must_use]
    pub fn paper() -> Self {
        Self {
            style: Style::paper(),
            perturb: PerturbConfig::paper(),
        }
    }
}
