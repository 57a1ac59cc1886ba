//! One training step, beside the same in eager PyTorch.

use std::process::Command;

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
        goal: "1.2 times as fast",
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
    let script = repository().join("tests/bench/training_step.py");
    let run = Command::new(python)
        .arg(script)
        .arg("--parallax")
        .arg(tool("PARALLAX_PROGRAM"))
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let result: Value = serde_json::from_slice(&run.stdout).unwrap();
    let number = |pointer: &str| result.pointer(pointer).and_then(Value::as_f64).unwrap();
    let rate = |pointer: &str| format!("{:.0} images/s", number(pointer));
    vec![row(
        rate("/parallax/images_per_second"),
        format!(
            "{} (version {})",
            rate("/pytorch/images_per_second"),
            result["pytorch"]["version"].as_str().unwrap_or("?")
        ),
        Some(number("/ratio")),
    )]
}
