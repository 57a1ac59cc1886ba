//! Where things are: the clone, cargo's target folder, the cache outside the clone.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;

/// Folders every command works in.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// Root of the clone.
    pub root: PathBuf,
    /// Cargo's target folder, wherever the user's configuration put it.
    pub target: PathBuf,
    /// What set-up installs, shared by all clones: `$XDG_CACHE_HOME/parallax`.
    pub cache: PathBuf,
}

impl Workspace {
    /// Asks cargo where this workspace lies.
    ///
    /// # Errors
    /// When cargo cannot be run or neither `XDG_CACHE_HOME` nor `HOME` is set.
    pub fn locate() -> Result<Self> {
        let metadata = process::stdout(cargo().args(["metadata", "--format-version", "1", "--no-deps"]))?;
        let metadata: serde_json::Value =
            serde_json::from_str(&metadata).context("`cargo metadata` printed no JSON")?;
        let path = |field: &str| -> Result<PathBuf> {
            let text = metadata.get(field).and_then(serde_json::Value::as_str);
            text.map(PathBuf::from)
                .with_context(|| format!("`cargo metadata` printed no {field}"))
        };
        Ok(Self {
            root: path("workspace_root")?,
            target: path("target_directory")?,
            cache: cache_folder()?,
        })
    }

    /// `dist/`: exactly what ships.
    #[must_use]
    pub fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// Intermediate files of the build.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.target.join("xtask")
    }

    /// A cargo command in the workspace root, building into the same target folder.
    #[must_use]
    pub fn cargo(&self) -> Command {
        let mut command = cargo();
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        command
    }
}

/// The cargo that runs this program.
fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // `cargo run` describes this package to us; a nested cargo must not take the description for its own.
    for (name, _) in std::env::vars_os() {
        let inherited = name.to_string_lossy();
        if inherited.starts_with("CARGO_PKG_") || inherited.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

fn cache_folder() -> Result<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .map(|base| base.join("parallax"))
        .context("neither XDG_CACHE_HOME nor HOME is set: no place for the tools that set-up installs")
}
