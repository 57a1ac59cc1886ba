//! Pages in a real browser, driven by `tests/browser/*.test.mjs` under Node's test runner.

#![allow(clippy::expect_used, reason = "a test without node ends")]

use std::process::Command;
use std::sync::{Mutex, PoisonError};

use parallax_tests::edge::{Edge, EdgeConfig};
use parallax_tests::paths::{repository, tool};

#[test]
fn the_demo_page_in_a_browser() {
    run(&["demo", "environment"]);
}

#[test]
fn attackers_in_a_browser() {
    run(&["attackers"]);
}

/// Runs files of tests against an edge of their own, which has seen nobody yet.
fn run(files: &[&str]) {
    // One browser at a time: what is measured is movement, and a busy machine shakes.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (edge, _) = Edge::with_pictures(&EdgeConfig::default());
    let status = Command::new(tool("PARALLAX_NODE"))
        .args(["--test", "--test-concurrency=1", "--test-reporter=tap"])
        .args(
            files
                .iter()
                .map(|file| repository().join(format!("tests/browser/{file}.test.mjs"))),
        )
        .env("PARALLAX_ADDRESS", &edge.client.address)
        .env("PARALLAX_ADMIN_KEY", &edge.admin_key)
        .status()
        .expect("node starts");
    assert!(
        status.success(),
        "see the report above ({status}); the edge's log:\n{}",
        edge.server.log()
    );
}
