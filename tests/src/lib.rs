//! The harness of the end to end tests: a real edge with storage of its own, an HTTP client, visitors who behave well or
//! badly. The tests themselves are in `tests/tests/`, what drives a browser in `tests/browser/`.
//!
//! Tests need what `cargo xtask setup` installs and `cargo xtask build` leaves; `cargo xtask test` hands it over.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a harness ends a test with the reason; no input is from outside"
)]

pub mod checkpoint;
pub mod client;
pub mod edge;
pub mod forge;
pub mod image_set;
pub mod paths;
pub mod server;
#[cfg(feature = "models")]
pub mod shipped;
pub mod slides;
pub mod visitor;
