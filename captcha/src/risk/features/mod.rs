//! Numbers that describe how a handle was moved, for the model to judge.
//!
//! All of them are invariant to scale, to mirroring and, as far as the coarser form of [`drag`] reaches, to how often a
//! device reports: the unit of length is how far the slide reached. Work is bounded by
//! [`Trace::MAX_SAMPLES`](crate::wire::Trace::MAX_SAMPLES), and hostile numbers give `None`, never a panic.
//!
//! The names stand in [`NAMES`], each with its formula where its group defines it. Sources: the list of features usual for
//! pointer biometrics (Antal and Egyed-Zsigmond 2019), smoothness after Balasubramanian et al. 2015, minimum jerk after
//! Flash and Hogan 1985.

mod drag;
mod height;
mod numbers;
mod path;
mod speed;
mod steps;
mod timing;

use drag::{Drag, Motion};

/// Which side of the movement a feature looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// When events came.
    Timing,
    /// Steps from event to event.
    Steps,
    /// Where the slide went.
    Path,
    /// The smoothed speed.
    Speed,
    /// What the hand does across.
    Height,
}

impl Group {
    /// All of them, in the order of their features.
    pub const ALL: [Self; 5] = [Self::Timing, Self::Steps, Self::Path, Self::Speed, Self::Height];

    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Timing => &timing::NAMES,
            Self::Steps => &steps::NAMES,
            Self::Path => &path::NAMES,
            Self::Speed => &speed::NAMES,
            Self::Height => &height::NAMES,
        }
    }

    /// The group of a feature.
    #[must_use]
    pub fn of(feature: usize) -> Self {
        let mut end = 0;
        let within = |group: &&Self| {
            end += group.names().len();
            feature < end
        };
        Self::ALL.iter().find(within).copied().unwrap_or(Self::Height)
    }
}

/// How many features there are.
pub const COUNT: usize =
    timing::NAMES.len() + steps::NAMES.len() + path::NAMES.len() + speed::NAMES.len() + height::NAMES.len();

/// Their names, in their order.
pub const NAMES: [&str; COUNT] = {
    let mut names = [""; COUNT];
    let (mut group, mut next) = (0, 0);
    while group < Group::ALL.len() {
        let of_group = Group::ALL[group].names();
        let mut index = 0;
        while index < of_group.len() {
            names[next] = of_group[index];
            next += 1;
            index += 1;
        }
        group += 1;
    }
    names
};

/// The features of a movement, in the order of [`NAMES`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Features(pub [f32; COUNT]);

impl Features {
    /// Measures `[x, y, t]` samples (any unit of length, milliseconds).
    ///
    /// `None` where they describe no movement: fewer than six events 20 ms apart that move, a reach below 8 units, less
    /// than 0.1 s, numbers that are not finite or beyond all proportion, more samples than a widget sends. Samples that
    /// run backwards in time are left out.
    #[must_use]
    pub fn of(samples: &[[f32; 3]]) -> Option<Self> {
        let drag = Drag::of(samples)?;
        let motion = Motion::of(&drag);
        let all = timing::values(&drag)
            .into_iter()
            .chain(steps::values(&drag))
            .chain(path::values(&drag))
            .chain(speed::values(&drag, &motion))
            .chain(height::values(&drag, &motion));
        let mut features = [0.0; COUNT];
        for (feature, value) in features.iter_mut().zip(all) {
            *feature = rounded(value);
        }
        Some(Self(features))
    }

    /// A feature by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f32> {
        let index = NAMES.iter().position(|known| *known == name)?;
        self.0.get(index).copied()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "what is beyond an f32 is clamped first")]
fn rounded(value: f64) -> f32 {
    if value.is_nan() {
        0.0
    } else {
        value.clamp(-1e6, 1e6) as f32
    }
}

#[cfg(test)]
mod tests;
