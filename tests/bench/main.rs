//! `cargo xtask bench`: what a table in the README says, measured again: each figure beside a peer's in the same run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement that fails ends the bench"
)]

mod drawing;
mod gradient;
mod scoring;
mod serving;
mod table;
mod training;

use crate::table::Row;

fn main() {
    // `cargo clippy` and `cargo test --benches` only want it compiled.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let mut rows: Vec<Row> = Vec::new();
    for (what, measure) in [
        ("drawing", drawing::measure as fn() -> Vec<Row>),
        ("gradients: wasm, tract, ONNX Runtime", gradient::measure),
        ("scoring slides", scoring::measure),
        ("serving", serving::measure),
        ("training step: ONNX Runtime, PyTorch", training::measure),
    ] {
        eprintln!("bench: {what}");
        rows.extend(measure());
    }
    table::print(&rows);
}
