//! What making a picture at the edge costs: drawing, gradients in wasm, gate, PNG and bucket, CPU time of workerd; beside the
//! same in the trainer, on ONNX Runtime with one thread. And what memory workerd then has beyond one that runs a Worker of a
//! few lines.

use std::time::{Duration, Instant};

use parallax_captcha::{
    perturb::{Member, PerturbConfig, perturb},
    text::{Style, draw},
};
use parallax_onnx::checkpoint::read_manifest;
use parallax_tests::{
    edge::{Edge, EdgeConfig},
    image_set::ImageSet,
    paths::repository,
};
use parallax_trainer::{
    attack,
    runtime::{Device, SessionConfig},
};
use serde_json::json;

use crate::{
    process::{cpu_time, most_memory},
    serving::plain_worker,
    table::Row,
};

/// The shipped number of gradients, and the fewest.
const GRADIENTS: [(u32, &str, &str); 2] = [
    (10, "a picture made at the edge, ten gradients", "350 ms CPU"),
    (1, "a picture made at the edge, one gradient", "80 ms CPU"),
];
/// Pictures of the set that is measured, and made natively.
const PICTURES: u32 = 120;
const PATIENCE: Duration = Duration::from_secs(300);

/// CPU time of a picture with many and with few gradients; memory.
pub fn measure() -> Vec<Row> {
    let plain = plain_worker(10_000);
    let least = most_memory(plain.pid());
    let mut memory = 0;
    let mut rows: Vec<Row> = GRADIENTS
        .into_iter()
        .map(|(gradients, what, goal)| {
            let (ours, kilobytes) = at_the_edge(gradients);
            memory = memory.max(kilobytes);
            let theirs = native(gradients);
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
        what: "memory of workerd with both Workers, at most",
        ours: format!("{} MB", memory / 1000),
        peer: "a plain Worker's",
        theirs: format!("{} MB", least / 1000),
        ratio: Some(least as f64 / memory as f64),
        goal: "100 MB more",
    });
    rows
}

/// Milliseconds of CPU time a picture, kB at most.
fn at_the_edge(gradients: u32) -> (f64, u64) {
    // The first set has the modules compiled and the graphs loaded.
    let (edge, first) = Edge::with_pictures(&EdgeConfig {
        set_size: 16,
        gradients: Some(gradients),
        ..EdgeConfig::default()
    });
    let before = cpu_time(edge.server.pid());
    let order = edge.client.post("/admin/v1/sets/refresh").bearer(&edge.admin_key);
    assert_eq!(order.json(&json!({ "count": PICTURES })).send().status, 202);
    let set = ImageSet::wait_until(&edge, PATIENCE, |sets| sets.sets[0].id != first.index.id);
    let used = cpu_time(edge.server.pid()).saturating_sub(before);
    assert_eq!(set.pictures.len(), PICTURES as usize);
    let milliseconds = used.as_secs_f64() * 1e3 / f64::from(PICTURES);
    (milliseconds, most_memory(edge.server.pid()))
}

/// Milliseconds a picture.
fn native(gradients: u32) -> f64 {
    let checkpoint = repository().join("onnx/checkpoints/shipped");
    let read = |file: &str| std::fs::read(checkpoint.join(file)).unwrap();
    let manifest = read_manifest(&read("manifest.json")).unwrap();
    let member = |member: &parallax_onnx::checkpoint::Member| Member {
        model: read(&member.attack),
        weight: 1.0,
    };
    let members: Vec<_> = manifest.members().iter().map(member).collect();
    let session = SessionConfig {
        device: Device::Cpu,
        threads: 1,
    };
    let mut models = attack::load(&members, session).unwrap();
    let config = PerturbConfig {
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
