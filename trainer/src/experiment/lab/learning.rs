//! Stages that make a model: base models, retraining, fine-tuning.

use parallax_captcha::text::{SCHEME_VERSION, Style, model_input};
use parallax_onnx::codec;

use super::{Answer, Images, Lab, Setting, Trained, VERSION};
use crate::{
    attack::Picture,
    experiment::{Cache, ExperimentError},
    finetune::{self, FinetuneConfig, FinetuneReport, Query},
    interrupt,
    runtime::{SessionConfig, drawing_threads},
    train::{self, Observer, Outcome, RunConfig, StepReport, TrainConfig},
    zoo::Architecture,
};

impl Lab {
    /// A model trained on clean captchas: one of those given, or else made.
    ///
    /// # Errors
    /// [`ExperimentError`].
    pub fn base(&self, architecture: Architecture, style: &Style, samples: u64) -> Result<Trained, ExperimentError> {
        if let Some(given) = self.bases.iter().find(|base| base.architecture == architecture) {
            return Ok(given.clone());
        }
        let session = SessionConfig {
            threads: self.base_threads,
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
            filtered: false,
            perturb: None,
            scheme_version: SCHEME_VERSION,
            from: None,
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
                drawing_threads: drawing_threads(session.device),
            };
            match train::run(&model, &config, &run, None, &mut Quiet)? {
                Outcome::Finished(weights) => Ok(codec::encode(&model.recognizer(&weights)?)),
                Outcome::Stopped { .. } => Err(ExperimentError::Interrupted),
            }
        })?;
        Ok(Trained {
            architecture,
            recognizer,
            weight: 1.0,
        })
    }

    /// `trained`, retrained on perturbed captchas whose texts are known, until what it reads of held-out ones rises no more,
    /// or for twenty passes, two of more than 30,000 captchas, and 100 steps at least.
    ///
    /// # Errors
    /// [`ExperimentError`].
    pub fn retrain(
        &self,
        trained: &Trained,
        images: &[&Images],
        setting: &Setting,
        seed: u64,
    ) -> Result<(Trained, FinetuneReport), ExperimentError> {
        let config = FinetuneConfig {
            seed,
            learning_rate: 1e-3,
            lambda: finetune::Lambda::Fixed(0.5),
            most_looks: most_looks(images),
            most_passes: 20,
            patience: 6,
            original: setting.style.clone(),
            measured_originals: 100,
            ..self.learning()
        };
        let known = images.iter().flat_map(|images| &images.pictures);
        let queries = known.map(|picture| (picture, picture.label.classes(), 1.0)).collect();
        self.finetuned("retrained", trained, images, queries, &config)
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
            (VERSION, finetune::VERSION),
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
                .map(|(number, (picture, classes, weight))| query(number, picture, classes.clone(), *weight))
                .collect();
            let outcome = finetune::finetune(&model, &weights, &queries, config, self.session, None, &mut Quiet)?;
            let finetune::Outcome::Finished(tuned) = outcome else {
                return Err(ExperimentError::Interrupted);
            };
            let report = serde_json::to_vec(&tuned.report)?;
            let recognizer = codec::encode(&model.recognizer(&tuned.weights)?);
            Ok::<_, ExperimentError>(Cache::join(&[report, recognizer]))
        })?;
        let [report, recognizer] = Cache::split(&bytes)?
            .try_into()
            .map_err(|_| ExperimentError::Cache("a fine-tuned model is damaged".to_owned()))?;
        let trained = Trained {
            architecture: trained.architecture,
            recognizer: recognizer.to_vec(),
            weight: trained.weight,
        };
        Ok((trained, serde_json::from_slice(report)?))
    }
}

/// A machine's answer of no known source to the picture of this number.
pub(super) fn query(number: usize, picture: &Picture, classes: Vec<usize>, weight: f32) -> Query {
    Query {
        picture: number,
        image: model_input(&picture.image).into(),
        classes,
        weight,
        source: None,
        right: None,
    }
}
/// Looks of an attacker that retrains: at least two passes over all that it bought.
fn most_looks(images: &[&Images]) -> usize {
    let bought: usize = images.iter().map(|images| images.pictures.len()).sum();
    60_000.max(2 * bought)
}

/// Watches for Ctrl-C; of fine-tuning it tells the course.
pub(super) struct Quiet;

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
