//! Fine-tuning the checkpoint that ships, beside the training steps that it is made of.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use parallax_tests::paths::tool;
use serde_json::{Value, json};

use crate::table::Row;

/// As many as an attacker's hour brings; what is drawn, answered right.
const QUERIES: u32 = 10_000;

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
    let (mut looks, mut alone) = (0.0, 0.0);
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
    }
    vec![Row {
        what: "fine-tuning both models that ship on 10,000 queries, two threads",
        ours: format!("{:.1} min, {:.0} images/s", seconds / 60.0, looks / seconds),
        peer: "their training steps alone",
        theirs: format!("{:.1} min", alone / 60.0),
        ratio: Some(alone / seconds),
        goal: "10 min",
    }]
}

/// A file of queries with their pictures.
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
