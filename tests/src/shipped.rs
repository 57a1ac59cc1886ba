//! The checkpoint that ships, for tests that run it natively.

use std::fs;

use parallax_captcha::perturb::{Amortised, Ensemble, Member};
use parallax_onnx::checkpoint::{GENERATOR, Manifest, read_manifest};
use parallax_trainer::{
    attack,
    models::{AttackModel, GeneratorModel},
    runtime::{Device, SessionConfig},
};

use crate::paths::repository;

/// One thread of the CPU.
pub const ONE_THREAD: SessionConfig = SessionConfig {
    device: Device::Cpu,
    threads: 1,
};

/// One of its files.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn file(name: &str) -> Vec<u8> {
    let path = repository().join("onnx/checkpoints/shipped").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Its manifest.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn manifest() -> Manifest {
    read_manifest(&file("manifest.json")).expect("what ships is a checkpoint")
}

/// Its generator and its attack graphs in ONNX Runtime.
///
/// # Panics
/// When they cannot be loaded.
#[must_use]
pub fn models() -> Amortised<GeneratorModel, Ensemble<AttackModel>> {
    let generator = attack::load_generator(&file(GENERATOR), ONE_THREAD);
    Amortised {
        generator: Some(generator.expect("what ships loads")),
        models: ensemble(),
    }
}

/// Its attack graphs in ONNX Runtime, which take turns.
///
/// # Panics
/// When they cannot be loaded.
#[must_use]
pub fn ensemble() -> Ensemble<AttackModel> {
    let members: Vec<_> = manifest()
        .members()
        .iter()
        .map(|member| Member {
            model: file(&member.attack),
            weight: member.weight,
        })
        .collect();
    attack::load(&members, ONE_THREAD).expect("what ships loads")
}
