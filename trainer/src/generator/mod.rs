//! Training generators: what they learn from, how a run steps and measures, and how a checkpoint gets one. Their graphs are the
//! zoo's.

mod batches;
mod export;
mod learner;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};

use crate::zoo::{Generator, Weights};

pub use batches::{Constrained, batches, constrained};
pub use export::{ExportError, export};
pub use learner::{GeneratorSession, Measured, Task};

/// Untrained weights of a generator: a function of the seed.
#[must_use]
pub fn initial_weights(generator: &Generator, seed: u64) -> Weights {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    // The upper 24 bits, as many as a float holds exactly: uniform in [0, 1).
    generator.initial_weights(&mut || (random.next_u32() >> 8) as f32 / 16_777_216.0)
}
