//! The stages that experiments are made of: base models, captchas, retraining, answers, fine-tuning, measurements. Each is
//! kept ([`Cache`]) under what it follows from.

mod pictures;
mod setting;
mod uncertainty;

use std::{
    num::NonZeroUsize,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use parallax_captcha::{
    perturb::{Member, PerturbConfig},
    text::{SCHEME_VERSION, Style, model_input},
};
use parallax_onnx::codec;
use serde::Serialize;

use super::{
    ExperimentError,
    cache::{Cache, digest},
    statistics::Share,
};
use crate::{
    attack::{Picture, Surrogate, perturbed_pictures},
    data::seeds::Stream,
    finetune::{self, FinetuneConfig, FinetuneReport, Query},
    interrupt,
    models::{Reading, Recognizer},
    preprocess::Preprocess,
    runtime::SessionConfig,
    train::{self, Observer, Outcome, RunConfig, StepReport, TrainConfig},
    zoo::{Architecture, Model, Weights},
};

pub use setting::Setting;

use pictures::{pack, unpack};
use uncertainty::most_uncertain_first;

/// Raised when the code of a stage changes what comes of it: older results are then not used any more.
const VERSION: u32 = 3;

/// What solvers do to a picture before they read it, in every measurement.
pub const PREPROCESSING: [Preprocess; 5] = [
    Preprocess::None,
    Preprocess::Otsu,
    Preprocess::Median,
    Preprocess::Jpeg,
    Preprocess::Gaussian,
];

/// Where experiments are made.
#[derive(Debug)]
pub struct Lab {
    cache: Cache,
    /// Of one repetition.
    session: SessionConfig,
    /// Repetitions at a time.
    jobs: usize,
    /// For base models: the repetitions wait for them.
    all_threads: usize,
    started: Instant,
    /// Stages that were made, not found.
    made: AtomicUsize,
}

/// A trained model.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// Which.
    pub architecture: Architecture,
    /// Its `recognizer.onnx`.
    pub recognizer: Vec<u8>,
}

/// Captchas, perturbed.
#[derive(Debug, Clone, PartialEq)]
pub struct Images {
    digest: String,
    /// In the order of their seeds.
    pub pictures: Vec<Picture>,
}

/// Success on captchas, for each of [`PREPROCESSING`].
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
pub struct Success {
    /// Name of the filter, and the success after it.
    pub by_preprocess: Vec<(String, Share)>,
}

impl Success {
    /// Without any filter.
    #[must_use]
    pub fn raw(&self) -> Share {
        self.by_preprocess.first().map(|(_, share)| *share).unwrap_or_default()
    }

    /// The best filter's name, and the success after it.
    #[must_use]
    pub fn best(&self) -> (&str, Share) {
        let best = self.by_preprocess.iter().rev().max_by_key(|(_, share)| share.success);
        best.map_or(("none", Share::default()), |(name, share)| (name, *share))
    }
}

impl Trained {
    fn digest(&self) -> String {
        digest(&self.recognizer)
    }

    fn load(&self) -> Result<(Model, Weights), ExperimentError> {
        let model = self.architecture.model()?;
        let graph = codec::decode(&self.recognizer).map_err(|error| ExperimentError::Cache(error.to_string()))?;
        let weights = model.weights_of(&graph)?;
        Ok((model, weights))
    }
}

impl Lab {
    /// With results in `cache`; `jobs` repetitions at a time share the threads of `session`.
    #[must_use]
    pub fn new(cache: Cache, session: SessionConfig, jobs: NonZeroUsize) -> Self {
        let threads = (session.threads / jobs).max(1);
        Self {
            cache,
            session: SessionConfig { threads, ..session },
            jobs: jobs.get(),
            all_threads: session.threads,
            started: Instant::now(),
            made: AtomicUsize::new(0),
        }
    }

    /// Repetitions at a time.
    pub(super) fn jobs(&self) -> usize {
        self.jobs
    }

    /// Stages that were made in this run; the others were found.
    #[must_use]
    pub fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }

    /// Weights that were trained elsewhere are others.
    fn device(&self) -> String {
        self.session.device.to_string()
    }

    fn begin(&self, stage: &str) -> Result<(), ExperimentError> {
        if interrupt::requested() {
            return Err(ExperimentError::Interrupted);
        }
        self.made.fetch_add(1, Ordering::Relaxed);
        eprintln!("{:7.0} s  {stage}", self.started.elapsed().as_secs_f64());
        Ok(())
    }

    /// A model trained on clean captchas.
    ///
    /// # Errors
    /// [`ExperimentError`].
    pub fn base(&self, architecture: Architecture, style: &Style, samples: u64) -> Result<Trained, ExperimentError> {
        let session = SessionConfig {
            threads: self.all_threads,
            ..self.session
        };
        let config = TrainConfig {
            model: architecture.name().to_owned(),
            samples,
            seed: 1,
            batch: 64,
            learning_rate: 1e-3,
            warmup: 300,
            floor: 0.02,
            feature_steps: architecture.feature_steps(),
            cycles: 1,
            threads: session.threads,
            style: style.clone(),
            scheme_version: SCHEME_VERSION,
        };
        let recognizer = self.cache.get_or("base", &(VERSION, self.device(), &config), || {
            self.begin(&format!("{} learns from {samples} clean captchas", architecture.name()))?;
            let model = architecture.model()?;
            let folder = tempfile::TempDir::new()?;
            let run = RunConfig {
                state: folder.path().join("state"),
                session,
                save_every: u64::MAX,
                measure_every: u64::MAX,
                measure_on: 0,
                drawing_threads: 1,
            };
            match train::run(&model, &config, &run, None, &mut Quiet)? {
                Outcome::Finished(weights) => Ok(codec::encode(&model.recognizer(&weights)?)),
                Outcome::Stopped { .. } => Err(ExperimentError::Interrupted),
            }
        })?;
        Ok(Trained {
            architecture,
            recognizer,
        })
    }

    /// `count` captchas of a stream of their own, perturbed with `surrogates` in turns.
    ///
    /// # Errors
    /// [`ExperimentError`].
    pub fn images(
        &self,
        surrogates: &[Trained],
        setting: &Setting,
        seed: u64,
        count: usize,
    ) -> Result<Images, ExperimentError> {
        let digests: Vec<_> = surrogates.iter().map(Trained::digest).collect();
        let key = (VERSION, SCHEME_VERSION, digests, setting, seed, count);
        let bytes = self.cache.get_or("images", &key, || {
            self.begin(&format!("{count} captchas are perturbed"))?;
            let members = surrogates.iter().map(|surrogate| {
                let (model, weights) = surrogate.load()?;
                Ok(Member {
                    model: codec::encode(&model.attack(&weights)?),
                    weight: 1.0,
                })
            });
            let surrogate = Surrogate {
                members: members.collect::<Result<_, ExperimentError>>()?,
                config: setting.perturb.clone(),
                session: self.session,
            };
            let range = 0..count as u64;
            let pictures = perturbed_pictures(&surrogate, &setting.style, Stream::Experiment, seed, range)?;
            Ok::<_, ExperimentError>(pack(&pictures))
        })?;
        Ok(Images {
            digest: digest(&bytes),
            pictures: unpack(&bytes)?,
        })
    }

    /// `trained`, retrained on perturbed captchas whose texts are known, until what it reads of held-out ones rises no
    /// more.
    ///
    /// # Errors
    /// [`ExperimentError`].
    pub fn retrain(
        &self,
        trained: &Trained,
        images: &[&Images],
        setting: &Setting,
        seed: u64,
    ) -> Result<Trained, ExperimentError> {
        let config = FinetuneConfig {
            seed,
            learning_rate: 1e-3,
            lambda: finetune::Lambda::Fixed(0.5),
            most_looks: 60_000,
            patience: 6,
            original: setting.style.clone(),
            measured_originals: 100,
            ..FinetuneConfig::default()
        };
        let known = images.iter().flat_map(|images| &images.pictures);
        let queries = known.map(|picture| (picture, picture.label.classes(), 1.0)).collect();
        Ok(self.finetuned("retrained", trained, images, queries, &config)?.0)
    }

    /// `trained`, fine-tuned on `answers` to captchas; empty answers and those that no model could give are left out, and
    /// without any others it stays as it is.
    ///
    /// # Errors
    /// [`ExperimentError`].
    pub fn finetune(
        &self,
        trained: &Trained,
        images: &Images,
        answers: &[Answer],
        config: &FinetuneConfig,
    ) -> Result<Trained, ExperimentError> {
        let queries = images.pictures.iter().zip(answers).filter_map(|(picture, answer)| {
            let classes = finetune::answer_classes(&answer.text).ok()?;
            Some((picture, classes, answer.weight))
        });
        let queries: Vec<_> = queries.collect();
        if queries.is_empty() {
            return Ok(trained.clone());
        }
        Ok(self.finetuned("finetuned", trained, &[images], queries, config)?.0)
    }

    fn finetuned(
        &self,
        stage: &str,
        trained: &Trained,
        images: &[&Images],
        queries: Vec<(&Picture, Vec<usize>, f32)>,
        config: &FinetuneConfig,
    ) -> Result<(Trained, FinetuneReport), ExperimentError> {
        let digests: Vec<_> = images.iter().map(|images| &images.digest).collect();
        let answers: Vec<_> = queries.iter().map(|(_, classes, weight)| (classes, weight)).collect();
        let key = (
            VERSION,
            trained.digest(),
            digests,
            answers,
            config,
            (self.device(), self.session.threads),
        );
        let bytes = self.cache.get_or(stage, &key, || {
            self.begin(&format!(
                "{} learns from {} queries",
                trained.architecture.name(),
                queries.len()
            ))?;
            let (model, weights) = trained.load()?;
            let queries: Vec<_> = queries
                .iter()
                .enumerate()
                .map(|(number, (picture, classes, weight))| Query {
                    picture: number,
                    image: model_input(&picture.image).into(),
                    classes: classes.clone(),
                    weight: *weight,
                    source: None,
                    right: None,
                })
                .collect();
            let outcome = finetune::finetune(&model, &weights, &queries, config, self.session, None, &mut Quiet)?;
            let finetune::Outcome::Finished(tuned) = outcome else {
                return Err(ExperimentError::Interrupted);
            };
            let report = serde_json::to_vec(&tuned.report)?;
            let length = u32::try_from(report.len()).unwrap_or(u32::MAX).to_le_bytes();
            let recognizer = codec::encode(&model.recognizer(&tuned.weights)?);
            Ok::<_, ExperimentError>([length.as_slice(), &report, &recognizer].concat())
        })?;
        let damaged = || ExperimentError::Cache("a fine-tuned model is damaged".to_owned());
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
        let (report, recognizer) = rest
            .split_at_checked(u32::from_le_bytes(*length) as usize)
            .ok_or_else(damaged)?;
        let trained = Trained {
            architecture: trained.architecture,
            recognizer: recognizer.to_vec(),
        };
        Ok((trained, serde_json::from_slice(report)?))
    }

    /// The captchas about which `committee` disagrees and is unsure first.
    ///
    /// # Errors
    /// [`ExperimentError`].
    pub fn by_uncertainty(&self, committee: &[Trained], images: &Images) -> Result<Images, ExperimentError> {
        let members: Vec<_> = committee.iter().map(Trained::digest).collect();
        let order = self
            .cache
            .get_or("uncertainty", &(VERSION, members, &images.digest), || {
                self.begin("a committee looks at the captchas")?;
                let mut readings = Vec::new();
                for member in committee {
                    readings.push(readings_of(member, &images.pictures, self.session)?);
                }
                Ok::<_, ExperimentError>(serde_json::to_vec(&most_uncertain_first(&readings))?)
            })?;
        let order: Vec<usize> = serde_json::from_slice(&order)?;
        let pictures: Vec<_> = order
            .into_iter()
            .filter_map(|index| images.pictures.get(index).cloned())
            .collect();
        Ok(Images {
            digest: digest(&pack(&pictures)),
            pictures,
        })
    }

    /// What a solver reads in captchas, without any filter.
    ///
    /// # Errors
    /// [`ExperimentError`].
    pub fn answers(&self, solver: &Trained, images: &Images) -> Result<Vec<String>, ExperimentError> {
        let bytes = self
            .cache
            .get_or("answers", &(VERSION, solver.digest(), &images.digest), || {
                self.begin(&format!("{} answers", solver.architecture.name()))?;
                let read = read(solver, &images.pictures, Preprocess::None, self.session)?;
                Ok::<_, ExperimentError>(serde_json::to_vec(&read)?)
            })?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// How many captchas a solver reads right.
    ///
    /// # Errors
    /// [`ExperimentError`].
    pub fn success(&self, solver: &Trained, images: &Images) -> Result<Success, ExperimentError> {
        let key = (
            VERSION,
            solver.digest(),
            &images.digest,
            PREPROCESSING.map(|filter| filter.to_string()),
        );
        let bytes = self.cache.get_or("success", &key, || {
            self.begin(&format!("{} is measured", solver.architecture.name()))?;
            let measure = |filter: Preprocess| {
                let texts = read(solver, &images.pictures, filter, self.session)?;
                let right = texts.iter().zip(&images.pictures);
                let success = right.filter(|(text, picture)| *text == picture.label.as_str()).count();
                let count = images.pictures.len();
                Ok((filter.to_string(), Share { success, count }))
            };
            let by_preprocess = PREPROCESSING
                .map(measure)
                .into_iter()
                .collect::<Result<_, ExperimentError>>()?;
            Ok::<_, ExperimentError>(serde_json::to_vec(&Success { by_preprocess })?)
        })?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// The share of clean captchas that a model reads.
    ///
    /// # Errors
    /// [`ExperimentError`].
    pub fn clean(&self, solver: &Trained, style: &Style) -> Result<Share, ExperimentError> {
        let setting = Setting {
            style: style.clone(),
            perturb: PerturbConfig::default(),
        };
        let clean = self.images(&[], &setting.clean(), CLEAN_SEED, CLEAN)?;
        Ok(self.success(solver, &clean)?.raw())
    }
}

/// Clean captchas that are read to tell how well a model reads them, and their seed.
const CLEAN: usize = 500;
const CLEAN_SEED: u64 = 0x00c1_ea4e;

/// An answer to a captcha, and how sure it is that a machine gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// As it was typed.
    pub text: String,
    /// In `[0, 1]`.
    pub weight: f32,
}

fn readings_of(
    solver: &Trained,
    pictures: &[Picture],
    session: SessionConfig,
) -> Result<Vec<Reading>, ExperimentError> {
    let mut recognizer = Recognizer::new(&solver.recognizer, session)?;
    let mut readings = Vec::with_capacity(pictures.len());
    for chunk in pictures.chunks(100) {
        let inputs: Vec<_> = chunk.iter().map(|picture| model_input(&picture.image)).collect();
        readings.extend(recognizer.read(&inputs)?);
    }
    Ok(readings)
}

fn read(
    solver: &Trained,
    pictures: &[Picture],
    filter: Preprocess,
    session: SessionConfig,
) -> Result<Vec<String>, ExperimentError> {
    let mut recognizer = Recognizer::new(&solver.recognizer, session)?;
    let mut texts = Vec::with_capacity(pictures.len());
    for chunk in pictures.chunks(100) {
        let inputs: Vec<_> = chunk
            .iter()
            .map(|picture| model_input(&filter.apply(&picture.image)))
            .collect();
        texts.extend(recognizer.read(&inputs)?.into_iter().map(|reading| reading.text));
    }
    Ok(texts)
}

/// Watches for Ctrl-C; of fine-tuning it tells the course.
struct Quiet;

impl Observer for Quiet {
    fn step(&mut self, _: u64, _: StepReport) {}

    fn measured(&mut self, _: u64, _: f64) {}

    fn stop(&self) -> bool {
        interrupt::requested()
    }
}

impl finetune::Watch for Quiet {
    fn measured(&mut self, measured: &finetune::Measurement, steps: usize) {
        eprintln!(
            "           step {} of {steps}: lambda {:.2}, originals {:.3}, answers {:.3}",
            measured.step, measured.lambda, measured.accuracy, measured.agreement
        );
    }

    fn stop(&self) -> bool {
        interrupt::requested()
    }
}
