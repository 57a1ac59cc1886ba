//! From cargo's wasm to a module with its JavaScript: wasm-bindgen (as a library: no binary of a matching version has
//! to be installed), wasm-opt, esbuild.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use super::stamp::{self, Stamp};
use super::{Module, WIDGET, say};
use crate::process;
use crate::setup::Tools;
use crate::workspace::Workspace;

/// What rustc lets a module use by default; wasm-opt wants it said.
const WASM_FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// A module ready to ship.
#[derive(Debug)]
pub(super) struct Glued {
    /// The wasm.
    pub wasm: Vec<u8>,
    /// The JavaScript that instantiates it.
    pub javascript: Vec<u8>,
}

/// Generates glue for `wasm` and shrinks both, unless nothing changed since the last time.
pub(super) fn glue(workspace: &Workspace, tools: &Tools, module: &Module, wasm: &Path) -> Result<Glued> {
    let folder = workspace.work().join(module.name);
    let out = Paths::new(&folder, module);
    let input = read(wasm)?;
    let shim = match module.name {
        WIDGET => None,
        name => Some(workspace.root.join("edge").join(name).join("shim.js")),
    };
    let shim_text = shim.as_deref().map(read).transpose()?.unwrap_or_default();
    let stamp = Stamp::default()
        .input(&input)
        .input(&shim_text)
        .input(include_bytes!("glue.rs"))
        .input(tools.modules.as_os_str().as_encoded_bytes())
        .finish();
    if !stamp::is_fresh(&out.stamp, &stamp) {
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        say(&format!(
            "{}: wasm-bindgen{}",
            module.name,
            if module.shrink { ", wasm-opt" } else { "" }
        ));
        bindgen(module, wasm, &folder)?;
        if module.shrink {
            shrink(tools, &out.wasm)?;
        }
        match shim {
            Some(shim) => {
                std::fs::write(&out.entry, &shim_text).with_context(|| format!("cannot copy {}", shim.display()))?;
                bundle(tools, module, &out)?;
            }
            None => minify(tools, &out.bindgen, &out.bundled)?,
        }
        std::fs::write(&out.stamp, stamp).context("cannot write a build stamp")?;
    }
    Ok(Glued {
        wasm: read(&out.wasm)?,
        javascript: read(&out.bundled)?,
    })
}

/// Files of one module's intermediate folder.
struct Paths {
    wasm: PathBuf,
    bindgen: PathBuf,
    entry: PathBuf,
    bundled: PathBuf,
    stamp: PathBuf,
}

impl Paths {
    fn new(folder: &Path, module: &Module) -> Self {
        let name = module.name;
        Self {
            wasm: folder.join(format!("{name}.wasm")),
            bindgen: folder.join(format!("{name}_bindgen.js")),
            entry: folder.join(format!("{name}.js")),
            bundled: folder.join("bundled.js"),
            stamp: folder.join("stamp"),
        }
    }
}

fn bindgen(module: &Module, wasm: &Path, folder: &Path) -> Result<()> {
    let name = module.name;
    Bindgen::new()
        .web(true)
        .and_then(|bindgen| {
            bindgen
                .input_path(wasm)
                .out_name(&format!("{name}_bindgen"))
                .typescript(false)
                .remove_name_section(true)
                .remove_producers_section(true)
                // A Worker starts afresh after a panic: its shim calls `__wbg_reset_state`.
                .reset_state_function(module.name != WIDGET)
                .generate(folder)
        })
        .with_context(|| format!("wasm-bindgen cannot process {}", wasm.display()))?;
    std::fs::rename(
        folder.join(format!("{name}_bindgen_bg.wasm")),
        folder.join(format!("{name}.wasm")),
    )
    .context("wasm-bindgen left no module")
}

fn shrink(tools: &Tools, wasm: &Path) -> Result<()> {
    process::run_quietly(
        tools
            .wasm_opt()
            .args(["-Oz", "--strip-debug", "--strip-producers"])
            .args(WASM_FEATURES)
            .arg(wasm)
            .arg("-o")
            .arg(wasm),
    )
}

/// One file of the shim, wasm-bindgen's glue and its snippets; the wasm stays an import that the platform resolves.
fn bundle(tools: &Tools, module: &Module, out: &Paths) -> Result<()> {
    let mut command = tools.esbuild();
    command
        .arg(&out.entry)
        .args([
            "--bundle",
            "--format=esm",
            "--target=es2022",
            "--minify-whitespace",
            "--minify-syntax",
        ])
        .args([
            "--legal-comments=none",
            "--log-level=warning",
            "--external:cloudflare:*",
            "--external:node:*",
        ])
        .arg(format!("--external:./{}.wasm", module.name))
        .arg("--external:*.onnx")
        .arg(format!("--outfile={}", out.bundled.display()));
    process::run_quietly(&mut command)
}

/// Shrinks one file of JavaScript or CSS.
pub(super) fn minify(tools: &Tools, from: &Path, to: &Path) -> Result<()> {
    let mut command = tools.esbuild();
    command
        .arg(from)
        .args([
            "--minify",
            "--target=es2020",
            "--legal-comments=none",
            "--log-level=warning",
        ])
        .arg(format!("--outfile={}", to.display()));
    process::run_quietly(&mut command)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
