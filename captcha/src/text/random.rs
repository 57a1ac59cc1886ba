//! Seeded randomness with mappings of our own, so that no release of a crate can change a picture.

use core::ops::RangeInclusive;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::SCHEME_VERSION;
use crate::alphabet::{DRAWN, LABEL_LENGTH, Label};

/// What a sequence of random numbers is for; each has its own, so that one does not shift another.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    Label,
    Layout,
    Decoys,
    Texture,
}

/// A sequence of random numbers.
pub(super) struct Random(ChaCha8Rng);

impl Random {
    /// The sequence of a seed for one purpose.
    pub fn new(seed: u64, stream: Stream) -> Self {
        let mut key = *b"--------vvvvparallax text scheme";
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..12].copy_from_slice(&SCHEME_VERSION.to_le_bytes());
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(stream as u64);
        Self(generator)
    }

    /// Uniform in `[0, 1)`, 24 bits, so that every value is exact in f32.
    pub fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 * (1.0 / (1 << 24) as f32)
    }

    /// Uniform in `[-1, 1)`.
    pub fn signed(&mut self) -> f32 {
        2.0 * self.unit() - 1.0
    }

    /// Uniform in a range.
    pub fn within(&mut self, range: &RangeInclusive<f32>) -> f32 {
        range.start() + (range.end() - range.start()) * self.unit()
    }

    /// Uniform in `0..count` (0 for none); the bias of this multiplication is below `count / 2^32`.
    pub fn index(&mut self, count: usize) -> usize {
        ((u64::from(self.0.next_u32()) * count as u64) >> 32) as usize
    }

    /// Uniform bytes.
    pub fn bytes(&mut self, into: &mut [u8]) {
        self.0.fill_bytes(into);
    }

    /// A text, its length and its characters uniform.
    #[expect(
        clippy::expect_used,
        reason = "length and characters are the alphabet's by construction"
    )]
    pub fn label(&mut self) -> Label {
        let length = LABEL_LENGTH.start() + self.index(LABEL_LENGTH.end() - LABEL_LENGTH.start() + 1);
        let text: String = (0..length)
            .filter_map(|_| DRAWN.chars().nth(self.index(DRAWN.len())))
            .collect();
        Label::new(&text).expect("a text over the alphabet")
    }
}
