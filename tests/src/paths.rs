//! Where the clone is, and what `cargo xtask` hands over.

use std::path::{Path, PathBuf};

/// Root of the clone.
///
/// # Panics
/// Never: the crate lies in it.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies in the clone")
        .to_path_buf()
}

/// What `cargo xtask test` hands over in an environment variable.
///
/// # Panics
/// When it is not set.
#[must_use]
pub fn tool(variable: &str) -> PathBuf {
    let value = std::env::var_os(variable);
    value.map_or_else(
        || panic!("{variable} is not set: run these tests with `cargo xtask test`"),
        PathBuf::from,
    )
}
