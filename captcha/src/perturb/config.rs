//! What a perturbation may do, and how hard it tries.

use serde::{Deserialize, Serialize};

use super::readability::Gate;

/// How far a pixel may move, a share of the range from black to white, in `[0, 1]`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f32", into = "f32")]
pub struct Epsilon(f32);

impl Epsilon {
    /// No movement.
    pub const ZERO: Self = Self(0.0);
    /// Any movement.
    pub const ONE: Self = Self(1.0);

    /// `None` outside `[0, 1]`, NaN included.
    #[must_use]
    pub const fn new(radius: f32) -> Option<Self> {
        if radius >= 0.0 && radius <= 1.0 {
            Some(Self(radius))
        } else {
            None
        }
    }

    /// The radius.
    #[must_use]
    pub const fn get(self) -> f32 {
        self.0
    }
}

impl TryFrom<f32> for Epsilon {
    type Error = ConfigError;

    fn try_from(radius: f32) -> Result<Self, ConfigError> {
        Self::new(radius).ok_or(ConfigError { field: "epsilon" })
    }
}

impl From<Epsilon> for f32 {
    fn from(epsilon: Epsilon) -> Self {
        epsilon.get()
    }
}

/// The L-infinity budget of each pixel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Budget {
    /// Little on and beside strokes, more in the ground, little again far from the text.
    Stroke {
        /// On strokes, in the openings of glyphs, and further than `2 * ramp_px` outside the text's box.
        near: Epsilon,
        /// At `ramp_px` from the glyphs.
        far: Epsilon,
        /// Pixels over which it rises smoothly from `near` to `far`, and falls again.
        ramp_px: f32,
    },
    /// The same everywhere, as in CCS 2020, "Text Captcha Is Dead?".
    Uniform {
        /// For every pixel.
        epsilon: Epsilon,
    },
}

/// An L0 budget on top of the L-infinity one.
///
/// How the paper's two budgets combine is not in our source. The reading here is their sum: `delta = dense + sparse`,
/// `|dense| <= epsilon` for every pixel, and `sparse` not zero for at most [`Sparse::pixels`] pixels of the 200 x 60
/// picture. The L0 attack alone is this with a uniform budget of 0; the mixture has both.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sparse {
    /// At most so many pixels.
    pub pixels: u32,
    /// They come as squares of this side, pixels: a median of 3 x 3 removes whatever is smaller than 3.
    pub block_px: u32,
    /// How much further they may move than their neighbours.
    pub epsilon: Epsilon,
}

/// Weights that keep letters from growing where there are none.
///
/// A recogniser is fooled as well by inserting letters as by changing them, and inserted letters are seen by people
/// too. Each weight is the reward, in nats of the objective, for a frame whose blank is certain.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InsertionPenalty {
    /// For frames left and right of the text's columns.
    pub outside: f32,
    /// For frames within the text that were blank before the perturbation.
    pub between: f32,
}

/// What the first movement follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// The first gradient.
    #[default]
    Gradient,
    /// A generator's direction, before the first gradient if there is any.
    Generator,
}

impl Start {
    fn is_gradient(&self) -> bool {
        *self == Self::Gradient
    }
}

fn sharp() -> f32 {
    0.0
}

/// Whether a blur may have this standard deviation, pixels: none, or wide enough for its kernel to have neighbours, and no wider
/// than a third of the picture's height.
#[must_use]
pub fn is_blur(sigma_px: f32) -> bool {
    sigma_px == 0.0 || (0.1..=20.0).contains(&sigma_px)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_sharp(softness_px: &f32) -> bool {
    *softness_px == 0.0
}

/// How to perturb.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PerturbConfig {
    /// How far each pixel may move.
    pub budget: Budget,
    /// A few pixels that may move further.
    pub sparse: Option<Sparse>,
    /// What the first movement follows.
    #[serde(skip_serializing_if = "Start::is_gradient")]
    pub start: Start,
    /// Gradients asked for, in `1..=1000`; also none after a generator.
    pub steps: u32,
    /// Length of one movement, as a multiple of `epsilon` over how many there are: with 1 a pixel reaches its budget if all
    /// have the same sign, with more it can also turn back.
    pub step_size: f32,
    /// Decay of the momentum (mu of Dong et al. 2018), in `[0, 1]`.
    pub momentum: f32,
    /// Standard deviation of the Gaussian that the perturbation itself is blurred with, pixels of the 200 x 60 picture; 0 is off,
    /// as in what was written before there was this field, whatever the default is. Low-frequency perturbations are Sharma, Ding and
    /// Brubaker's (2019); here they are for people. Eyes find letters by sharp outlines, and so see past a change that has
    /// none; gradients pass through the same blur.
    #[serde(default = "sharp", skip_serializing_if = "is_sharp")]
    pub softness_px: f32,
    /// Standard deviation of the Gaussian that the gradient is blurred with beside that (TI-FGSM, Dong et al. 2019), pixels; 0 is
    /// off.
    pub gradient_blur_px: f32,
    /// What keeps phantom letters away.
    pub insertion: InsertionPenalty,
    /// What a picture must keep; one that does not is perturbed less, or not at all. `None` lets all pass.
    pub gate: Option<Gate>,
}

/// A number of a [`PerturbConfig`] makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} is out of range")]
pub struct ConfigError {
    /// Which one.
    pub field: &'static str,
}

impl Default for PerturbConfig {
    /// What visitors get.
    fn default() -> Self {
        Self {
            budget: Budget::Stroke {
                near: Epsilon(0.12),
                far: Epsilon(0.22),
                ramp_px: 12.0,
            },
            sparse: None,
            start: Start::Gradient,
            steps: 10,
            step_size: 2.0,
            momentum: 1.0,
            softness_px: 1.1,
            gradient_blur_px: 0.0,
            insertion: InsertionPenalty {
                outside: 1.0,
                between: 0.25,
            },
            gate: Some(Gate::default()),
        }
    }
}

impl PerturbConfig {
    /// The paper's mixture of L-infinity 0.3 and L0 of 100 pixels, for black on white, with nothing of ours added.
    #[must_use]
    pub fn paper() -> Self {
        Self {
            budget: Budget::Uniform { epsilon: Epsilon(0.3) },
            sparse: Some(Sparse {
                pixels: 100,
                block_px: 5,
                epsilon: Epsilon::ONE,
            }),
            softness_px: 0.0,
            gradient_blur_px: 0.0,
            insertion: InsertionPenalty {
                outside: 0.0,
                between: 0.0,
            },
            gate: None,
            ..Self::default()
        }
    }

    /// This with `factor` times its budget, at most all of the range; a factor below 0 or NaN changes nothing.
    #[must_use]
    pub fn scaled(self, factor: f32) -> Self {
        let times = |epsilon: Epsilon| Epsilon::new((epsilon.get() * factor).min(1.0)).unwrap_or(epsilon);
        let budget = match self.budget {
            Budget::Stroke { near, far, ramp_px } => Budget::Stroke {
                near: times(near),
                far: times(far),
                ramp_px,
            },
            Budget::Uniform { epsilon } => Budget::Uniform {
                epsilon: times(epsilon),
            },
        };
        Self { budget, ..self }
    }

    /// How often the pixels move: once a gradient, and once for a generator.
    #[must_use]
    pub fn movements(&self) -> u32 {
        self.steps.saturating_add(u32::from(!self.start.is_gradient()))
    }

    /// Whether every number makes sense.
    ///
    /// # Errors
    /// [`ConfigError`] names the first field that does not.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let ramp_px = match self.budget {
            Budget::Stroke { ramp_px, .. } => ramp_px,
            Budget::Uniform { .. } => 0.0,
        };
        let checks = [
            ("ramp_px", (0.0..=100.0).contains(&ramp_px)),
            ("block_px", self.sparse.is_none_or(|s| (1..=60).contains(&s.block_px))),
            ("steps", self.steps <= 1000 && self.movements() > 0),
            ("step_size", self.step_size > 0.0 && self.step_size <= 1000.0),
            ("momentum", (0.0..=1.0).contains(&self.momentum)),
            ("softness_px", is_blur(self.softness_px)),
            ("gradient_blur_px", is_blur(self.gradient_blur_px)),
            ("insertion.outside", (0.0..=1000.0).contains(&self.insertion.outside)),
            ("insertion.between", (0.0..=1000.0).contains(&self.insertion.between)),
            ("gate", self.gate.is_none_or(|gate| gate.is_valid())),
        ];
        match checks.into_iter().find(|(_, holds)| !holds) {
            Some((field, _)) => Err(ConfigError { field }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
