//! The captchas of a configuration, and what a solver reads in them after a filter: both made once.

use std::{cell::OnceCell, sync::Arc, time::Instant};

use image::GrayImage;
use parallax_captcha::{alphabet::normalise, perturb::Gate, text::SCHEME_VERSION};

use super::{AHEAD, Begin, Configuration, Legibility, ScoreboardError, Size, Solver};
use crate::{
    attack::{Gradients, Picture, Surrogate, perturbed_pictures},
    data::seeds::Stream,
    experiment::{Cache, ExperimentError, Images, digest, pack, unpack},
    interrupt,
    parallel::Ordered,
    preprocess::Preprocess,
    runtime::SessionConfig,
};

/// Raised when code changes what comes of a stage: older results are then not used any more.
const VERSION: u32 = 4;
/// Captchas that are timed.
const TIMED: usize = 30;

/// The captchas of a configuration.
pub(super) struct Set {
    digest: String,
    pub(super) pictures: Arc<[Picture]>,
    pub(super) milliseconds: f64,
}

impl Set {
    pub(super) fn of(images: Images) -> Self {
        Self {
            digest: images.digest().to_owned(),
            pictures: images.pictures.into(),
            milliseconds: 0.0,
        }
    }

    pub(super) fn make(
        configuration: &Configuration,
        size: &Size,
        cache: &Cache,
        session: SessionConfig,
        begin: &Begin<'_>,
    ) -> Result<Self, ExperimentError> {
        let session = session.on_the_cpu();
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
            (members, configuration.gradients.generator().map(digest)),
            &configuration.perturb,
            drawn,
            session.device.to_string(),
        );
        let surrogate = Surrogate {
            gradients: configuration.gradients.clone(),
            config: configuration.perturb.clone(),
            session,
        };
        let pictures = cache.get_or("scoreboard-images", &key, || {
            begin(&format!("{} captchas, {}", size.count, configuration.name))?;
            Ok::<_, ExperimentError>(pack(&perturbed(&surrogate, size, size.count)?))
        })?;
        // By themselves: remove these files, and the same command times again what it does not make again.
        let milliseconds = cache.get_or("scoreboard-milliseconds", &key, || {
            Ok::<_, ExperimentError>(serde_json::to_vec(&milliseconds(&surrogate, size)?)?)
        })?;
        Ok(Self {
            digest: digest(&pictures),
            pictures: unpack(&pictures)?.into(),
            milliseconds: serde_json::from_slice(&milliseconds)?,
        })
    }

    /// How readable its captchas are, which are those of `size`.
    pub(super) fn legibility(
        &self,
        size: &Size,
        cache: &Cache,
        session: SessionConfig,
        begin: &Begin<'_>,
    ) -> Result<Legibility, ExperimentError> {
        let drawn = (SCHEME_VERSION, &size.style, size.seed);
        let key = (VERSION, &self.digest, drawn, Gate::default());
        let judged = cache.get_or("scoreboard-legibility", &key, || {
            begin("judging how readable they are")?;
            let legibility = Legibility::of(&self.pictures, size, session.threads);
            Ok::<_, ExperimentError>(serde_json::to_vec(&legibility)?)
        })?;
        Ok(serde_json::from_slice(&judged)?)
    }

    /// Which of `texts`, one for each captcha, are right.
    pub(super) fn right(&self, texts: &[String]) -> Vec<bool> {
        let pairs = texts.iter().zip(self.pictures.iter());
        pairs
            .map(|(text, picture)| normalise(text) == picture.label.as_str())
            .collect()
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
fn milliseconds(surrogate: &Surrogate, size: &Size) -> Result<f64, ExperimentError> {
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
    Ok(((more - one) * 1e3 / TIMED as f64).max(0.0))
}

/// The captchas of a set after a filter, made when the first solver asks for them.
pub(super) struct Filtered<'a> {
    set: &'a Set,
    filter: Preprocess,
    images: OnceCell<Vec<GrayImage>>,
}

impl<'a> Filtered<'a> {
    pub(super) fn new(set: &'a Set, filter: Preprocess) -> Self {
        Self {
            set,
            filter,
            images: OnceCell::new(),
        }
    }

    fn images(&self, threads: usize) -> &[GrayImage] {
        let filter = self.filter;
        let worker = || {
            let pictures = Arc::clone(&self.set.pictures);
            move |index: u64| Some(filter.apply(&pictures.get(index as usize)?.image))
        };
        let filtered = || {
            let workers = (0..threads).map(|_| worker());
            Ordered::start(0..self.set.pictures.len() as u64, AHEAD, workers)
                .flatten()
                .collect()
        };
        self.images.get_or_init(filtered)
    }

    /// What `solver` reads in each captcha, as the edge would take it.
    pub(super) fn texts(
        &self,
        solver: &Solver,
        cache: &Cache,
        session: SessionConfig,
        begin: &Begin<'_>,
    ) -> Result<Vec<String>, ScoreboardError> {
        let key = (VERSION, &self.set.digest, solver.digest(), self.filter.to_string());
        let bytes = cache.get_or("scoreboard-texts", &key, || {
            begin(&format!("{} reads, {}", solver.name(), self.filter))?;
            let texts = solver.read(self.images(session.threads), session).map_err(|error| {
                // Ctrl-C ends a program that reads as well.
                match interrupt::requested() {
                    true => ScoreboardError::Stage(ExperimentError::Interrupted),
                    false => error.into(),
                }
            })?;
            Ok::<_, ScoreboardError>(serde_json::to_vec(&texts)?)
        })?;
        let texts: Vec<String> = serde_json::from_slice(&bytes)?;
        Ok(texts.iter().map(|text| normalise(text)).collect())
    }
}
