//! CUDA, where a build has it: `cargo test --package parallax-trainer --features runtime-tests,cuda --test runtime cuda`.
//! Without a device these tests fail and say what is missing; a build without CUDA lists them as ignored.

use parallax_trainer::{
    runtime::{DeviceChoice, SessionConfig},
    train::{StepSession, TrainingState, initial_weights},
    zoo::Architecture,
};

use crate::{CPU, samples};

/// Steps of the curves, each on a batch of its own.
const STEPS: usize = 20;
const BATCH: usize = 16;
/// TF32 has 10 bits of mantissa, and what it rounds off grows with every step.
const TOLERANCE: f32 = 0.02;

fn losses(architecture: Architecture, config: SessionConfig) -> Vec<f32> {
    let model = architecture.model().unwrap();
    let state = TrainingState::untrained(initial_weights(&model, 7));
    let mut step = StepSession::new(model, BATCH, &state, config).unwrap();
    println!(
        "{} on {}: captured {:?}",
        architecture.name(),
        config.device,
        step.captured()
    );
    let pictures = samples((STEPS * BATCH) as u64);
    let steps = pictures.chunks(BATCH).map(|batch| step.run(batch, 1e-3).unwrap().loss);
    steps.collect()
}

#[test]
#[cfg_attr(not(feature = "cuda"), ignore = "this build has no CUDA")]
fn every_model_learns_on_the_gpu_as_on_the_cpu() {
    let cuda = SessionConfig {
        device: DeviceChoice::Cuda.settle().unwrap(),
        threads: CPU.threads,
    };
    for architecture in Architecture::ALL {
        let (on_cpu, on_gpu) = (losses(architecture, CPU), losses(architecture, cuda));
        assert!(on_cpu[STEPS - 1] < on_cpu[0], "{}: {on_cpu:?}", architecture.name());
        for (step, (cpu, gpu)) in on_cpu.iter().zip(&on_gpu).enumerate() {
            let off = (cpu - gpu).abs() / cpu;
            assert!(off < TOLERANCE, "{} step {step}: {cpu} and {gpu}", architecture.name());
        }
    }
}

#[test]
#[cfg_attr(not(feature = "cuda"), ignore = "this build has no CUDA")]
fn the_same_seed_gives_the_same_curve_on_the_gpu() {
    let cuda = SessionConfig {
        device: DeviceChoice::Cuda.settle().unwrap(),
        threads: CPU.threads,
    };
    let (first, second) = (losses(Architecture::Crnn, cuda), losses(Architecture::Crnn, cuda));
    for (first, second) in first.iter().zip(&second) {
        assert!((first - second).abs() / first < TOLERANCE, "{first} and {second}");
    }
}
