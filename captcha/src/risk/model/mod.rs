//! The model of how people move a handle: gradient-boosted trees over [`Features`], calibrated to a probability.
//!
//! `parallax risk train` fits it. The one that ships here judges slides of the widget; the trainer has another for
//! recordings, because what devices report differs so much between the two that one model for both sees less in either.
//! Files are walked, not trusted: one that does not fit these features is refused ([`ModelError`]), and every byte of one
//! that does is in range.

mod bytes;

pub use bytes::ModelError;

use super::features::{COUNT, Features, Group};

/// Splits from a tree's root to its leaves.
pub const DEPTH: usize = 3;
const SPLITS: usize = (1 << DEPTH) - 1;
const LEAVES: usize = 1 << DEPTH;

/// A complete tree. The children of split `i` are `2i + 1`, left, and `2i + 2`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tree {
    /// A feature, and the last bin that goes left.
    pub splits: [(u8, u8); SPLITS],
    /// What is added to the log odds.
    pub leaves: [f32; LEAVES],
}

impl Tree {
    /// A split that sends everything to the left.
    pub const ALL_LEFT: (u8, u8) = (0, u8::MAX);

    /// What the leaf adds that a movement falls into, given the bin of each feature.
    pub fn leaf(&self, bin: impl Fn(usize) -> u8) -> f32 {
        let mut node = 0;
        for _ in 0..DEPTH {
            let (feature, last) = self.splits.get(node).copied().unwrap_or(Self::ALL_LEFT);
            node = 2 * node + 1 + usize::from(bin(usize::from(feature)) > last);
        }
        self.leaves.get(node - SPLITS).copied().unwrap_or(0.0)
    }
}

/// How log odds become a probability: `1 / (1 + exp(-(slope * log_odds + offset)))` (Platt 1999).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// Above 0.
    pub slope: f32,
    /// Includes the prior of a machine.
    pub offset: f32,
}

/// A model.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Between bins, rising, for each feature.
    edges: Vec<Vec<f32>>,
    trees: Vec<Tree>,
    intercept: f32,
    /// From log odds to the probability.
    pub calibration: Calibration,
    /// The bins of what people's features typically are: what a feature is compared with to say why.
    typical: [u8; COUNT],
}

/// What the model says of a slide.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Probability that a machine moved the handle.
    pub p_bot: f32,
    /// The log odds before calibration.
    pub log_odds: f32,
}

/// How much one side of a movement speaks for a machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contribution {
    /// Which side.
    pub group: Group,
    /// By how much the log odds would fall if it were as people's typically is.
    pub log_odds: f32,
}

impl Model {
    /// A model that is not calibrated yet.
    #[must_use]
    pub fn new(edges: Vec<Vec<f32>>, trees: Vec<Tree>, intercept: f32) -> Self {
        Self {
            edges,
            trees,
            intercept,
            calibration: Calibration {
                slope: 1.0,
                offset: 0.0,
            },
            typical: [0; COUNT],
        }
    }

    /// The same model, with the features of a typical person.
    #[must_use]
    pub fn with_typical(mut self, typical: &Features) -> Self {
        self.typical = self.bins(typical);
        self
    }

    /// The model for the widget that ships with this version. `None` only if the file does not fit the features, which a
    /// test excludes.
    #[must_use]
    pub fn shipped() -> Option<&'static Self> {
        static WIDGET: std::sync::LazyLock<Option<Model>> =
            std::sync::LazyLock::new(|| Model::from_bytes(include_bytes!("../../../models/widget.bin")).ok());
        WIDGET.as_ref()
    }

    /// What is said of a typical person.
    #[must_use]
    pub fn judge_typical(&self) -> Judgement {
        let log_odds = self.sum(&self.typical);
        Judgement {
            p_bot: self.probability(log_odds),
            log_odds,
        }
    }

    /// The probability, and what it comes of.
    #[must_use]
    pub fn judge(&self, features: &Features) -> Judgement {
        let log_odds = self.log_odds(features);
        Judgement {
            p_bot: self.probability(log_odds),
            log_odds,
        }
    }

    /// Log odds before calibration.
    #[must_use]
    pub fn log_odds(&self, features: &Features) -> f32 {
        self.sum(&self.bins(features))
    }

    /// The probability that log odds stand for.
    #[must_use]
    pub fn probability(&self, log_odds: f32) -> f32 {
        let Calibration { slope, offset } = self.calibration;
        1.0 / (1.0 + (-(slope * log_odds + offset)).exp())
    }

    /// What speaks most for a machine first; only what does.
    #[must_use]
    pub fn explain(&self, features: &Features) -> Vec<Contribution> {
        let bins = self.bins(features);
        let log_odds = self.sum(&bins);
        let without = |group: Group| {
            let mut changed = bins;
            for (feature, (bin, typical)) in changed.iter_mut().zip(&self.typical).enumerate() {
                if Group::of(feature) == group {
                    *bin = *typical;
                }
            }
            Contribution {
                group,
                log_odds: log_odds - self.sum(&changed),
            }
        };
        let mut contributions: Vec<Contribution> = Group::ALL.into_iter().map(without).collect();
        contributions.retain(|contribution| contribution.log_odds > 0.0);
        contributions.sort_by(|a, b| b.log_odds.total_cmp(&a.log_odds));
        contributions
    }

    /// How often each feature decides a split.
    #[must_use]
    pub fn uses(&self) -> [usize; COUNT] {
        let mut uses = [0; COUNT];
        for (feature, bin) in self.trees.iter().flat_map(|tree| tree.splits) {
            if let (Some(uses), true) = (uses.get_mut(usize::from(feature)), bin != u8::MAX) {
                *uses += 1;
            }
        }
        uses
    }

    fn sum(&self, bins: &[u8; COUNT]) -> f32 {
        self.trees.iter().fold(self.intercept, |sum, tree| {
            sum + tree.leaf(|feature| bins.get(feature).copied().unwrap_or(0))
        })
    }

    #[expect(clippy::cast_possible_truncation, reason = "fewer than 256 edges")]
    fn bins(&self, features: &Features) -> [u8; COUNT] {
        let mut bins = [0; COUNT];
        for ((bin, edges), value) in bins.iter_mut().zip(&self.edges).zip(&features.0) {
            *bin = edges.partition_point(|edge| edge < value) as u8;
        }
        bins
    }
}

#[cfg(test)]
mod tests;
