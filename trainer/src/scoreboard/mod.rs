//! Which attack fools which solver: every configuration against every solver after every filter, `parallax scoreboard`.
//!
//! A solver may be a checkpoint or any program ([`Solver`]). What is read is counted as the edge counts it: case and white
//! space do not matter, and look-alikes that are never drawn are taken for what is.

mod adaptive;
mod report;
mod solver;

use std::{cell::OnceCell, time::Instant};

use image::GrayImage;
use parallax_captcha::{
    alphabet::normalise,
    perturb::PerturbConfig,
    strength::Strengths,
    text::{SCHEME_VERSION, Style},
};
use serde::{Deserialize, Serialize};

use crate::{
    attack::{Gradients, Picture, Surrogate, perturbed_pictures},
    data::seeds::Stream,
    experiment::{Cache, ExperimentError, Images, Lab, digest, pack, statistics::Share, unpack},
    interrupt,
    preprocess::Preprocess,
    runtime::{Device, SessionConfig},
};

pub use adaptive::{Adaptive, Best, Point, Race};
pub use report::{MARKERS, adaptive_svg, has_place, markdown, svg, with_table};
pub use solver::{Solver, SolverError};

/// Raised when code changes what comes of a stage: older results are then not used any more.
const VERSION: u32 = 2;
/// Captchas that are timed.
const TIMED: usize = 30;
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

/// One solver against one configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// [`Configuration::name`].
    pub configuration: String,
    /// [`Solver::name`].
    pub solver: String,
    /// Whether the configuration attacks this very solver.
    pub is_attacked: bool,
    /// Success after each filter.
    pub by_preprocess: Vec<(String, Share)>,
    /// With the best filter: whether one of three captchas is read.
    pub three_tries: Share,
}

impl Cell {
    /// The best filter and the success after it; the first of several.
    #[must_use]
    pub fn best(&self) -> (&str, Share) {
        let best = self.by_preprocess.iter().rev().max_by_key(|(_, share)| share.success);
        best.map_or(("none", Share::default()), |(name, share)| (name, *share))
    }
}

/// What a configuration costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// [`Configuration::name`].
    pub configuration: String,
    /// [`Configuration::factor`].
    pub factor: Option<f32>,
    /// Gradients for a captcha.
    pub gradients: u32,
    /// Milliseconds for a captcha on one thread of the CPU here, with its models loaded; `None` elsewhere.
    pub milliseconds: Option<f64>,
    /// What the readability gate left of the perturbations; `None` where there were none to judge.
    pub strengths: Option<Strengths>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scoreboard {
    /// Captchas in a cell.
    pub count: usize,
    /// Their seed.
    pub seed: u64,
    /// Of the drawing.
    pub scheme_version: u32,
    /// One for each configuration.
    pub costs: Vec<Cost>,
    /// All solvers of a configuration, then those of the next.
    pub cells: Vec<Cell>,
    /// The attacker that adapts, if there was one.
    pub adaptive: Option<Adaptive>,
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
        costs.push(Cost {
            configuration: configuration.name.clone(),
            factor: configuration.factor,
            gradients: match configuration.gradients {
                Gradients::None | Gradients::Noise => 0,
                Gradients::Of(_) => configuration.perturb.steps,
            },
            milliseconds: set.milliseconds,
            strengths: match configuration.gradients {
                Gradients::None => None,
                Gradients::Noise | Gradients::Of(_) => {
                    Some(set.pictures.iter().map(|picture| picture.strength).collect())
                }
            },
        });
        let mut rows: Vec<Vec<(String, Vec<bool>)>> = vec![Vec::new(); solvers.len()];
        for filter in <Preprocess as clap::ValueEnum>::value_variants() {
            let filtered = Filtered::new(&set, *filter);
            for (solver, row) in solvers.iter().zip(&mut rows) {
                row.push((filter.to_string(), filtered.right(solver, cache, session, &begin)?));
            }
        }
        cells.extend(
            solvers
                .iter()
                .zip(rows)
                .map(|(solver, row)| cell(configuration, solver, &row)),
        );
    }
    let adaptive = match race {
        Some((race, lab)) => Some(adaptive::races(race, lab, size, cache, session, &begin)?),
        None => None,
    };
    Ok(Scoreboard {
        count: size.count,
        seed: size.seed,
        scheme_version: SCHEME_VERSION,
        costs,
        cells,
        adaptive,
    })
}

/// `right`: for each filter its name, and which captchas were read right.
fn cell(configuration: &Configuration, solver: &Solver, right: &[(String, Vec<bool>)]) -> Cell {
    let mut cell = Cell {
        configuration: configuration.name.clone(),
        solver: solver.name().to_owned(),
        is_attacked: configuration
            .gradients
            .members()
            .iter()
            .any(|member| solver.is_of(&member.model)),
        by_preprocess: right.iter().map(|(name, right)| (name.clone(), share(right))).collect(),
        three_tries: Share::default(),
    };
    let best = right.iter().find(|(name, _)| name == cell.best().0);
    cell.three_tries = best.map(|(_, right)| tries(right)).unwrap_or_default();
    cell
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

/// The captchas of a configuration.
struct Set {
    digest: String,
    pictures: Vec<Picture>,
    milliseconds: Option<f64>,
}

type Begin<'a> = dyn Fn(&str) -> Result<(), ExperimentError> + 'a;

impl Set {
    fn of(images: Images) -> Self {
        Self {
            digest: images.digest().to_owned(),
            pictures: images.pictures,
            milliseconds: None,
        }
    }

    fn make(
        configuration: &Configuration,
        size: &Size,
        cache: &Cache,
        session: SessionConfig,
        begin: &Begin<'_>,
    ) -> Result<Self, ExperimentError> {
        let members: Vec<_> = configuration
            .gradients
            .members()
            .iter()
            .map(|member| (digest(&member.model), member.weight))
            .collect();
        let drawn = (SCHEME_VERSION, &size.style, size.seed, size.count);
        let key = (
            VERSION,
            matches!(configuration.gradients, Gradients::Noise),
            members,
            &configuration.perturb,
            drawn,
            session.device.to_string(),
        );
        let bytes = cache.get_or("scoreboard-images", &key, || {
            begin(&format!("{} captchas, {}", size.count, configuration.name))?;
            let surrogate = Surrogate {
                gradients: configuration.gradients.clone(),
                config: configuration.perturb.clone(),
                session,
            };
            let milliseconds = serde_json::to_vec(&milliseconds(&surrogate, size)?)?;
            let pictures = perturbed(&surrogate, size, size.count)?;
            Ok::<_, ExperimentError>(Cache::join(&[milliseconds, pack(&pictures)]))
        })?;
        let damaged = || ExperimentError::Cache("a set of captchas is damaged".to_owned());
        let [milliseconds, pictures] = Cache::split(&bytes)?.try_into().map_err(|_| damaged())?;
        Ok(Self {
            digest: digest(pictures),
            pictures: unpack(pictures)?,
            milliseconds: serde_json::from_slice(milliseconds)?,
        })
    }
}

fn perturbed(surrogate: &Surrogate, size: &Size, count: usize) -> Result<Vec<Picture>, ExperimentError> {
    let range = 0..count as u64;
    Ok(perturbed_pictures(
        surrogate,
        &size.style,
        Stream::Dataset,
        size.seed,
        range,
    )?)
}

/// Milliseconds for a captcha on one thread: what some take longer than one, so that loading the models is not counted.
fn milliseconds(surrogate: &Surrogate, size: &Size) -> Result<Option<f64>, ExperimentError> {
    if surrogate.session.device != Device::Cpu {
        return Ok(None);
    }
    let on_one_thread = Surrogate {
        session: SessionConfig {
            threads: 1,
            ..surrogate.session
        },
        ..surrogate.clone()
    };
    let seconds = |count| -> Result<f64, ExperimentError> {
        let start = Instant::now();
        perturbed(&on_one_thread, size, count)?;
        Ok(start.elapsed().as_secs_f64())
    };
    let (one, more) = (seconds(1)?, seconds(1 + TIMED)?);
    Ok(Some(((more - one) * 1e3 / TIMED as f64).max(0.0)))
}

/// The captchas of a set after a filter, made when the first solver asks for them.
struct Filtered<'a> {
    set: &'a Set,
    filter: Preprocess,
    images: OnceCell<Vec<GrayImage>>,
}

impl<'a> Filtered<'a> {
    fn new(set: &'a Set, filter: Preprocess) -> Self {
        Self {
            set,
            filter,
            images: OnceCell::new(),
        }
    }

    fn images(&self) -> &[GrayImage] {
        let filtered = |picture: &Picture| self.filter.apply(&picture.image);
        self.images
            .get_or_init(|| self.set.pictures.iter().map(filtered).collect())
    }

    /// Which captchas `solver` reads right.
    fn right(
        &self,
        solver: &Solver,
        cache: &Cache,
        session: SessionConfig,
        begin: &Begin<'_>,
    ) -> Result<Vec<bool>, ScoreboardError> {
        let key = (VERSION, &self.set.digest, solver.digest(), self.filter.to_string());
        let bytes = cache.get_or("scoreboard-texts", &key, || {
            begin(&format!("{} reads, {}", solver.name(), self.filter))?;
            let texts = solver.read(self.images(), session).map_err(|error| {
                // Ctrl-C ends a program that reads as well.
                match interrupt::requested() {
                    true => ScoreboardError::Stage(ExperimentError::Interrupted),
                    false => error.into(),
                }
            })?;
            Ok::<_, ScoreboardError>(serde_json::to_vec(&texts)?)
        })?;
        let texts: Vec<String> = serde_json::from_slice(&bytes)?;
        let pairs = texts.iter().zip(&self.set.pictures);
        Ok(pairs
            .map(|(text, picture)| normalise(text) == picture.label.as_str())
            .collect())
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
        };
        assert_eq!(cell.best().0, "none");
    }
}
