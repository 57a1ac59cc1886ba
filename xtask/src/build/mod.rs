//! `cargo xtask build`: Rust to wasm, glue, size optimisation, and exactly what ships under `dist/`.

mod compile;
mod dist;
mod glue;
mod stamp;
mod www;

pub(crate) use dist::files_below;

use anyhow::Result;

use crate::setup::{self, Tools};
use crate::workspace::Workspace;

/// Where module `name` lies in a folder, as in what ships: `{name}.wasm` and its JavaScript.
pub(crate) const VISITOR: &str = "visitor";
/// The Worker that draws and perturbs.
pub(crate) const PRECOMPUTE: &str = "precompute";
/// The browser widget.
pub(crate) const WIDGET: &str = "widget";

/// How a package becomes a wasm module.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Module {
    /// Short name, also of the files that ship.
    pub name: &'static str,
    /// Cargo's package.
    pub package: &'static str,
    /// Cargo's profile.
    pub profile: &'static str,
    /// `RUSTFLAGS`.
    pub rustflags: &'static str,
    /// Whether wasm-opt shrinks it.
    pub shrink: bool,
}

/// The modules that ship. tract gains nothing from wasm-opt, and twice from SIMD.
pub(crate) const MODULES: [Module; 3] = [
    Module {
        name: VISITOR,
        package: "parallax-edge-visitor",
        profile: "wasm-small",
        rustflags: "",
        shrink: true,
    },
    Module {
        name: PRECOMPUTE,
        package: "parallax-edge-precompute",
        profile: "wasm-fast",
        rustflags: "-C target-feature=+simd128",
        shrink: false,
    },
    Module {
        name: WIDGET,
        package: "parallax-widget",
        profile: "wasm-small",
        rustflags: "",
        shrink: true,
    },
];

/// Builds what changed and brings `dist/` up to date. Returns the tools it set up.
///
/// # Errors
/// When a tool is missing or a step fails; `dist/` then still holds the build before.
pub fn run(workspace: &Workspace) -> Result<Tools> {
    let tools = setup::for_build(workspace)?;
    let mut dist = dist::Dist::default();
    for module in &MODULES {
        say(&format!("{}: compiling", module.name));
        let wasm = compile::compile(workspace, module)?;
        let glued = glue::glue(workspace, &tools, module, &wasm)?;
        if module.name == WIDGET {
            www::collect(workspace, &tools, &glued, &mut dist)?;
        } else {
            dist.add(&format!("edge/{}.wasm", module.name), glued.wasm);
            dist.add(&format!("edge/{}.js", module.name), glued.javascript);
        }
    }
    let changed = dist.write(&workspace.dist())?;
    say(&format!("dist/: {} files, {changed} changed", dist.len()));
    Ok(tools)
}

fn say(what: &str) {
    eprintln!("build: {what}");
}
