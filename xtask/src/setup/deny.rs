//! cargo-deny, which checks licences, bans and sources.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::say;
use crate::process;
use crate::workspace::Workspace;

/// The version installed, and the oldest accepted on `PATH`: `deny.toml` is written for it.
const VERSION: &str = "0.20.2";
const OLDEST_MINOR: u32 = 18;

/// The one on `PATH`, else one built into the cache.
pub(super) fn cargo_deny(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(path) = process::find(&["cargo-deny"]).filter(is_recent) {
        return Ok(path);
    }
    let folder = workspace.cache.join(format!("cargo-deny-{VERSION}"));
    let program = folder.join("bin/cargo-deny");
    if program.is_file() {
        return Ok(program);
    }
    say(&format!(
        "building cargo-deny {VERSION} into {} (two to four minutes, once)",
        folder.display()
    ));
    let build = folder.join("build");
    let root = folder.to_string_lossy();
    process::run_quietly(
        Command::new("cargo")
            .args([
                "install",
                "cargo-deny",
                "--version",
                VERSION,
                "--locked",
                "--root",
                root.as_ref(),
            ])
            .env("CARGO_TARGET_DIR", &build)
            .current_dir(&workspace.root),
    )
    .context("cargo-deny cannot be built: install it with `cargo install cargo-deny --locked`")?;
    drop(std::fs::remove_dir_all(build));
    Ok(program)
}

fn is_recent(program: &PathBuf) -> bool {
    // Prints `cargo-deny 0.20.2`.
    let Ok(printed) = process::stdout(Command::new(program).arg("--version")) else {
        return false;
    };
    let minor = printed
        .rsplit(' ')
        .next()
        .and_then(|version| version.split('.').nth(1)?.parse::<u32>().ok());
    minor.is_some_and(|minor| minor >= OLDEST_MINOR)
}
