//! `cargo xtask bench`: the README's table of speeds, measured again, each figure beside a peer's in the same run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement that fails ends the bench"
)]

mod drawing;
mod finetuning;
mod gradient;
mod picture;
mod process;
mod scoring;
mod serving;
mod starting;
mod table;
mod training;

use crate::table::Row;

type Measure = fn() -> Vec<Row>;

/// By the name that the command line gives.
const MEASUREMENTS: [(&str, Measure); 8] = [
    ("drawing", drawing::measure),
    ("finetuning", finetuning::measure),
    ("gradient", gradient::measure),
    ("picture", picture::measure),
    ("scoring", scoring::measure),
    ("serving", serving::measure),
    ("starting", starting::measure),
    ("training", training::measure),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo clippy` and `cargo test --benches` only want it compiled.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let asked: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|a| *a != "--bench")
        .collect();
    if let Some(unknown) = asked
        .iter()
        .find(|name| MEASUREMENTS.iter().all(|(known, _)| known != *name))
    {
        panic!("no measurement is called {unknown}");
    }
    let mut rows: Vec<Row> = Vec::new();
    for (name, measure) in MEASUREMENTS {
        if asked.is_empty() || asked.contains(&name) {
            eprintln!("bench: {name}");
            rows.extend(measure());
        }
    }
    table::print(&rows);
}
