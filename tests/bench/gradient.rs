//! Forward and backward of one picture: tract in wasm at the edge, beside tract natively and ONNX Runtime.

use std::io::Cursor;
use std::time::{Duration, Instant};

use parallax_captcha::alphabet::{CLASSES, Label};
use parallax_captcha::perturb::{FRAMES, GradientModel};
use parallax_edge_shared::admin::GradientReply;
use parallax_onnx::ctc::AttackInputs;
use parallax_tests::edge::{Edge, EdgeConfig};
use parallax_tests::paths::repository;
use parallax_trainer::models::AttackModel;
use parallax_trainer::runtime::{Device, SessionConfig};
use serde_json::json;
use tract_onnx::prelude::*;

use crate::table::Row;

const RUNS: u32 = 100;
const ROUNDS: usize = 3;

/// All three on one thread, with the same picture.
pub fn measure() -> Vec<Row> {
    let attack = std::fs::read(repository().join("onnx/checkpoints/shipped/attack.onnx")).unwrap();
    let (wasm, reply) = in_wasm();
    let label = Label::new(&reply.label).unwrap();
    let row = |peer, theirs: f64| Row {
        what: "gradient of one picture (forward and backward), wasm at the edge",
        ours: format!("{wasm:.1} ms"),
        peer,
        theirs: format!("{theirs:.1} ms"),
        ratio: Some(theirs / wasm),
        goal: "35 ms",
    };
    vec![
        row("the same in tract, native", in_tract(&attack, &reply.input, &label)),
        row(
            "the same in ONNX Runtime, one thread",
            in_onnxruntime(&attack, &reply.input, &label),
        ),
    ]
}

/// Milliseconds at the edge: what many runs take longer than one, by this side's clock (the edge's stands still).
fn in_wasm() -> (f64, GradientReply) {
    let edge = Edge::start(&EdgeConfig::default());
    let ask = |runs: u32| {
        let start = Instant::now();
        let call = edge.client.post("/admin/v1/sets/gradient").bearer(&edge.admin_key);
        let reply: GradientReply = call.json(&json!({ "seed": 7, "runs": runs })).send().json();
        (start.elapsed(), reply)
    };
    let (_, reply) = ask(1); // loads the model
    let many = best(|| ask(1 + RUNS).0);
    let one = best(|| ask(1).0);
    (many.saturating_sub(one).as_secs_f64() * 1e3 / f64::from(RUNS), reply)
}

fn in_onnxruntime(attack: &[u8], image: &[f32], label: &Label) -> f64 {
    let mut model = AttackModel::new(
        attack,
        SessionConfig {
            device: Device::Cpu,
            threads: 1,
        },
    )
    .unwrap();
    let weights = vec![0.0; FRAMES * CLASSES];
    each(|| drop(model.gradient(image, label, &weights).unwrap()))
}

fn in_tract(attack: &[u8], image: &[f32], label: &Label) -> f64 {
    let parsed = tract_onnx::onnx().model_for_read(&mut Cursor::new(attack)).unwrap();
    let encoded = AttackInputs::encode(&label.classes()).unwrap();
    let weights = vec![0.0_f32; FRAMES * CLASSES];
    let states = encoded.target.len() / CLASSES;
    let value = |name: &str| -> TValue {
        let tensor = match name {
            "image" => Tensor::from_shape(&[1, 1, 30, 100], image),
            "target" => Tensor::from_shape(&[1, states, CLASSES], &encoded.target),
            "start" => Tensor::from_shape(&[2, states], &encoded.start),
            "skip" => Tensor::from_shape(&[2, states], &encoded.skip),
            "frame_weights" => Tensor::from_shape(&[1, FRAMES, CLASSES], &weights),
            other => panic!("the attack graph has an input {other}"),
        };
        tensor.unwrap().into()
    };
    let inputs: TVec<TValue> = parsed
        .input_outlets()
        .unwrap()
        .iter()
        .map(|outlet| value(&parsed.node(outlet.node).name))
        .collect();
    let plan = parsed.into_optimized().unwrap().into_runnable().unwrap();
    each(|| drop(plan.run(inputs.clone()).unwrap()))
}

/// Milliseconds a call.
fn each(mut call: impl FnMut()) -> f64 {
    call();
    let round = best(|| {
        let start = Instant::now();
        (0..RUNS).for_each(|_| call());
        start.elapsed()
    });
    round.as_secs_f64() * 1e3 / f64::from(RUNS)
}

/// The fastest of several rounds: whatever else the machine does only slows down.
fn best(mut round: impl FnMut() -> Duration) -> Duration {
    (0..ROUNDS).map(|_| round()).min().unwrap_or_default()
}
