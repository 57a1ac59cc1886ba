//! `cargo xtask bench`: measurements, each beside a peer's in the same run. What is measured is in `tests/bench/`.

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{build, process, setup, sizes, test};

/// Prints the table of the named measurements, of all without a name.
///
/// # Errors
/// When set-up, the build or a measurement fails.
pub fn run(workspace: &Workspace, names: &[String]) -> Result<()> {
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
    println!();
    sizes::run(workspace)
}
