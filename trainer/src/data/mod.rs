//! Pictures to learn from and to measure on: drawn from seeds while training, or read from a folder.

pub mod batches;
pub mod folder;
pub mod image_set;
pub mod seeds;
