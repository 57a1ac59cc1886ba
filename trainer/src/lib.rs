//! The trainer: model zoo, training on ONNX Runtime, datasets, solving, perturbing.
//!
//! `cli` is the binary `parallax`; everything it does can be called from here without it.

pub mod admin;
pub mod cli;
pub mod data;
pub mod files;
pub mod interrupt;
pub mod models;
pub mod parallel;
pub mod preprocess;
pub mod risk;
pub mod runtime;
pub mod train;
pub mod zoo;
