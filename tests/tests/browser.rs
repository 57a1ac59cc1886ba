//! The demo page in a real browser, driven by `tests/browser/*.test.mjs` under Node's test runner.

use std::process::Command;

use parallax_tests::edge::{Edge, EdgeConfig};
use parallax_tests::paths::{repository, tool};

#[test]
fn the_demo_page_in_a_browser() {
    let (edge, _) = Edge::with_pictures(&EdgeConfig::default());
    let status = Command::new(tool("PARALLAX_NODE"))
        .args(["--test", "--test-concurrency=1", "--test-reporter=tap"])
        .arg(repository().join("tests/browser/demo.test.mjs"))
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
