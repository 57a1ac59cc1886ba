//! The trainer: model zoo, training on ONNX Runtime, datasets, solving, perturbing.
//!
//! `cli` is the binary `parallax`; everything it does can be called from here without it.

pub mod admin;
pub mod attack;
pub mod cli;
pub mod data;
pub mod experiment;
pub mod files;
pub mod finetune;
pub mod generator;
pub mod interrupt;
pub mod metrics;
pub mod models;
pub mod parallel;
mod plot;
pub mod preprocess;
pub mod risk;
pub mod runtime;
pub mod scoreboard;
pub mod train;
pub mod zoo;
