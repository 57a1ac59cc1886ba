//! The stages that experiments are made of: base models, captchas, retraining, answers, fine-tuning, measurements. Each is
//! kept ([`Cache`]) under what it follows from.

mod clusters;
mod learning;
mod measuring;
mod pictures;
mod setting;
mod uncertainty;

use std::{
    num::NonZeroUsize,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use parallax_captcha::{perturb::Member, text::SCHEME_VERSION};
use parallax_onnx::codec;

use super::{
    ExperimentError,
    cache::{Cache, digest},
};
use crate::{
    attack::{Gradients, Picture, Surrogate, perturbed_pictures},
    data::seeds::Stream,
    finetune::FinetuneConfig,
    interrupt,
    models::{Checkpoint, CheckpointError},
    runtime::SessionConfig,
    zoo::{Architecture, Model, Weights},
};

pub(super) use clusters::Heard;
pub use measuring::{PREPROCESSING, Success};
pub use setting::Setting;

pub(crate) use pictures::{pack, unpack};

/// Raised when the code of a stage changes what comes of it: older results are then not used any more.
const VERSION: u32 = 5;

/// Where experiments are made.
#[derive(Debug)]
pub struct Lab {
    cache: Cache,
    /// Of one repetition.
    session: SessionConfig,
    /// Repetitions at a time.
    jobs: NonZeroUsize,
    /// Threads for base models: the repetitions wait for them.
    base_threads: usize,
    /// Base models that need not be trained.
    bases: Vec<Trained>,
    /// How models learn, but for what experiments say.
    learning: FinetuneConfig,
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
    /// Its share of the gradients, where it is attacked beside others.
    pub weight: f32,
}

/// Captchas, perturbed.
#[derive(Debug, Clone, PartialEq)]
pub struct Images {
    digest: String,
    /// In the order of their seeds.
    pub pictures: Vec<Picture>,
}

impl Images {
    /// What tells them from other captchas.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Several sets as one.
    #[must_use]
    pub fn joined(sets: &[Self]) -> Self {
        let pictures: Vec<_> = sets.iter().flat_map(|set| set.pictures.iter().cloned()).collect();
        Self {
            digest: digest(&pack(&pictures)),
            pictures,
        }
    }
}

impl Trained {
    /// The models of a checkpoint, with their shares of the gradients.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn of_checkpoint(checkpoint: &Checkpoint) -> Result<Vec<Self>, CheckpointError> {
        let models = checkpoint.models()?.into_iter().zip(checkpoint.manifest().members());
        models
            .map(|(member, files)| {
                let (architecture, ..) = member.model;
                Ok(Self {
                    architecture,
                    recognizer: checkpoint.file(&files.recognizer)?,
                    weight: member.weight,
                })
            })
            .collect()
    }

    fn digest(&self) -> String {
        digest(&self.recognizer)
    }

    fn load(&self) -> Result<(Model, Weights), ExperimentError> {
        let model = self.architecture.model()?;
        let graph = codec::decode(&self.recognizer).map_err(|error| ExperimentError::Cache(error.to_string()))?;
        let weights = model.layout().weights_of(&graph)?;
        Ok((model, weights))
    }
}

impl Lab {
    /// With results in `cache`; `jobs` repetitions at a time, each as `session` says. Base models, for which they wait, have
    /// `base_threads`.
    #[must_use]
    pub fn new(cache: Cache, session: SessionConfig, jobs: NonZeroUsize, base_threads: usize) -> Self {
        Self {
            cache,
            session,
            jobs,
            base_threads,
            bases: Vec::new(),
            learning: FinetuneConfig::default(),
            started: Instant::now(),
            made: AtomicUsize::new(0),
        }
    }

    /// With base models that were trained elsewhere, on clean captchas of the style of whatever is measured.
    #[must_use]
    pub fn with_bases(self, bases: Vec<Trained>) -> Self {
        Self { bases, ..self }
    }

    /// With other settings of retraining and fine-tuning, as far as experiments do not say theirs.
    #[must_use]
    pub fn with_learning(self, learning: FinetuneConfig) -> Self {
        Self { learning, ..self }
    }

    /// How models learn, but for what experiments say.
    pub(super) fn learning(&self) -> FinetuneConfig {
        self.learning.clone()
    }

    /// Repetitions at a time.
    pub(super) fn jobs(&self) -> usize {
        self.jobs.get()
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
        let members: Vec<_> = surrogates.iter().map(|one| (one.digest(), one.weight)).collect();
        let key = (VERSION, SCHEME_VERSION, members, setting, seed, count);
        let bytes = self.cache.get_or("images", &key, || {
            self.begin(&format!("{count} captchas are perturbed"))?;
            let members = surrogates.iter().map(|surrogate| {
                let (model, weights) = surrogate.load()?;
                Ok(Member {
                    model: codec::encode(&model.attack(&weights)?),
                    weight: surrogate.weight,
                })
            });
            let members = members.collect::<Result<Vec<_>, ExperimentError>>()?;
            let surrogate = Surrogate {
                gradients: match members.as_slice() {
                    [] => Gradients::None,
                    _ => Gradients::Of(members),
                },
                config: setting.perturb.clone(),
                session: self.session.on_the_cpu(),
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
}

/// An answer to a captcha, and how sure it is that a machine gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// As it was typed.
    pub text: String,
    /// In `[0, 1]`.
    pub weight: f32,
}
