//! Exported models on ONNX Runtime: reading captchas and attacking them.

mod attack;
mod checkpoint;
mod ensemble;
mod generator;
mod recognizer;

pub use attack::AttackModel;
pub use checkpoint::{Checkpoint, CheckpointError, Loaded, MANIFEST, NamedGraph};
pub use ensemble::{ComposeError, compose};
pub use generator::GeneratorModel;
pub use recognizer::{Reading, Recognizer};
