//! Stages that read captchas: answers, success, and which ones a committee is unsure about.

use parallax_captcha::{
    perturb::PerturbConfig,
    text::{Style, model_input},
};
use serde::Serialize;

use super::{Images, Lab, Setting, Trained, VERSION, pictures::pack, uncertainty::most_uncertain_first};
use crate::{
    attack::Picture,
    experiment::{ExperimentError, cache::digest, statistics::Share},
    models::{Reading, Recognizer},
    preprocess::Preprocess,
    runtime::SessionConfig,
};

/// What solvers do to a picture before they read it, in every measurement.
pub const PREPROCESSING: [Preprocess; 5] = [
    Preprocess::None,
    Preprocess::Otsu,
    Preprocess::Median,
    Preprocess::Jpeg,
    Preprocess::Gaussian,
];

/// Raised when code changes what a committee is unsure about.
const UNCERTAINTY: u32 = 2;

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

impl Lab {
    /// The captchas about which `committee` disagrees and is unsure first.
    ///
    /// # Errors
    /// [`ExperimentError`].
    pub fn by_uncertainty(&self, committee: &[Trained], images: &Images) -> Result<Images, ExperimentError> {
        let members: Vec<_> = committee.iter().map(Trained::digest).collect();
        let order = self
            .cache
            .get_or("uncertainty", &(UNCERTAINTY, members, &images.digest), || {
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
