//! The three graphs of a model: a training step, a recogniser, an attack.

mod attack;
mod loss;
mod recognizer;
mod training;
