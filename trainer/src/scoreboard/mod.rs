//! Which attack fools which solver: every configuration against every solver after every filter, `parallax scoreboard`.
//!
//! A solver may be a checkpoint or any program ([`Solver`]). What is read is counted as the edge counts it: case and white
//! space do not matter, and look-alikes that are never drawn are taken for what is.

mod ablations;
mod adaptive;
mod board;
mod legibility;
mod race;
mod report;
mod set;
mod solver;

use std::time::Instant;

use parallax_captcha::{
    perturb::PerturbConfig,
    text::{SCHEME_VERSION, Style},
};

use crate::{
    attack::Gradients,
    experiment::{Cache, ExperimentError, Lab, digest, statistics::Share},
    interrupt,
    preprocess::Preprocess,
    runtime::SessionConfig,
};

use set::{Filtered, Set};

pub use ablations::ablations;
pub use adaptive::{Adaptive, Best, Point, Race};
pub use board::{Cell, Cost, Entrant, Kind, Scoreboard, Standing};
pub use legibility::{Figure, Legibility};
pub use race::adaptive_svg;
pub use report::{has_place, markdown, markers, svg, with_table};
pub use solver::{Solver, SolverError};

/// Captchas that wait for the one before, on the way through several threads.
const AHEAD: usize = 16;
/// Pictures that a visitor may try, a fresh one after each failure.
const TRIES: usize = 3;

/// How captchas are perturbed.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// Its name in the tables.
    pub name: String,
    /// What is attacked, if anything.
    pub gradients: Gradients,
    /// How.
    pub perturb: PerturbConfig,
    /// The budget, as a multiple of the product's; `None` of one that is no point of that curve.
    pub factor: Option<f32>,
    /// The model of the product's that it does without: solvers like that one are measured on captchas which it did not help
    /// to make.
    pub without: Option<String>,
}

/// What is measured on.
#[derive(Debug, Clone)]
pub struct Size {
    /// Captchas in a cell.
    pub count: usize,
    /// Seed of the captchas; every configuration has the same.
    pub seed: u64,
    /// How they look.
    pub style: Style,
}

/// Why there is no scoreboard.
#[derive(Debug, thiserror::Error)]
pub enum ScoreboardError {
    /// A stage.
    #[error(transparent)]
    Stage(#[from] ExperimentError),
    /// A solver.
    #[error(transparent)]
    Solver(#[from] SolverError),
}

impl From<crate::files::FilesError> for ScoreboardError {
    fn from(error: crate::files::FilesError) -> Self {
        Self::Stage(error.into())
    }
}

impl From<serde_json::Error> for ScoreboardError {
    fn from(error: serde_json::Error) -> Self {
        Self::Stage(error.into())
    }
}

/// Told before a stage that is not kept yet.
type Begin<'a> = dyn Fn(&str) -> Result<(), ExperimentError> + 'a;

/// Measures every cell, and runs the races of an attacker that adapts.
///
/// # Errors
/// [`ScoreboardError`]; what was done is kept in `cache`.
pub fn measure(
    configurations: &[Configuration],
    solvers: &[Solver],
    race: Option<(&Race, &Lab)>,
    size: &Size,
    cache: &Cache,
    session: SessionConfig,
) -> Result<Scoreboard, ScoreboardError> {
    let started = Instant::now();
    let begin = |stage: &str| {
        if interrupt::requested() {
            return Err(ExperimentError::Interrupted);
        }
        eprintln!("{:7.0} s  {stage}", started.elapsed().as_secs_f64());
        Ok(())
    };
    let (mut costs, mut cells) = (Vec::new(), Vec::new());
    for configuration in configurations {
        let set = Set::make(configuration, size, cache, session, &begin)?;
        let legibility = set.legibility(size, cache, session, &begin)?;
        costs.push(cost(configuration, &set, legibility)?);
        let mut rows = vec![Vec::new(); solvers.len()];
        for filter in <Preprocess as clap::ValueEnum>::value_variants() {
            let filtered = Filtered::new(&set, *filter);
            for (solver, row) in solvers.iter().zip(&mut rows) {
                row.push((filter.to_string(), filtered.texts(solver, cache, session, &begin)?));
            }
        }
        let rows = solvers.iter().zip(rows);
        cells.extend(rows.map(|(solver, texts)| cell(configuration, solver, &set, &texts)));
    }
    let adaptive = match race {
        Some((race, lab)) => Some(adaptive::races(race, lab, size, cache, session, &begin)?),
        None => None,
    };
    Ok(Scoreboard {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        count: size.count,
        seed: size.seed,
        scheme_version: SCHEME_VERSION,
        solvers: solvers.iter().map(Solver::entrant).collect(),
        costs,
        cells,
        adaptive,
    })
}

fn cost(configuration: &Configuration, set: &Set, legibility: Legibility) -> Result<Cost, ScoreboardError> {
    let members = configuration.gradients.members();
    Ok(Cost {
        configuration: configuration.name.clone(),
        factor: configuration.factor,
        without: configuration.without.clone(),
        models: members.iter().map(|member| digest(&member.model)).collect(),
        generator: configuration.gradients.generator().map(digest),
        perturb: serde_json::to_value(&configuration.perturb)?,
        gradients: match configuration.gradients {
            Gradients::None | Gradients::Noise => 0,
            Gradients::Of(_) | Gradients::Generator { .. } => configuration.perturb.steps,
        },
        milliseconds: set.milliseconds,
        strengths: match configuration.gradients {
            Gradients::None => None,
            Gradients::Noise | Gradients::Of(_) | Gradients::Generator { .. } => configuration
                .perturb
                .gate
                .is_some()
                .then(|| set.pictures.iter().map(|picture| picture.strength).collect()),
        },
        legibility,
    })
}

/// `texts`: for each filter its name, and what was read after it.
fn cell(configuration: &Configuration, solver: &Solver, set: &Set, texts: &[(String, Vec<String>)]) -> Cell {
    let right: Vec<_> = texts.iter().map(|(_, texts)| set.right(texts)).collect();
    let members = configuration.gradients.members();
    let names = texts.iter().map(|(name, _)| name.clone());
    let mut cell = Cell {
        configuration: configuration.name.clone(),
        solver: solver.name().to_owned(),
        is_attacked: members.iter().any(|member| solver.is_of(&member.model)),
        by_preprocess: names.zip(right.iter().map(|right| share(right))).collect(),
        three_tries: Share::default(),
        vote: share(&set.right(&votes(texts))),
    };
    let best = texts.iter().position(|(name, _)| name == cell.best().0);
    let best = best.and_then(|index| right.get(index));
    cell.three_tries = best.map(|right| tries(right)).unwrap_or_default();
    cell
}

/// For each captcha the text that most filters let it read; the first of several.
fn votes(texts: &[(String, Vec<String>)]) -> Vec<String> {
    let captchas = texts.iter().map(|(_, texts)| texts.len()).min().unwrap_or(0);
    let vote = |captcha: usize| {
        let read: Vec<&String> = texts.iter().filter_map(|(_, texts)| texts.get(captcha)).collect();
        let count = |text: &&&String| read.iter().filter(|other| other == text).count();
        // Of equals the last one is the most: the other way round it is the first.
        read.iter().rev().max_by_key(count).map(|text| (*text).clone())
    };
    (0..captchas).map(|captcha| vote(captcha).unwrap_or_default()).collect()
}

fn share(right: &[bool]) -> Share {
    Share {
        success: right.iter().filter(|right| **right).count(),
        count: right.len(),
    }
}

/// Of captchas in threes, those with one that is right.
fn tries(right: &[bool]) -> Share {
    let threes = right.chunks_exact(TRIES);
    Share {
        count: threes.len(),
        success: threes.filter(|three| three.contains(&true)).count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_tries_are_three_captchas() {
        let right = [true, false, false, false, false, false, false, true, true, true];
        let share = tries(&right);
        assert_eq!((share.success, share.count), (2, 3), "the tenth is no three");
    }

    #[test]
    fn most_filters_win_and_of_equals_the_first() {
        let texts = [
            ["AA", "AA", "AA"],
            ["2A", "2A", "2A"],
            ["2A", "3A", "2A"],
            ["AA", "EA", "2A"],
        ];
        let texts = texts.map(|read| ("filter".to_owned(), read.map(str::to_owned).to_vec()));
        assert_eq!(votes(&texts), ["AA", "AA", "2A"]);
        assert!(votes(&[]).is_empty());
    }
}
