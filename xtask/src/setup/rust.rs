//! Parts of the Rust toolchain that a minimal installation lacks.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::say;
use crate::process;

const TARGET: &str = "wasm32-unknown-unknown";

/// The standard library for wasm.
pub(super) fn wasm_target() -> Result<()> {
    let sysroot = process::stdout(Command::new("rustc").args(["--print", "sysroot"]))?;
    if Path::new(&sysroot)
        .join("lib/rustlib")
        .join(TARGET)
        .join("lib")
        .is_dir()
    {
        return Ok(());
    }
    say(&format!("adding Rust's target {TARGET}"));
    process::run_quietly(Command::new("rustup").args(["target", "add", TARGET]))
        .with_context(|| format!("Rust's target {TARGET} is missing: install it with your toolchain's packages"))
}

/// rustfmt and clippy.
pub(super) fn components() -> Result<()> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if process::succeeds(Command::new("cargo").args([subcommand, "--version"])) {
            continue;
        }
        say(&format!("adding Rust's component {component}"));
        process::run_quietly(Command::new("rustup").args(["component", "add", component]))
            .with_context(|| format!("{component} is missing: install it with your toolchain's packages"))?;
    }
    Ok(())
}
