//! The stages that experiments are made of: base models, captchas, retraining, answers, fine-tuning, measurements. Each is
//! kept ([`Cache`]) under what it follows from.

use std::{cell::RefCell, time::Instant};

use image::GrayImage;
use parallax_captcha::{
    alphabet::{CLASSES, Label},
    perturb::{Budget, Epsilon, PerturbConfig},
    text::{HEIGHT, SCHEME_VERSION, Style, WIDTH, model_input},
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

/// Raised when the code of a stage changes what comes of it: older results are then not used any more.
const VERSION: u32 = 1;

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
    session: SessionConfig,
    started: Instant,
    /// Stages that were made, not found.
    made: RefCell<usize>,
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

/// How captchas look and are perturbed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// How they look.
    pub style: Style,
    /// How they are perturbed.
    pub perturb: PerturbConfig,
}

impl Setting {
    /// What visitors get.
    #[must_use]
    pub fn product() -> Self {
        Self {
            style: Style::default(),
            perturb: PerturbConfig::default(),
        }
    }

    /// The same captchas, not perturbed; no surrogate is needed.
    #[must_use]
    pub fn clean(&self) -> Self {
        Self {
            style: self.style.clone(),
            perturb: PerturbConfig {
                budget: Budget::Uniform { epsilon: Epsilon::ZERO },
                sparse: None,
                steps: 1,
                ..PerturbConfig::default()
            },
        }
    }

    /// The paper's budget on black and white.
    #[must_use]
    pub fn paper() -> Self {
        Self {
            style: Style::paper(),
            perturb: PerturbConfig::paper(),
        }
    }
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
    /// With results in `cache`, run as `session` says.
    #[must_use]
    pub fn new(cache: Cache, session: SessionConfig) -> Self {
        Self {
            cache,
            session,
            started: Instant::now(),
            made: RefCell::new(0),
        }
    }

    /// Stages that were made in this run; the others were found.
    #[must_use]
    pub fn made(&self) -> usize {
        *self.made.borrow()
    }

    fn begin(&self, stage: &str) -> Result<(), ExperimentError> {
        if interrupt::requested() {
            return Err(ExperimentError::Interrupted);
        }
        *self.made.borrow_mut() += 1;
        eprintln!("{:7.0} s  {stage}", self.started.elapsed().as_secs_f64());
        Ok(())
    }

    /// A model trained on clean captchas.
    ///
    /// # Errors
    /// [`ExperimentError`].
    pub fn base(&self, architecture: Architecture, style: &Style, samples: u64) -> Result<Trained, ExperimentError> {
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
            threads: self.session.threads,
            style: style.clone(),
            scheme_version: SCHEME_VERSION,
        };
        let recognizer = self.cache.get_or("base", &(VERSION, &config), || {
            self.begin(&format!("{} learns from {samples} clean captchas", architecture.name()))?;
            let model = architecture.model()?;
            let folder = tempfile::TempDir::new()?;
            let run = RunConfig {
                state: folder.path().join("state"),
                session: self.session,
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

    /// `count` captchas of a stream of their own, perturbed with `surrogates`.
    ///
    /// # Errors
    /// [`ExperimentError`].
    pub fn images(
        &self,
        surrogates: &[&Trained],
        setting: &Setting,
        seed: u64,
        count: usize,
    ) -> Result<Images, ExperimentError> {
        let digests: Vec<_> = surrogates.iter().map(|surrogate| surrogate.digest()).collect();
        let key = (VERSION, SCHEME_VERSION, digests, setting, seed, count);
        let bytes = self.cache.get_or("images", &key, || {
            self.begin(&format!("{count} captchas are perturbed"))?;
            let graphs = surrogates.iter().map(|surrogate| {
                let (model, weights) = surrogate.load()?;
                Ok(codec::encode(&model.attack(&weights)?))
            });
            let surrogate = Surrogate {
                graphs: graphs.collect::<Result<_, ExperimentError>>()?,
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
            self.session.threads,
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
                .map(|(picture, classes, weight)| Query {
                    image: model_input(&picture.image),
                    classes: classes.clone(),
                    weight: *weight,
                })
                .collect();
            let mut watch = |measured: &finetune::Measurement, steps: usize| {
                eprintln!(
                    "           step {} of {steps}: lambda {:.2}, originals {:.3}, answers {:.3}",
                    measured.step, measured.lambda, measured.accuracy, measured.agreement
                );
                !interrupt::requested()
            };
            let tuned = finetune::finetune(&model, &weights, &queries, config, self.session, &mut watch)?;
            if interrupt::requested() {
                return Err(ExperimentError::Interrupted);
            }
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
    pub fn by_uncertainty(&self, committee: &[&Trained], images: &Images) -> Result<Images, ExperimentError> {
        let mut readings = Vec::new();
        for member in committee {
            readings.push(readings_of(member, &images.pictures, self.session)?);
        }
        let uncertainty = |index: usize| {
            let of_picture: Vec<&Reading> = readings.iter().filter_map(|all| all.get(index)).collect();
            uncertainty(&of_picture)
        };
        let mut order: Vec<_> = (0..images.pictures.len())
            .map(|index| (uncertainty(index), index))
            .collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let pictures: Vec<_> = order
            .into_iter()
            .filter_map(|(_, index)| images.pictures.get(index).cloned())
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

/// How far a committee is from one certain reading: the share of pairs that disagree, plus one, times one minus the mean
/// of the smallest margins. In `[0, 2]`.
fn uncertainty(readings: &[&Reading]) -> f64 {
    let pairs = readings.len() * readings.len().saturating_sub(1);
    let differ = |a: &&Reading| readings.iter().filter(|b| b.text != a.text).count();
    let disagreement = readings.iter().map(differ).sum::<usize>() as f64 / pairs.max(1) as f64;
    let margin = readings
        .iter()
        .map(|reading| smallest_margin(&reading.logits))
        .sum::<f64>()
        / readings.len().max(1) as f64;
    (1.0 + disagreement) * (1.0 - margin)
}

/// Over all frames, the smallest difference of the probabilities of the two likeliest classes.
fn smallest_margin(logits: &[f32]) -> f64 {
    let margin = |frame: &[f32]| {
        let largest = frame.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let odds: Vec<f64> = frame.iter().map(|logit| f64::from(logit - largest).exp()).collect();
        let sum: f64 = odds.iter().sum();
        let second = odds.iter().fold([0.0; 2], |[first, second], odd| {
            if *odd > first {
                [*odd, first]
            } else {
                [first, second.max(*odd)]
            }
        });
        (second[0] - second[1]) / sum
    };
    logits.chunks_exact(CLASSES).map(margin).fold(1.0, f64::min)
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

/// Bytes of a label, zeros behind its end.
const LABEL: usize = 8;
const PIXELS: usize = (WIDTH * HEIGHT) as usize;

fn pack(pictures: &[Picture]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(pictures.len() * (LABEL + PIXELS));
    for picture in pictures {
        let mut label = [0; LABEL];
        for (place, byte) in label.iter_mut().zip(picture.label.as_str().bytes()) {
            *place = byte;
        }
        bytes.extend_from_slice(&label);
        bytes.extend_from_slice(picture.image.as_raw());
    }
    bytes
}

fn unpack(bytes: &[u8]) -> Result<Vec<Picture>, ExperimentError> {
    let damaged = || ExperimentError::Cache("a set of captchas is damaged".to_owned());
    if !bytes.len().is_multiple_of(LABEL + PIXELS) {
        return Err(damaged());
    }
    let picture = |bytes: &[u8]| {
        let (label, pixels) = bytes.split_at_checked(LABEL)?;
        let text = std::str::from_utf8(label).ok()?.trim_end_matches('\0');
        Some(Picture {
            image: GrayImage::from_raw(WIDTH, HEIGHT, pixels.to_vec())?,
            label: Label::new(text).ok()?,
        })
    };
    bytes
        .chunks(LABEL + PIXELS)
        .map(|bytes| picture(bytes).ok_or_else(damaged))
        .collect()
}

/// Watches a training for Ctrl-C only.
struct Quiet;

impl Observer for Quiet {
    fn step(&mut self, _: u64, _: StepReport) {}

    fn measured(&mut self, _: u64, _: f64) {}

    fn stop(&self) -> bool {
        interrupt::requested()
    }
}
