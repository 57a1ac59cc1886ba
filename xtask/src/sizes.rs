//! `cargo xtask sizes`: what ships, raw and compressed, against its limits.

use std::io::Write;

use anyhow::{Context, Result, bail};

use crate::build;
use crate::process;
use crate::workspace::Workspace;

/// A limit on the sum of some files, gzip.
struct Limit {
    what: &'static str,
    files: &'static [&'static str],
    bytes: usize,
}

const LIMITS: [Limit; 3] = [
    Limit {
        what: "visitor path",
        files: &["edge/visitor.wasm"],
        bytes: 350_000,
    },
    Limit {
        what: "widget (wasm and JavaScript)",
        files: &["www/api.js", "www/widget/widget.js", "www/widget/widget.wasm"],
        bytes: 30_000,
    },
    Limit {
        what: "precompute path (the platform's limit)",
        files: &["edge/precompute.js", "edge/precompute.wasm"],
        bytes: 10_000_000,
    },
];

/// Prints every file of `dist/` raw, gzip and brotli.
///
/// # Errors
/// When a limit is exceeded, a file it names is missing, or tract is among the visitor path's dependencies.
pub fn run(workspace: &Workspace) -> Result<()> {
    let dist = workspace.dist();
    let mut gzipped = std::collections::BTreeMap::new();
    println!("{:<44} {:>12} {:>12} {:>12}", "file", "raw", "gzip", "brotli");
    for file in build::files_below(&dist)? {
        let content = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let (gzip, brotli) = (gzip_length(&content)?, brotli_length(&content)?);
        let name = file.strip_prefix(&dist).unwrap_or(&file).to_string_lossy().into_owned();
        println!("{name:<44} {:>12} {gzip:>12} {brotli:>12}", content.len());
        gzipped.insert(name, gzip);
    }
    println!();
    let mut exceeded = Vec::new();
    for limit in &LIMITS {
        let mut sum = 0;
        for file in limit.files {
            sum += gzipped.get(*file).with_context(|| format!("dist/{file} is missing"))?;
        }
        println!("{}: {sum} of {} bytes gzip", limit.what, limit.bytes);
        if sum > limit.bytes {
            exceeded.push(limit.what);
        }
    }
    if !exceeded.is_empty() {
        bail!("too large: {}", exceeded.join(", "));
    }
    without_tract(workspace)?;
    println!("visitor path: no tract among its dependencies");
    Ok(())
}

/// Answering a visitor must never pay for the solver.
fn without_tract(workspace: &Workspace) -> Result<()> {
    let tree = process::stdout(workspace.cargo().args([
        "tree",
        "--package",
        "parallax-edge-visitor",
        "--target",
        "wasm32-unknown-unknown",
        "--edges",
        "normal",
        "--prefix",
        "none",
    ]))?;
    match tree.lines().find(|line| line.starts_with("tract")) {
        Some(line) => bail!("the visitor path depends on {line}"),
        None => Ok(()),
    }
}

fn gzip_length(content: &[u8]) -> Result<usize> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?.len())
}

/// At quality 9, what a server compresses to ahead of time in reasonable time; 11 takes half a minute for tract.
fn brotli_length(content: &[u8]) -> Result<usize> {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: 9,
        lgwin: 22,
        ..Default::default()
    };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &content[..], &mut compressed, &parameters)?;
    Ok(compressed.len())
}
