//! Fresh pictures with what their perturbation is held to, drawn ahead of time in the background.

use parallax_captcha::{
    perturb::{Constraints, constraints},
    text,
};

use crate::{
    data::{
        batches::Sample,
        seeds::{Stream, picture_seed},
    },
    experiment::Setting,
    parallel::Ordered,
};

/// Batches that each drawing thread may be ahead.
const AHEAD: usize = 8;

/// A picture and what its perturbation is held to.
#[derive(Debug, Clone, PartialEq)]
pub struct Constrained {
    /// The picture as it is drawn.
    pub sample: Sample,
    /// How far it may move, and where no letters may grow.
    pub constraints: Constraints,
}

/// Picture `index` of a run.
#[must_use]
pub fn constrained(setting: &Setting, seed: u64, index: u64) -> Constrained {
    let captcha = text::draw(&setting.style, picture_seed(Stream::Training, seed, index));
    Constrained {
        constraints: constraints(&captcha.mask, captcha.label.as_str().len(), &setting.perturb),
        sample: Sample {
            image: text::model_input(&captcha.image),
            label: captcha.label,
        },
    }
}

/// Endless batches of `batch` pictures from batch `first` on, the same however many threads draw.
#[must_use]
pub fn batches(setting: &Setting, seed: u64, batch: usize, first: u64, threads: usize) -> Ordered<Vec<Constrained>> {
    let setting = setting.clone();
    let draw = move |index: u64| {
        let start = index * batch as u64;
        let pictures = start..start + batch as u64;
        pictures.map(|n| constrained(&setting, seed, n)).collect()
    };
    Ordered::start(first..u64::MAX, AHEAD, vec![draw; threads.max(1)])
}
