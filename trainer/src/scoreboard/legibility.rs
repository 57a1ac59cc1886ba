//! How readable the captchas of a configuration are, by the gate's figures.

use std::sync::Arc;

use parallax_captcha::{
    perturb::{Gate, Readability},
    text,
};
use serde::{Deserialize, Serialize};

use super::{AHEAD, Size};
use crate::{
    attack::Picture,
    data::seeds::{Stream, picture_seed},
    experiment::statistics::Share,
    parallel::Ordered,
};

/// One figure of [`Readability`] over many captchas.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What it is, with the product's limit.
    pub name: String,
    /// Half of the captchas are no better.
    pub median: f32,
    /// The least readable captcha's.
    pub worst: f32,
}

/// The captchas of a configuration, judged as they would be served.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Legibility {
    /// Those of [`Readability`], in its order.
    pub figures: Vec<Figure>,
    /// Captchas that meet all of the product's limits.
    pub passed: Share,
}

impl Legibility {
    /// Of all the captchas of `size`, beside which `pictures` are drawn again as they were before they were perturbed.
    pub(super) fn of(pictures: &Arc<[Picture]>, size: &Size, threads: usize) -> Self {
        let shared = Arc::new((Arc::clone(pictures), size.style.clone(), size.seed));
        let worker = |_| {
            let shared = Arc::clone(&shared);
            move |index: u64| {
                let (pictures, style, seed) = shared.as_ref();
                let plain = text::draw(style, picture_seed(Stream::Dataset, *seed, index));
                let picture = pictures.get(index as usize)?;
                let glyphs = plain.label.as_str().len();
                Readability::of(&plain.image, &picture.image, &plain.mask, glyphs)
            }
        };
        let workers = (0..threads.max(1)).map(worker);
        let judged = Ordered::start(0..pictures.len() as u64, AHEAD, workers).flatten();
        Self::summary(&judged.collect::<Vec<_>>())
    }

    fn summary(judged: &[Readability]) -> Self {
        let gate = Gate::default();
        let figure = |name: String, of: fn(&Readability) -> f32, less_is_worse: bool| {
            let mut values: Vec<f32> = judged.iter().map(of).collect();
            values.sort_by(f32::total_cmp);
            if less_is_worse {
                values.reverse();
            }
            Figure {
                name,
                median: values.get(values.len() / 2).copied().unwrap_or_default(),
                worst: values.last().copied().unwrap_or_default(),
            }
        };
        let at_most = |name: &str, limit: f32, of| figure(format!("{name}, at most {limit}"), of, false);
        let at_least = |name: &str, limit: f32, of| figure(format!("{name}, at least {limit}"), of, true);
        Self {
            figures: vec![
                at_most("ink lost", gate.lost, |one| one.lost),
                at_least("contrast of the worst glyph", gate.contrast, |one| one.contrast),
                at_least("largest part of the worst glyph", gate.wholeness, |one| one.wholeness),
                at_least("similarity", gate.similarity, |one| one.similarity),
                at_most("colour difference", gate.color_difference, |one| one.color_difference),
                at_most("largest phantom", gate.phantom, |one| one.phantom),
            ],
            passed: Share {
                success: judged.iter().filter(|one| one.passes(&gate)).count(),
                count: judged.len(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_the_least_readable() {
        let judged = [0.1, 0.4, 0.2].map(|share| Readability {
            lost: share,
            contrast: 2.0 - share,
            wholeness: 1.0,
            similarity: 1.0 - share,
            color_difference: 0.0,
            phantom: 0.0,
        });
        let Legibility { figures, passed } = Legibility::summary(&judged);
        let of = |index: usize| figures.get(index).map(|figure| (figure.median, figure.worst));
        assert_eq!((of(0), of(1)), (Some((0.2, 0.4)), Some((1.8, 1.6))));
        assert_eq!(
            (passed.success, passed.count),
            (1, 3),
            "more ink is lost than may be, of two"
        );
        assert!(
            figures.iter().any(|figure| figure.name == "ink lost, at most 0.18"),
            "{figures:?}"
        );
    }
}
