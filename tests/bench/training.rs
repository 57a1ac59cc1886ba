//! One training step, beside the same in eager PyTorch.

use std::process::Command;
use std::time::Instant;

use parallax_tests::paths::{repository, tool};
use serde_json::Value;

use crate::table::Row;

/// Batch 64, two threads, the full recipe on both sides, in turns.
pub fn measure() -> Vec<Row> {
    let python = std::env::var("PARALLAX_TORCH_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let row = |ours, theirs, ratio| Row {
        what: "training step, batch 64, two threads",
        ours,
        peer: "PyTorch, eager",
        theirs,
        ratio,
        goal: "1.3 times as fast",
    };
    let has_torch = Command::new(&python)
        .args(["-c", "import torch"])
        .output()
        .is_ok_and(|run| run.status.success());
    if !has_torch {
        let why = format!(
            "no PyTorch in {python}: `pip install torch`, or name a Python that has it in PARALLAX_TORCH_PYTHON"
        );
        return vec![row("not measured".to_owned(), why, None)];
    }
    let result = beside_pytorch(&python, &[]);
    let number = |pointer: &str| result.pointer(pointer).and_then(Value::as_f64).unwrap();
    let rate = |pointer: &str| format!("{:.0} images/s", number(pointer));
    let megabytes = |pointer: &str| format!("{:.0} MB", number(pointer));
    let mut rows = vec![
        row(
            rate("/parallax/images_per_second"),
            format!(
                "{} (version {})",
                rate("/pytorch/images_per_second"),
                result["pytorch"]["version"].as_str().unwrap_or("?")
            ),
            Some(number("/ratio")),
        ),
        Row {
            what: "memory of a training at batch 64, at most",
            ours: megabytes("/parallax/peak_mb"),
            peer: "PyTorch, eager",
            theirs: megabytes("/pytorch/peak_mb"),
            ratio: Some(number("/pytorch/peak_mb") / number("/parallax/peak_mb")),
            goal: "2,000 MB",
        },
        drawing_beside(number("/parallax/images_per_second")),
    ];
    rows.extend(on_cuda(&python));
    rows
}

/// Both sides, in turns, as the script prints them.
fn beside_pytorch(python: &str, options: &[&str]) -> Value {
    let script = repository().join("tests/bench/training_step.py");
    let run = Command::new(python)
        .arg(script)
        .arg("--parallax")
        .arg(tool("PARALLAX_PROGRAM"))
        .args(options)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    serde_json::from_slice(&run.stdout).unwrap()
}

/// The same on a GPU, batch 256, beside eager and compiled PyTorch. The program that is measured must be built with the
/// feature `cuda` and find a CUDA build of ONNX Runtime: `parallax doctor` says what is missing.
fn on_cuda(python: &str) -> [Row; 2] {
    let doctor = Command::new(tool("PARALLAX_PROGRAM"))
        .args(["doctor", "--json"])
        .output()
        .unwrap();
    let doctor: Value = serde_json::from_slice(&doctor.stdout).unwrap_or_default();
    let missing = match doctor["cuda"].as_bool() {
        Some(true) => None,
        _ => Some(doctor["cuda_missing"].as_str().unwrap_or("no CUDA").to_owned()),
    };
    let result = match &missing {
        None => beside_pytorch(python, &["--device", "cuda", "--batch", "256"]),
        Some(_) => Value::Null,
    };
    let row = |peer, name: &str, ratio: &str, goal| {
        let rate = |side: &str| match result[side]["images_per_second"].as_f64() {
            Some(rate) => format!("{rate:.0} images/s"),
            None => "not measured".to_owned(),
        };
        Row {
            what: "training step on CUDA, batch 256, TF32",
            ours: rate("parallax"),
            peer,
            theirs: missing.clone().unwrap_or_else(|| rate(name)),
            ratio: result[ratio].as_f64(),
            goal,
        }
    };
    [
        row("PyTorch, eager", "pytorch", "ratio", "as fast"),
        row("PyTorch, compiled", "compiled", "ratio_to_compiled", "-"),
    ]
}

/// What drawing fresh pictures costs a training, which does it on a thread of its own.
fn drawing_beside(step_alone: f64) -> Row {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("checkpoint");
    let train = |samples: u32| {
        let start = Instant::now();
        let run = Command::new(tool("PARALLAX_PROGRAM"))
            .args([
                "train",
                "--device",
                "cpu",
                "--threads",
                "2",
                "--unseen",
                "1",
                "--measure-every",
                "1000000",
            ])
            .args(["--samples", &samples.to_string(), "--out"])
            .arg(&out)
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        std::fs::remove_dir_all(&out).unwrap();
        start.elapsed().as_secs_f64()
    };
    // What many pictures take longer than few: starting and exporting is not training.
    let (few, many) = (640, 3_840);
    let before = train(few);
    let rate = f64::from(many - few) / (train(many) - before);
    Row {
        what: "training with fresh pictures, batch 64, two threads",
        ours: format!("{rate:.0} images/s"),
        peer: "the same step with the same pictures over and over",
        theirs: format!("{step_alone:.0} images/s"),
        ratio: Some(rate / step_alone),
        goal: "0.9 times as fast",
    }
}
