//! Programs that move a handle: families of paths, each with its own parameters and its own noise, all seeded.
//!
//! A family draws a [`Curve`] on a dense clock; [`sampling`] turns it into a trace, by one of several habits of attackers.
//! [`Family::JUDGED`] are what the model is measured on, each left out of training in turn; [`Family::AUGMENTING`] only
//! ever train. No two families share their noise, nor judged ones the shape of their movements, so that what is left out
//! of training is unknown in every respect; about a third of every family has no noise at all, so that noise is not what
//! gives it away.

mod bezier;
mod borrowed;
mod chain;
mod curve;
mod eased;
mod linear;
mod lognormal;
mod minimum_jerk;
mod mixture;
mod overshoot;
mod replay;
pub mod sampling;
mod shuffled;
mod spring;
pub mod strokes;
mod wandering;

pub use curve::Curve;
pub use minimum_jerk::minimum_jerk;

use super::random::Random;
use sampling::{Pool, Sampling};

/// A family of generators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum)]
pub enum Family {
    /// Constant speed
    Linear,
    /// One of the easing functions of animation libraries
    Eased,
    /// A Bezier curve with random control points
    Bezier,
    /// The smoothest movement from rest to rest, with noise that grows with speed
    MinimumJerk,
    /// Beyond or short of the target, then corrections
    Overshoot,
    /// Strokes of lognormal speed, their parameters drawn from those fitted to people
    SigmaLognormal,
    /// Submovements of random sizes, signs and shapes; only trains
    Chain,
    /// Speed out of octaves of noise; only trains
    Wandering,
    /// A damped controller after a target that jumps; only trains
    Spring,
    /// Mixtures of distributions as progress, always forwards; only trains
    Mixture,
    /// A person's steps in another order; only trains
    Shuffled,
    /// A person's path through another clock; only trains
    Transplanted,
    /// The same, smoothed; only trains
    Smoothed,
    /// A person's trace again, jittered and stretched
    Replay,
}

impl Family {
    /// The parametric ones that figures are quoted for.
    pub const JUDGED: [Self; 6] = [
        Self::Linear,
        Self::Eased,
        Self::Bezier,
        Self::MinimumJerk,
        Self::Overshoot,
        Self::SigmaLognormal,
    ];
    /// Those that only train.
    pub const AUGMENTING: [Self; 7] = [
        Self::Chain,
        Self::Wandering,
        Self::Spring,
        Self::Mixture,
        Self::Shuffled,
        Self::Transplanted,
        Self::Smoothed,
    ];

    /// The name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Eased => "eased",
            Self::Bezier => "bezier",
            Self::MinimumJerk => "minimum-jerk",
            Self::Overshoot => "overshoot",
            Self::SigmaLognormal => "sigma-lognormal",
            Self::Chain => "chain",
            Self::Wandering => "wandering",
            Self::Spring => "spring",
            Self::Mixture => "mixture",
            Self::Shuffled => "shuffled",
            Self::Transplanted => "transplanted",
            Self::Smoothed => "smoothed",
            Self::Replay => "replay",
        }
    }

    /// A trace of this family with the geometry and the clock of people of `pool`.
    pub fn draw(self, sampling: Sampling, pool: &Pool, random: &mut Random) -> Vec<[f64; 3]> {
        match self {
            Self::Shuffled => shuffled::draw(pool, random),
            Self::Replay => replay::draw(pool, random),
            _ => sampling.render(|duration, random| self.curve(duration, pool, random), pool, random),
        }
    }

    /// The path on the dense clock; `duration` in milliseconds.
    fn curve(self, duration: f64, pool: &Pool, random: &mut Random) -> Curve {
        match self {
            Self::Eased => eased::curve(random),
            Self::Bezier => bezier::curve(random),
            Self::MinimumJerk => minimum_jerk::curve(duration, random),
            Self::Overshoot => overshoot::curve(duration, random),
            Self::SigmaLognormal => lognormal::curve(duration, &pool.strokes, random),
            Self::Chain => chain::curve(random),
            Self::Wandering => wandering::curve(random),
            Self::Spring => spring::curve(random),
            Self::Mixture => mixture::curve(random),
            Self::Transplanted => borrowed::transplanted(pool, random),
            Self::Smoothed => borrowed::smoothed(pool, random),
            Self::Linear | Self::Shuffled | Self::Replay => linear::curve(random),
        }
    }
}

#[cfg(test)]
mod tests;
