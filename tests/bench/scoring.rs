//! Scoring one slide in wasm, as the visitor path does it, beside the same code compiled natively.

use std::hint::black_box;
use std::time::Instant;

use parallax_captcha::risk::{self, similarity::Signature};
use parallax_captcha::wire::{Slider, Trace};
use parallax_edge_shared::admin::{ScoreReply, ScoreRequest};
use parallax_tests::edge::{Edge, EdgeConfig};
use parallax_tests::slides;

use crate::table::Row;

const RUNS: u32 = 4000;
/// The best of several rounds: whatever else the machine does only slows down.
const ROUNDS: usize = 5;

/// Score and signature of a slide of ordinary length, and of the longest that is looked at.
pub fn measure() -> Vec<Row> {
    let edge = Edge::start(&EdgeConfig::default());
    let slider = Slider {
        target: 1.0,
        tolerance: 0.02,
    };
    let ordinary = slides::hand(&slider);
    let mut longest = ordinary.clone();
    longest.samples = (0..2000_u16)
        .map(|i| [f32::from(i) * 0.14, 0.5, f32::from(i)])
        .collect();
    let row = |what, trace: Trace| {
        let wasm = in_wasm(&edge, slider, &trace);
        let native = natively(slider, &trace);
        Row {
            what,
            ours: format!("{:.3} ms CPU", wasm),
            peer: "the same code, native",
            theirs: format!("{native:.3} ms CPU"),
            ratio: Some(native / wasm),
            goal: "1 ms CPU",
        }
    };
    vec![
        row("score a slide in wasm", ordinary),
        row("score a slide of 2,000 samples in wasm", longest),
    ]
}

/// Milliseconds a slide: the difference between many runs in one request and one run.
fn in_wasm(edge: &Edge, slider: Slider, trace: &Trace) -> f64 {
    let request = |runs| ScoreRequest {
        trace: trace.clone(),
        slider,
        environment: slides::browser(),
        runs,
    };
    let time = |runs| {
        let round = || {
            let start = Instant::now();
            let call = edge.client.post("/admin/v1/risk/score").bearer(&edge.admin_key);
            black_box(call.json(&request(runs)).send().json::<ScoreReply>());
            start.elapsed().as_secs_f64() * 1e3
        };
        (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
    };
    (time(RUNS) - time(1)) / f64::from(RUNS - 1)
}

fn natively(slider: Slider, trace: &Trace) -> f64 {
    let environment = slides::browser();
    let round = || {
        let start = Instant::now();
        for _ in 0..RUNS {
            let trace = black_box(trace);
            black_box((risk::score(trace, &slider, &environment), Signature::of(trace)));
        }
        start.elapsed().as_secs_f64() * 1e3 / f64::from(RUNS)
    };
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}
