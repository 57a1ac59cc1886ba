//! Tests that load ONNX Runtime: `cargo xtask test` finds its library and turns the feature `runtime-tests` on.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod attack;
mod commands;
mod cuda;
mod experiments;
mod finetuning;
mod generator;
mod program;
mod scoreboard;
mod training;
mod zoo;

use parallax_captcha::text::Style;
use parallax_onnx::codec;
use parallax_trainer::{
    data::{
        batches::{Pictures, Sample},
        seeds::Stream,
    },
    runtime::{Device, SessionConfig},
    train::initial_weights,
    zoo::{Architecture, Weights},
};

const CPU: SessionConfig = SessionConfig {
    device: Device::Cpu,
    threads: 2,
};

fn samples(count: u64) -> Vec<Sample> {
    let pictures = Pictures {
        style: Style::default(),
        seed: 11,
        stream: Stream::Progress,
        filtered: false,
    };
    (0..count).map(|index| pictures.sample(index)).collect()
}

/// An untrained model as it would be exported.
struct Untrained {
    weights: Weights,
    recognizer: Vec<u8>,
    attack: Vec<u8>,
}

impl Untrained {
    fn new(seed: u64) -> Self {
        let model = Architecture::Crnn.model().unwrap();
        let weights = initial_weights(&model, seed);
        Self {
            recognizer: codec::encode(&model.recognizer(&weights).unwrap()),
            attack: codec::encode(&model.attack(&weights).unwrap()),
            weights,
        }
    }
}
