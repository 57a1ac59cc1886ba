//! What a scoreboard holds, and how it stands against the goals.

use parallax_captcha::strength::Strengths;
use serde::{Deserialize, Serialize};

use super::{Adaptive, Legibility};
use crate::experiment::statistics::Share;

/// Success at most so, on the mean of the models that were not attacked and for the worst of them.
pub const GOALS: [f64; 2] = [0.05, 0.10];
/// Success at most so of a ready-made program.
pub const PROGRAM_GOAL: f64 = 0.05;

/// One solver against one configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Name of the configuration.
    pub configuration: String,
    /// [`Entrant::name`].
    pub solver: String,
    /// Whether the configuration attacks this very solver.
    pub is_attacked: bool,
    /// Success after each filter.
    pub by_preprocess: Vec<(String, Share)>,
    /// With the best filter: whether one of three captchas is read.
    pub three_tries: Share,
    /// Success of what most filters let it read.
    pub vote: Share,
}

impl Cell {
    /// The best filter and the success after it; the first of several.
    #[must_use]
    pub fn best(&self) -> (&str, Share) {
        let best = self.by_preprocess.iter().rev().max_by_key(|(_, share)| share.success);
        best.map_or(("none", Share::default()), |(name, share)| (name, *share))
    }
}

/// What a configuration is and costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Name of the configuration.
    pub configuration: String,
    /// The budget, as a multiple of the product's; `None` of one that is no point of that curve.
    pub factor: Option<f32>,
    /// The model of the checkpoint that it does without; see `Configuration::without`.
    pub without: Option<String>,
    /// Digests of the attack graphs.
    pub models: Vec<String>,
    /// Digest of the generator that says the first movement, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<String>,
    /// All its settings.
    pub perturb: serde_json::Value,
    /// Gradients for a captcha.
    pub gradients: u32,
    /// Milliseconds for a captcha on one thread of the CPU here, with its models loaded.
    pub milliseconds: f64,
    /// What the readability gate left of the perturbations; `None` where there were none, or no gate.
    pub strengths: Option<Strengths>,
    /// How readable the captchas are, after the gate where there is one.
    pub legibility: Legibility,
}

/// What a solver is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A model of the zoo.
    Model,
    /// Any program.
    Program,
}

/// A solver that takes part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entrant {
    /// Its name in the tables.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// What its answers follow from.
    pub digest: String,
    /// The command that trained it, or that runs it.
    pub command: String,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scoreboard {
    /// Of Parallax.
    pub version: String,
    /// Captchas in a cell.
    pub count: usize,
    /// Their seed.
    pub seed: u64,
    /// Of the drawing.
    pub scheme_version: u32,
    /// Who takes part.
    pub solvers: Vec<Entrant>,
    /// One for each configuration.
    pub costs: Vec<Cost>,
    /// All solvers of a configuration, then those of the next.
    pub cells: Vec<Cell>,
    /// The attacker that adapts, if there was one.
    pub adaptive: Option<Adaptive>,
}

/// Success of several solvers, with each one's best filter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// On the mean.
    pub mean: f64,
    /// Of the one that reads fewest.
    pub least: Share,
    /// Of the one that reads most.
    pub most: Share,
}

impl Standing {
    /// Of these cells; `None` of none.
    #[must_use]
    pub fn of(cells: &[&Cell]) -> Option<Self> {
        let best: Vec<Share> = cells.iter().map(|cell| cell.best().1).collect();
        Some(Self {
            mean: best.iter().map(|share| share.rate()).sum::<f64>() / best.len().max(1) as f64,
            least: best.iter().copied().min_by_key(|share| share.success)?,
            most: best.iter().copied().max_by_key(|share| share.success)?,
        })
    }
}

impl Scoreboard {
    /// The cells of a configuration.
    pub fn of<'a>(&'a self, cost: &'a Cost) -> impl Iterator<Item = &'a Cell> {
        let cells = self.cells.iter();
        cells.filter(|cell| cell.configuration == cost.configuration)
    }

    /// The programs that take part.
    pub fn programs(&self) -> impl Iterator<Item = &str> {
        self.solvers_of(Kind::Program)
    }

    fn solvers_of(&self, kind: Kind) -> impl Iterator<Item = &str> {
        let solvers = self.solvers.iter().filter(move |solver| solver.kind == kind);
        solvers.map(|solver| solver.name.as_str())
    }

    /// Whether no configuration attacks this solver.
    #[must_use]
    pub fn is_held_out(&self, solver: &str) -> bool {
        !self.cells.iter().any(|cell| cell.is_attacked && cell.solver == solver)
    }

    /// How models stand that no configuration attacks, so that rows compare.
    #[must_use]
    pub fn held_out(&self, cost: &Cost) -> Option<Standing> {
        let models: Vec<&str> = self.solvers_of(Kind::Model).collect();
        let held_out = |cell: &&Cell| models.contains(&cell.solver.as_str()) && self.is_held_out(&cell.solver);
        Standing::of(&self.of(cost).filter(held_out).collect::<Vec<_>>())
    }

    /// For each model, whatever it is, captchas that it did not help to make: those of the product, or those that were made
    /// without it. Empty unless there are some of every model.
    #[must_use]
    pub fn leave_one_out(&self) -> Vec<&Cell> {
        let of_product = |cost: &&Cost| cost.factor == Some(1.0);
        let (product, without): (Vec<_>, Vec<_>) = self
            .costs
            .iter()
            .filter(|cost| of_product(cost) || cost.without.is_some())
            .partition(|cost| of_product(cost));
        if without.is_empty() {
            return Vec::new();
        }
        let spared = |solver: &str| {
            let cells = product.iter().chain(&without).flat_map(|cost| self.of(cost));
            let mut own = cells.filter(|cell| cell.solver == solver);
            own.find(|cell| !cell.is_attacked)
        };
        let spared: Option<Vec<_>> = self.solvers_of(Kind::Model).map(spared).collect();
        spared.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_filter_is_the_first_of_equals() {
        let share = |success| Share { success, count: 10 };
        let cell = Cell {
            configuration: String::new(),
            solver: String::new(),
            is_attacked: false,
            by_preprocess: vec![
                ("none".into(), share(3)),
                ("otsu".into(), share(3)),
                ("median".into(), share(1)),
            ],
            three_tries: share(0),
            vote: share(0),
        };
        assert_eq!(cell.best().0, "none");
    }
}
