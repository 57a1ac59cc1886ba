//! Cargo, from a package to a raw wasm module.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::Module;
use crate::process;
use crate::workspace::Workspace;

const TARGET: &str = "wasm32-unknown-unknown";

/// Compiles `module` and returns the wasm that cargo left.
pub(super) fn compile(workspace: &Workspace, module: &Module) -> Result<PathBuf> {
    // One package an invocation: several would unify their features, and the widget would get the edge's.
    process::run(
        workspace
            .cargo()
            .args(["build", "--quiet", "--lib", "--target", TARGET])
            .args(["--profile", module.profile, "--package", module.package])
            .env("RUSTFLAGS", module.rustflags)
            .env_remove("CARGO_ENCODED_RUSTFLAGS"),
    )
    .with_context(|| format!("{} does not compile", module.package))?;
    let file = format!("{}.wasm", module.package.replace('-', "_"));
    let wasm = workspace.target.join(TARGET).join(module.profile).join(file);
    if !wasm.is_file() {
        bail!(
            "{} left no {}: its library must be a cdylib",
            module.package,
            wasm.display()
        );
    }
    Ok(wasm)
}
