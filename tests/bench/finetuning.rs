//! Fine-tuning the checkpoint that ships, beside the training steps that it is made of.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use parallax_tests::paths::tool;
use serde_json::{Value, json};

use crate::table::Row;

/// Few, so that a run is short; its speed is that of many.
const QUERIES: u32 = 200;
/// Images that a model looks at for 10,000 queries: two passes, and as many originals.
const LOOKS_AT_10_000: f64 = 40_000.0;

/// Everything included: reading pictures, drawing originals, measuring, exporting, attacking with what came of it.
pub fn measure() -> Vec<Row> {
    let folder = tempfile::tempdir().unwrap();
    let queries = queries(folder.path());
    let out = folder.path().join("tuned");
    let start = Instant::now();
    let tuned = parallax(&[
        "finetune",
        "--json",
        "--device",
        "cpu",
        "--queries",
        &queries,
        "--out",
        &text(&out),
    ]);
    let seconds = start.elapsed().as_secs_f64();
    let (mut looks, mut alone, mut at_10_000) = (0.0, 0.0, 0.0);
    for member in tuned["members"].as_array().unwrap() {
        let its_looks = member["report"]["looks"].as_f64().unwrap();
        let architecture = member["architecture"].as_str().unwrap();
        let step = parallax(&[
            "bench",
            "step",
            "--json",
            "--device",
            "cpu",
            "--seconds",
            "5",
            "--model",
            architecture,
        ]);
        let rate = step["images_per_second"].as_f64().unwrap();
        looks += its_looks;
        alone += its_looks / rate;
        at_10_000 += LOOKS_AT_10_000 / rate;
    }
    let ratio = alone / seconds;
    vec![Row {
        what: "fine-tuning both models that ship, two threads",
        ours: format!(
            "{:.0} images/s; 10,000 queries: {:.1} min",
            looks / seconds,
            at_10_000 / ratio / 60.0
        ),
        peer: "their training steps alone",
        theirs: format!("{:.0} images/s", looks / alone),
        ratio: Some(ratio),
        goal: "10,000 queries in 10 min",
    }]
}

/// A file of queries with their pictures: what is drawn, answered right.
fn queries(folder: &Path) -> String {
    let images = folder.join("images");
    let count = QUERIES.to_string();
    parallax(&[
        "dataset",
        "--json",
        "--count",
        &count,
        "--seed",
        "31",
        "--out",
        &text(&images),
    ]);
    let labels = fs::read_to_string(images.join("labels.csv")).unwrap();
    let lines = labels.lines().skip(1).filter_map(|line| line.split_once(','));
    let lines: Vec<_> = lines
        .map(|(file, answer)| json!({ "image": format!("images/{file}"), "answer": answer }).to_string())
        .collect();
    let path = folder.join("queries.ndjson");
    fs::write(&path, lines.join("\n")).unwrap();
    text(&path)
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn parallax(arguments: &[&str]) -> Value {
    let run = Command::new(tool("PARALLAX_PROGRAM")).args(arguments).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    serde_json::from_slice(&run.stdout).unwrap()
}
