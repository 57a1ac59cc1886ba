//! Training generators: what they learn from, how a run steps and measures, and how a checkpoint gets one. Their graphs are the
//! zoo's.

mod batches;
mod export;
mod learner;

pub use batches::{Constrained, batches, constrained};
pub use export::{ExportError, export};
pub use learner::{GeneratorSession, Measured, Task};
