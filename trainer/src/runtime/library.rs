//! Where ONNX Runtime's library is: named by the user, put there by `cargo xtask`, or part of a Python package.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The variable that names the library.
pub const VARIABLE: &str = "ORT_DYLIB_PATH";

/// How deep below a root the library is looked for: `node_modules/onnxruntime-node/bin/napi-v6/linux/x64` is six.
const MAX_DEPTH: usize = 7;

/// How the library was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// [`VARIABLE`].
    Variable,
    /// `.parallax/` of the project.
    Project,
    /// `parallax/` in the user's cache.
    Cache,
    /// The Python package `onnxruntime`.
    Python,
}

/// ONNX Runtime's library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// Its path.
    pub path: PathBuf,
    /// How it was found.
    pub source: Source,
}

/// Why there is no library.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LibraryError {
    /// The variable names nothing.
    #[error("{VARIABLE} is {}, but there is no such file", path.display())]
    Named {
        /// What it names.
        path: PathBuf,
    },
    /// It is nowhere.
    #[error(
        "ONNX Runtime was not found: run `cargo xtask setup` or `pip install onnxruntime`, or set {VARIABLE} to its library"
    )]
    NotFound,
}

impl Library {
    /// Looks at [`VARIABLE`], then in the project, in the user's cache, and in Python's packages.
    ///
    /// # Errors
    /// [`LibraryError`].
    pub fn find() -> Result<Self, LibraryError> {
        if let Some(path) = env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
            return named(PathBuf::from(path));
        }
        let project = project_folders().into_iter().map(|root| (Source::Project, root));
        let cache = cache_folder().into_iter().map(|root| (Source::Cache, root));
        find_below(project.chain(cache))
            .or_else(|| find_below(python_package().map(|root| (Source::Python, root))))
            .ok_or(LibraryError::NotFound)
    }

    /// The version, as far as the file tells: its name (`libonnxruntime.so.1.31.1`), else the symbol version in it.
    #[must_use]
    pub fn version(&self) -> Option<String> {
        let path = fs::canonicalize(&self.path).ok()?;
        let name = path.file_name()?.to_str()?.to_owned();
        let named = name.split_once(".so.").map(|(_, version)| version.to_owned());
        named
            .filter(|version| version.contains('.'))
            .or_else(|| symbol_version(&fs::read(&path).ok()?))
    }
}

fn named(path: PathBuf) -> Result<Library, LibraryError> {
    if path.is_file() {
        let source = Source::Variable;
        return Ok(Library { path, source });
    }
    Err(LibraryError::Named { path })
}

fn find_below(roots: impl IntoIterator<Item = (Source, PathBuf)>) -> Option<Library> {
    roots.into_iter().find_map(|(source, root)| {
        let path = library_below(&root, MAX_DEPTH)?;
        Some(Library { path, source })
    })
}

/// `.parallax/onnxruntime*` of the current folder and of the folders above it, nearest first.
fn project_folders() -> Vec<PathBuf> {
    let here = env::current_dir().unwrap_or_default();
    here.ancestors()
        .flat_map(|root| runtime_folders(&root.join(".parallax")))
        .collect()
}

/// `${XDG_CACHE_HOME:-~/.cache}/parallax/onnxruntime*`.
fn cache_folder() -> Vec<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    cache
        .map(|cache| runtime_folders(&cache.join("parallax")))
        .unwrap_or_default()
}

/// The sub-folders of `folder` that are called `onnxruntime*`, or `npm-onnxruntime-*` as `cargo xtask setup` calls them;
/// what it has not finished is called `*.partial-*`.
fn runtime_folders(folder: &Path) -> Vec<PathBuf> {
    let named = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let name = name.strip_prefix("npm-").unwrap_or(name);
        name.starts_with("onnxruntime") && !name.contains(".partial-")
    };
    sorted_entries(folder).into_iter().filter(named).collect()
}

/// The folder of Python's `onnxruntime`, which is asked for without importing it.
fn python_package() -> Option<PathBuf> {
    const ASK: &str = "import importlib.util as u; print(u.find_spec('onnxruntime').submodule_search_locations[0])";
    let output = Command::new("python3").args(["-c", ASK]).output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !folder.trim().is_empty()).then(|| PathBuf::from(folder.trim()))
}

/// The library in `root` or below: the highest name where there are several.
fn library_below(root: &Path, depth: usize) -> Option<PathBuf> {
    let entries = sorted_entries(root);
    let here = entries.iter().rev().find(|path| is_library(path) && path.is_file());
    if here.is_some() || depth == 0 {
        return here.cloned();
    }
    let folders = entries.iter().filter(|path| path.is_dir() && !path.is_symlink());
    folders.rev().find_map(|folder| library_below(folder, depth - 1))
}

fn sorted_entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

/// Whether a file is the library for this system: with its version in its name or without, but not a provider's.
fn is_library(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return false;
    };
    let foreign_architecture = path.components().any(|part| {
        let part = part.as_os_str();
        part == if cfg!(target_arch = "x86_64") { "arm64" } else { "x64" }
    });
    let (prefix, suffix) = (env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    let stem = format!("{prefix}onnxruntime");
    let rest = name.strip_prefix(&stem);
    !foreign_architecture
        && rest.is_some_and(|rest| rest.starts_with(suffix) || (rest.starts_with('.') && rest.ends_with(suffix)))
}

/// The version in `VERS_1.31.1`, which ONNX Runtime's exported symbols carry on Linux.
fn symbol_version(library: &[u8]) -> Option<String> {
    const MARK: &[u8] = b"VERS_";
    let start = library.windows(MARK.len()).position(|window| window == MARK)? + MARK.len();
    let version = library.get(start..)?.iter().take(16);
    let version: String = version
        .map(|byte| char::from(*byte))
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    (!version.is_empty()).then_some(version)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn library_name(version: &str) -> String {
        format!(
            "{}onnxruntime{}{version}",
            env::consts::DLL_PREFIX,
            env::consts::DLL_SUFFIX
        )
    }

    #[test]
    fn the_library_is_found_in_the_layouts_of_its_packages() {
        let root = TempDir::new().unwrap();
        for folder in ["capi", "node_modules/onnxruntime-node/bin/napi-v6/linux/x64", "arm64"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let provider = root
            .path()
            .join("capi")
            .join(library_name("").replace("runtime", "runtime_providers_shared"));
        fs::write(provider, "").unwrap();
        fs::write(root.path().join("arm64").join(library_name("")), "").unwrap();
        if cfg!(target_arch = "x86_64") {
            assert_eq!(library_below(root.path(), MAX_DEPTH), None);
            let node = root
                .path()
                .join("node_modules/onnxruntime-node/bin/napi-v6/linux/x64")
                .join(library_name(".1"));
            fs::write(&node, "").unwrap();
            assert_eq!(library_below(root.path(), MAX_DEPTH), Some(node));
        }
        let flat = root.path().join(library_name(""));
        fs::write(&flat, "").unwrap();
        assert_eq!(library_below(root.path(), 0), Some(flat));
    }

    #[test]
    fn unfinished_installations_are_passed_over() {
        let root = TempDir::new().unwrap();
        let names = [
            "npm-onnxruntime-77",
            "npm-onnxruntime-78.partial-9",
            "npm-tools-1",
            "onnxruntime-1.31",
        ];
        for name in names {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        assert_eq!(
            runtime_folders(root.path()),
            [root.path().join(names[0]), root.path().join(names[3])]
        );
    }

    #[test]
    fn a_name_that_leads_nowhere_is_an_error() {
        let path = PathBuf::from("/nowhere/libonnxruntime.so");
        let error = named(path.clone()).unwrap_err();
        assert_eq!(error, LibraryError::Named { path });
        assert!(
            error
                .to_string()
                .starts_with("ORT_DYLIB_PATH is /nowhere/libonnxruntime.so")
        );
    }

    #[test]
    fn versions_are_read_from_name_or_symbols() {
        let root = TempDir::new().unwrap();
        let library = |name: &str| Library {
            path: root.path().join(name),
            source: Source::Python,
        };
        fs::write(root.path().join("libonnxruntime.so.1.31.1"), "").unwrap();
        fs::write(
            root.path().join("libonnxruntime.so.1"),
            "\0\0VERS_1.30.0\0OrtGetApiBase",
        )
        .unwrap();
        assert_eq!(library("libonnxruntime.so.1.31.1").version().as_deref(), Some("1.31.1"));
        assert_eq!(library("libonnxruntime.so.1").version().as_deref(), Some("1.30.0"));
        assert_eq!(library("missing").version(), None);
    }
}
