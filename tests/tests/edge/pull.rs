//! `parallax pull` against an edge: exactly what was recorded, with the pictures that were shown, nothing twice.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, and so do its helpers"
)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use parallax_captcha::wire::Outcome;
use parallax_edge_shared::query::Query;
use parallax_tests::edge::{Edge, EdgeConfig, RECORDED};
use parallax_tests::paths::tool;
use parallax_tests::visitor::Visitor;
use serde_json::{Value, json};

use crate::exclusive;

fn recorded(edge: &Edge) -> Vec<Query> {
    edge.client
        .get("/admin/v1/queries")
        .bearer(&edge.admin_key)
        .send()
        .lines()
}

/// Records are written after the visitor was answered.
fn wait_for(edge: &Edge, count: usize) -> Vec<Query> {
    let started = Instant::now();
    loop {
        let records = recorded(edge);
        if records.len() >= count {
            return records;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{records:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn pull(edge: &Edge, out: &Path, options: &[&str]) -> Value {
    let output = Command::new(tool("PARALLAX_PROGRAM"))
        .args(["pull", "--json", "--edge", &edge.client.address, "--out"])
        .arg(out)
        .args(options)
        .env("PARALLAX_ADMIN_KEY", &edge.admin_key)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(!errors.contains(&edge.admin_key));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn lines(out: &Path) -> Vec<Value> {
    let text = fs::read_to_string(out.join("queries.ndjson")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn pulled_is_what_was_recorded_and_nothing_twice() {
    let _turn = exclusive();
    let (edge, _) = Edge::with_pictures(&EdgeConfig {
        set_size: 8,
        ..EdgeConfig::default()
    });
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("answers");
    let nothing = json!({ "added": 0, "skipped": 0, "total": 0, "deleted": 0 });
    assert_eq!(pull(&edge, &out, &[]), nothing);

    let visitor = Visitor::of(&edge, RECORDED);
    let first = visitor.challenged();
    let mut shown = vec![visitor.picture(&first)];
    let Outcome::Retry { challenge: second } = visitor.answer(&first, "PPPP") else {
        panic!("a wrong answer gets another picture");
    };
    shown.push(visitor.picture(&second));
    assert!(matches!(visitor.answer(&second, "YYYY"), Outcome::Retry { .. }));
    let records = wait_for(&edge, 2);

    assert_eq!(
        pull(&edge, &out, &[]),
        json!({ "added": 2, "skipped": 0, "total": 2, "deleted": 0 })
    );
    let pulled = lines(&out);
    assert_eq!(pulled.len(), 2);
    for ((line, query), picture) in pulled.iter().zip(&records).zip(&shown) {
        let image = line["image"].as_str().unwrap();
        assert!(fs::read(out.join(image)).unwrap() == *picture, "{image}");
        let mut expected = serde_json::to_value(query).unwrap();
        let fields = expected.as_object_mut().unwrap();
        let weight = fields.remove("p_bot").unwrap();
        fields.insert("image".to_owned(), json!(image));
        fields.insert("edge".to_owned(), json!(edge.client.address));
        let mut line = line.clone();
        let found = line.as_object_mut().unwrap().remove("weight").unwrap();
        // One is an f32, the other was read from its shortest decimal form.
        assert!(
            (found.as_f64().unwrap() - weight.as_f64().unwrap()).abs() < 1e-6,
            "{line}"
        );
        assert_eq!(line, expected);
    }

    assert_eq!(
        pull(&edge, &out, &[]),
        json!({ "added": 0, "skipped": 0, "total": 2, "deleted": 0 })
    );
    let third = visitor.challenged();
    assert!(matches!(visitor.answer(&third, "ZZZZ"), Outcome::Retry { .. }));
    wait_for(&edge, 3);
    assert_eq!(
        pull(&edge, &out, &["--delete"]),
        json!({ "added": 1, "skipped": 0, "total": 3, "deleted": 3 })
    );
    assert_eq!(lines(&out)[..2], pulled);
    assert!(recorded(&edge).is_empty());
    assert_eq!(
        pull(&edge, &out, &["--delete"]),
        json!({ "added": 0, "skipped": 0, "total": 3, "deleted": 0 })
    );
}
