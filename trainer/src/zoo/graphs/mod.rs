//! The three graphs of a model, a training step, a recogniser, an attack; and those of a generator, a training step and what
//! it says.

mod attack;
mod generator;
mod loss;
mod recognizer;
mod step;
mod training;

pub use generator::{Blurs, Victim};
