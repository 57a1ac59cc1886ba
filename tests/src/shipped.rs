//! The checkpoint that ships, for tests that run it natively.

use std::fs;

use parallax_captcha::perturb::{Ensemble, Member};
use parallax_onnx::checkpoint::{Manifest, read_manifest};
use parallax_trainer::{
    attack,
    models::AttackModel,
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
