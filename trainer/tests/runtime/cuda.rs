//! CUDA, where a build has it: `cargo test --package parallax-trainer --features runtime-tests,cuda --test runtime cuda`.
//! Without a device this test fails and says what is missing; a build without CUDA lists it as ignored.

use parallax_trainer::{
    runtime::{Captured, DeviceChoice, SessionConfig},
    train::{StepSession, TrainingState, initial_weights},
    zoo::Architecture,
};

use crate::{CPU, samples};

/// Steps of the curves, each on a batch of its own.
const STEPS: usize = 20;
const BATCH: usize = 16;
/// TF32 has 10 bits of mantissa, and what it rounds off grows with every step.
const TOLERANCE: f32 = 0.02;
/// Between two runs on the same device, whose kernels are asked to be deterministic.
const SAME: f32 = 1e-6;

fn losses(architecture: Architecture, config: SessionConfig, captured: &Captured) -> Vec<f32> {
    let model = architecture.model().unwrap();
    let state = TrainingState::untrained(initial_weights(&model, 7));
    let mut step = StepSession::new(model, BATCH, &state, config).unwrap();
    assert_eq!(step.captured(), captured, "{}", architecture.name());
    let pictures = samples((STEPS * BATCH) as u64);
    let steps = pictures.chunks(BATCH).map(|batch| step.run(batch, 1e-3).unwrap().loss);
    steps.collect()
}

fn assert_close(name: &str, curves: [&[f32]; 2], tolerance: f32) {
    for (step, (first, second)) in curves[0].iter().zip(curves[1]).enumerate() {
        let off = (first - second).abs() / first;
        assert!(off <= tolerance, "{name} step {step}: {first} and {second}");
    }
}

/// One test, not two: a graph is captured while no other thread uses the device.
#[test]
#[cfg_attr(not(feature = "cuda"), ignore = "this build has no CUDA")]
fn every_model_learns_on_the_gpu_as_on_the_cpu_and_again() {
    let cuda = SessionConfig {
        device: DeviceChoice::Cuda.settle().unwrap(),
        threads: CPU.threads,
    };
    for architecture in Architecture::ALL {
        let on_cpu = losses(architecture, CPU, &Captured::NotOnCuda);
        assert!(on_cpu[STEPS - 1] < on_cpu[0], "{}: {on_cpu:?}", architecture.name());
        let on_gpu = losses(architecture, cuda, &Captured::Yes);
        assert_close(architecture.name(), [&on_cpu, &on_gpu], TOLERANCE);
        let again = losses(architecture, cuda, &Captured::Yes);
        assert_close(architecture.name(), [&on_gpu, &again], SAME);
    }
}
