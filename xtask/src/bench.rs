//! `cargo xtask bench`: measurements, each beside a peer's in the same run. What is measured is in `tests/bench/`.

use anyhow::{Result, bail};

use crate::workspace::Workspace;
use crate::{build, process, setup, sizes, test};

/// What can be measured, as `tests/bench/main.rs` calls it.
pub const NAMES: [&str; 8] = [
    "drawing",
    "finetuning",
    "gradient",
    "picture",
    "scoring",
    "serving",
    "starting",
    "training",
];

/// Prints the table of the named measurements; without a name that of all, and the sizes of what ships.
///
/// # Errors
/// When a name is unknown; when set-up, the build or a measurement fails.
pub fn run(workspace: &Workspace, names: &[String]) -> Result<()> {
    if let Some(unknown) = names.iter().find(|name| !NAMES.contains(&name.as_str())) {
        bail!("`{unknown}` is no measurement: there are {}", NAMES.join(", "));
    }
    let onnxruntime = setup::onnxruntime(workspace)?;
    let tools = build::run(workspace)?;
    let program = test::program(workspace)?;
    process::run(
        workspace
            .cargo()
            .args([
                "bench",
                "--quiet",
                "--package",
                "parallax-tests",
                "--features",
                "bench",
                "--bench",
                "measure",
                "--",
            ])
            .args(names)
            .env("PARALLAX_NODE", &tools.node)
            .env("PARALLAX_NODE_MODULES", &tools.modules)
            .env("PARALLAX_PROGRAM", program)
            .env("ORT_DYLIB_PATH", onnxruntime),
    )?;
    if !names.is_empty() {
        return Ok(());
    }
    println!();
    sizes::run(workspace)
}
