//! What making a picture at the edge costs: drawing, generator or gradients in wasm, gate, PNG and bucket, CPU time of workerd; beside the
//! same in the trainer, on ONNX Runtime with one thread. And the linear memory that the module has then: it never shrinks.

use std::time::{Duration, Instant};

use parallax_captcha::{
    perturb::{PerturbConfig, Start, perturb},
    text::{Style, draw},
};
use parallax_edge_shared::admin::GradientReply;
use parallax_tests::{
    edge::{Edge, EdgeConfig},
    image_set::ImageSet,
    shipped,
};
use serde_json::json;

use crate::{process::cpu_time, table::Row};

/// What a picture begins with, its gradients, and the goal: as it is shipped, and the cheap ways.
const WAYS: [(Start, u32, &str, &str); 4] = [
    (
        Start::Gradient,
        10,
        "a picture made at the edge, ten gradients",
        "350 ms CPU",
    ),
    (
        Start::Gradient,
        1,
        "a picture made at the edge, one gradient",
        "80 ms CPU",
    ),
    (
        Start::Generator,
        0,
        "a picture made at the edge, generator alone",
        "80 ms CPU",
    ),
    (
        Start::Generator,
        1,
        "a picture made at the edge, generator and one gradient",
        "80 ms CPU",
    ),
];
/// Pictures of the set that is measured, and made natively.
const PICTURES: u32 = 120;
/// What a Worker may have, bytes: memory of wasm and of JavaScript.
const PLATFORM_BYTES: f64 = 128e6;
const PATIENCE: Duration = Duration::from_secs(300);

/// CPU time of a picture made in each way; memory.
pub fn measure() -> Vec<Row> {
    let mut memory = 0;
    let mut rows: Vec<Row> = WAYS
        .into_iter()
        .map(|(start, gradients, what, goal)| {
            let (ours, bytes) = at_the_edge(start, gradients);
            memory = memory.max(bytes);
            let theirs = native(start, gradients);
            Row {
                what,
                ours: format!("{ours:.0} ms CPU"),
                peer: "the same in ONNX Runtime, one thread",
                theirs: format!("{theirs:.0} ms"),
                ratio: Some(theirs / ours),
                goal,
            }
        })
        .collect();
    rows.push(Row {
        what: "linear memory of the module that makes pictures",
        ours: format!("{:.0} MB", memory as f64 / 1e6),
        peer: "the platform's limit for all of a Worker",
        theirs: "128 MB".to_owned(),
        ratio: Some(PLATFORM_BYTES / memory as f64),
        goal: "100 MB",
    });
    rows
}

/// Milliseconds of CPU time a picture, bytes of memory.
fn at_the_edge(start: Start, gradients: u32) -> (f64, u64) {
    // The first set has the modules compiled and the graphs loaded.
    let (edge, first) = Edge::with_pictures(&EdgeConfig {
        set_size: 16,
        gradients: Some(gradients),
        start,
        ..EdgeConfig::default()
    });
    let before = cpu_time(edge.server.pid());
    let order = edge.client.post("/admin/v1/sets/refresh").bearer(&edge.admin_key);
    assert_eq!(order.json(&json!({ "count": PICTURES })).send().status, 202);
    let set = ImageSet::wait_until(&edge, PATIENCE, |sets| sets.sets[0].id != first.index.id);
    let used = cpu_time(edge.server.pid()).saturating_sub(before);
    assert_eq!(set.pictures.len(), PICTURES as usize);
    let milliseconds = used.as_secs_f64() * 1e3 / f64::from(PICTURES);
    let gradient = edge.client.post("/admin/v1/sets/gradient").bearer(&edge.admin_key);
    let reply: GradientReply = gradient.json(&json!({ "seed": 0 })).send().json();
    (milliseconds, reply.memory_bytes)
}

/// Milliseconds a picture.
fn native(start: Start, gradients: u32) -> f64 {
    let mut models = shipped::models();
    let config = PerturbConfig {
        start,
        steps: gradients,
        ..PerturbConfig::default()
    };
    let mut make = |seed: u64| {
        let captcha = draw(&Style::default(), seed);
        perturb(&mut models, &captcha.image, &captcha.mask, &captcha.label, &config).unwrap()
    };
    make(0);
    let started = Instant::now();
    (0..u64::from(PICTURES)).for_each(|seed| drop(make(seed)));
    started.elapsed().as_secs_f64() * 1e3 / f64::from(PICTURES)
}
