//! Batches of fresh pictures for training, drawn ahead of time in the background.

use parallax_captcha::{
    alphabet::Label,
    text::{self, Style},
};

use super::seeds::{Stream, picture_seed};
use crate::parallel::Ordered;

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
}

impl Pictures {
    /// Picture `index`.
    #[must_use]
    pub fn sample(&self, index: u64) -> Sample {
        let captcha = text::draw(&self.style, picture_seed(self.stream, self.seed, index));
        Sample {
            image: text::model_input(&captcha.image),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_go_on_where_a_run_stopped() {
        let pictures = Pictures {
            style: Style::default(),
            seed: 3,
            stream: Stream::Training,
        };
        let drawn: Vec<_> = pictures.batches(2, 0, 1).take(3).collect();
        assert_eq!(drawn[2], pictures.batches(2, 2, 2).next().unwrap());
        assert_eq!(drawn[1][1], pictures.sample(3));
    }
}
