//! ONNX Runtime's dynamic library: where it is, else from its npm package.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::{npm, say};
use crate::process;
use crate::workspace::Workspace;

/// The oldest release that speaks the API the trainer asks for (`ort`'s feature `api-24`).
const OLDEST: (u32, u32) = (1, 24);

/// Where Python keeps the package's libraries; empty when it has none. Importing it would take a second.
const PYTHON: &str = "import importlib.util as u; s = u.find_spec('onnxruntime'); \
                      print(s.submodule_search_locations[0] if s else '')";

/// `ORT_DYLIB_PATH`, else Python's package `onnxruntime`, else npm's `onnxruntime-node`.
pub(super) fn library(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("ORT_DYLIB_PATH")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
    {
        if !path.is_file() {
            bail!("ORT_DYLIB_PATH names {}, which is no file", path.display());
        }
        return Ok(path);
    }
    if let Some(path) = in_python() {
        return Ok(path);
    }
    let Some(folder) = npm_folder() else {
        bail!("no ONNX Runtime for this platform: install Python's package onnxruntime or set ORT_DYLIB_PATH");
    };
    let modules = npm::install(workspace, "onnxruntime", "ONNX Runtime (250 MB)")?;
    match newest(&modules.join("onnxruntime-node/bin/napi-v6").join(folder)) {
        Some(path) => Ok(path),
        None => bail!("npm's onnxruntime-node holds no library: install Python's package onnxruntime"),
    }
}

fn in_python() -> Option<PathBuf> {
    let package = process::stdout(Command::new("python3").args(["-c", PYTHON])).ok()?;
    let library = newest(&Path::new(&package).join("capi"));
    if library.is_none() && !package.is_empty() {
        say(&format!(
            "the onnxruntime in {package} is older than {}.{}: not used",
            OLDEST.0, OLDEST.1
        ));
    }
    library
}

fn npm_folder() -> Option<&'static str> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Some("linux/x64"),
        ("linux", "aarch64") => Some("linux/arm64"),
        ("macos", "aarch64") => Some("darwin/arm64"),
        _ => None,
    }
}

/// The library in `folder`, unless its name says that it is too old.
fn newest(folder: &Path) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder)
        .ok()?
        .filter_map(Result::ok)
        .map(|entry| entry.path());
    files
        .filter(|file| file.file_name().and_then(|name| name.to_str()).is_some_and(is_usable))
        .max()
}

/// Whether a file of this name is a library of ONNX Runtime that is new enough: `libonnxruntime.so.1.31.1`,
/// `libonnxruntime.so.1`, `libonnxruntime.1.24.2.dylib`.
fn is_usable(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("libonnxruntime.") else {
        return false;
    };
    let numbers: Vec<u32> = rest.split('.').filter_map(|part| part.parse().ok()).collect();
    let is_library = rest.starts_with("so") || rest.ends_with("dylib");
    is_library
        && match numbers[..] {
            [major, minor, ..] => (major, minor) >= OLDEST,
            _ => true,
        }
}

#[cfg(test)]
mod tests {
    use super::is_usable;

    #[test]
    fn libraries_are_told_by_name_and_version() {
        let cases = [
            ("libonnxruntime.so.1.31.1", true),
            ("libonnxruntime.so.1.24.0", true),
            ("libonnxruntime.so.1.23.2", false),
            ("libonnxruntime.so.1", true),
            ("libonnxruntime.1.24.2.dylib", true),
            ("libonnxruntime_providers_shared.so", false),
            ("onnxruntime_pybind11_state.so", false),
        ];
        for (name, usable) in cases {
            assert_eq!(is_usable(name), usable, "{name}");
        }
    }
}
