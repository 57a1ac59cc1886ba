//! Installs what build, dev and test need. Every step looks first, says what it does, and can be repeated.

mod browser;
mod deny;
mod npm;
mod onnxruntime;
mod rust;

use std::path::PathBuf;

use anyhow::Result;

pub use npm::Tools;

use crate::workspace::Workspace;

/// Everything the tests need.
#[derive(Debug)]
pub struct Everything {
    /// What the build and the server run on.
    pub tools: Tools,
    /// ONNX Runtime's dynamic library.
    pub onnxruntime: PathBuf,
    /// A Chromium.
    pub browser: PathBuf,
    /// cargo-deny.
    pub cargo_deny: PathBuf,
}

/// What `cargo xtask build` and `cargo xtask dev` need.
///
/// # Errors
/// Names what cannot be had and what to install.
pub fn for_build(workspace: &Workspace) -> Result<Tools> {
    rust::wasm_target()?;
    npm::tools(workspace)
}

/// What `cargo xtask test` needs.
///
/// # Errors
/// Names what cannot be had and what to install.
pub fn everything(workspace: &Workspace) -> Result<Everything> {
    rust::components()?;
    let tools = for_build(workspace)?;
    let everything = Everything {
        onnxruntime: onnxruntime::library(workspace)?,
        browser: browser::chromium()?,
        cargo_deny: deny::cargo_deny(workspace)?,
        tools,
    };
    say(&format!("ONNX Runtime: {}", everything.onnxruntime.display()));
    say(&format!("browser: {}", everything.browser.display()));
    say(&format!("cargo-deny: {}", everything.cargo_deny.display()));
    say("ready");
    Ok(everything)
}

/// ONNX Runtime's library alone, for benches.
///
/// # Errors
/// Names what cannot be had and what to install.
pub fn onnxruntime(workspace: &Workspace) -> Result<PathBuf> {
    onnxruntime::library(workspace)
}

fn say(what: &str) {
    eprintln!("setup: {what}");
}
