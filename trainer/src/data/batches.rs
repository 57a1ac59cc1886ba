//! Batches of fresh pictures for training, drawn ahead of time in the background.

use clap::ValueEnum;
use parallax_captcha::{
    alphabet::Label,
    text::{self, Style},
};

use super::seeds::{Stream, picture_seed};
use crate::{parallel::Ordered, preprocess::Preprocess};

/// Batches that each drawing thread may be ahead.
const AHEAD: usize = 8;

/// A picture as a model sees it, and what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// `[30 * 100]`, row-major, in `[0, 1]`.
    pub image: Vec<f32>,
    /// The text in it.
    pub label: Label,
}

/// Which pictures are drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Pictures {
    /// How they look.
    pub style: Style,
    /// The seed of the run.
    pub seed: u64,
    /// What they are for.
    pub stream: Stream,
    /// Whether every other picture, at random, goes through a filter, as at a solver that learns to read filtered ones.
    pub filtered: bool,
}

impl Pictures {
    /// Picture `index`.
    #[must_use]
    pub fn sample(&self, index: u64) -> Sample {
        let seed = picture_seed(self.stream, self.seed, index);
        let captcha = text::draw(&self.style, seed);
        let filter = if self.filtered { filter(seed) } else { Preprocess::None };
        Sample {
            image: text::model_input(&filter.apply(&captcha.image)),
            label: captcha.label,
        }
    }

    /// Endless batches of `batch` pictures from batch `first` on: batch `i` holds the pictures
    /// `i * batch .. (i + 1) * batch`, however many threads draw.
    #[must_use]
    pub fn batches(&self, batch: usize, first: u64, threads: usize) -> Ordered<Vec<Sample>> {
        let pictures = self.clone();
        let draw = move |index: u64| {
            let start = index * batch as u64;
            (start..start + batch as u64).map(|n| pictures.sample(n)).collect()
        };
        Ordered::start(first..u64::MAX, AHEAD, vec![draw; threads.max(1)])
    }
}

/// Of the pictures drawn from `seed`: none for one half of them, each of the others as often as the next. A filter more changes
/// what `--filtered` trains: it has to, since solvers that expect filters expect all of them.
fn filter(seed: u64) -> Preprocess {
    let chance = picture_seed(Stream::Filter, seed, 0);
    let filters = Preprocess::value_variants();
    let one = ((chance >> 1) % filters.len().max(1) as u64) as usize;
    match filters.get(one) {
        Some(filter) if chance & 1 == 1 => *filter,
        _ => Preprocess::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_filtered_pictures_are_as_drawn() {
        let plain = Pictures {
            style: Style::default(),
            seed: 5,
            stream: Stream::Training,
            filtered: false,
        };
        let filtered = Pictures {
            filtered: true,
            ..plain.clone()
        };
        let (mut same, mut black_and_white) = (0, 0);
        for index in 0..60 {
            let (one, other) = (plain.sample(index), filtered.sample(index));
            assert_eq!(one.label, other.label);
            same += u32::from(one == other);
            black_and_white += u32::from(other.image.iter().filter(|p| **p < 0.02).count() > 100);
        }
        // A half and a sixteenth of the other half; five of the sixteen filters are thresholds. Three standard deviations.
        assert!((20..=44).contains(&same), "{same} of 60");
        assert!((2..=19).contains(&black_and_white), "{black_and_white} of 60");
    }

    #[test]
    fn batches_go_on_where_a_run_stopped() {
        let pictures = Pictures {
            style: Style::default(),
            seed: 3,
            stream: Stream::Training,
            filtered: false,
        };
        let drawn: Vec<_> = pictures.batches(2, 0, 1).take(3).collect();
        assert_eq!(drawn[2], pictures.batches(2, 2, 2).next().unwrap());
        assert_eq!(drawn[1][1], pictures.sample(3));
    }
}
