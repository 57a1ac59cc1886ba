//! How much of its perturbation a picture kept.

use serde::{Deserialize, Serialize};

/// What the readability gate (`perturb::Gate`) left of a perturbation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// All.
    #[default]
    Full,
    /// As much as passes: with all of it the picture did not.
    Weakened,
    /// Nothing: not even with half of it did the picture pass.
    Plain,
}

/// How many pictures kept how much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strengths {
    /// [`Strength::Full`].
    pub full: u32,
    /// [`Strength::Weakened`].
    pub weakened: u32,
    /// [`Strength::Plain`].
    pub plain: u32,
}

impl FromIterator<Strength> for Strengths {
    fn from_iter<I: IntoIterator<Item = Strength>>(strengths: I) -> Self {
        let mut counts = Self::default();
        for strength in strengths {
            *match strength {
                Strength::Full => &mut counts.full,
                Strength::Weakened => &mut counts.weakened,
                Strength::Plain => &mut counts.plain,
            } += 1;
        }
        counts
    }
}
