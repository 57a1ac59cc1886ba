//! Checkpoints: sent, used for the next image set, taken back; refused with the reason, the old one serving on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, and so do its helpers"
)]

mod bad_bundles;
mod ensemble;
mod generator;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use parallax_edge_shared::admin::{AdminErrorReply, CheckpointList, CheckpointSummary};
use parallax_edge_shared::digest::Digest;
use parallax_onnx::bundle::Bundle;
use parallax_onnx::signature::SigningKey;
use parallax_tests::checkpoint::Checkpoint;
use parallax_tests::client::{Call, Reply};
use parallax_tests::edge::{Checkpoints, Edge, EdgeConfig};
use parallax_tests::image_set::ImageSet;
use parallax_tests::paths::{repository, tool};

use crate::exclusive;

const PATH: &str = "/admin/v1/checkpoints";

fn small() -> EdgeConfig {
    EdgeConfig {
        set_size: 2,
        ..EdgeConfig::default()
    }
}

fn post(edge: &Edge, path: &str) -> Call {
    edge.client.post(path).bearer(&edge.admin_key)
}

fn push(edge: &Edge, bundle: &Bundle) -> Reply {
    post(edge, PATH)
        .body("application/json", bundle.encode().unwrap())
        .send()
}

fn promote(edge: &Edge, digest: Digest) -> Reply {
    post(edge, &format!("{PATH}/{digest}/promote")).send()
}

fn list(edge: &Edge) -> Vec<CheckpointSummary> {
    let reply = edge.client.get(PATH).bearer(&edge.admin_key).send();
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json::<CheckpointList>().checkpoints
}

fn current(edge: &Edge) -> Digest {
    let all = list(edge);
    let current: Vec<_> = all.iter().filter(|checkpoint| checkpoint.current).collect();
    assert_eq!(current.len(), 1, "{all:?}");
    current[0].digest
}

/// Orders a set; which checkpoint it was made with.
fn made_with(edge: &Edge) -> Digest {
    let before = ImageSet::export(edge, "current").index.id;
    assert_eq!(post(edge, "/admin/v1/sets/refresh").send().status, 202);
    let set = ImageSet::wait_until(edge, Duration::from_secs(120), |sets| {
        sets.sets.first().is_some_and(|set| set.id != before)
    });
    set.index.recipe.checkpoint
}

fn assert_refused(reply: &Reply, status: u16, code: &str, field: Option<&str>, name: &str) {
    assert_eq!(reply.error(), (status, code.to_owned()), "{name}: {reply:?}");
    let error = reply.json::<AdminErrorReply>().error;
    assert_eq!(error.field.as_deref(), field, "{name}: {}", error.message);
}

#[test]
fn a_signed_checkpoint_makes_the_next_set_and_can_be_taken_back() {
    let _turn = exclusive();
    let (edge, first) = Edge::with_pictures(&small());
    let shipped = first.index.recipe.checkpoint;
    assert_eq!(current(&edge), shipped);

    let sent = Checkpoint::measured(0.5);
    let reply = push(&edge, &sent.signed(&edge.signing_key));
    assert_eq!(reply.status, 201, "{reply:?}");
    let taken: CheckpointSummary = reply.json();
    let digest = Digest::of(&sent.manifest_json());
    assert_eq!(
        (taken.digest, taken.current, &taken.metrics),
        (digest, true, &sent.manifest.metrics)
    );
    assert_eq!(taken.signed_by, Some(edge.signing_key.public().to_string()));
    assert!(taken.created.is_some());
    assert_eq!(made_with(&edge), digest);

    a_withdrawn_key_ends_its_checkpoints(&edge, digest, shipped);

    // Sent again: there once.
    assert_eq!(push(&edge, &sent.signed(&edge.signing_key)).status, 201);
    let digests: Vec<_> = list(&edge).iter().map(|checkpoint| checkpoint.digest).collect();
    assert_eq!(digests, [digest, shipped]);

    let reply = promote(&edge, shipped);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(current(&edge), shipped);
    assert_eq!(made_with(&edge), shipped);
    assert_eq!(promote(&edge, digest).json::<CheckpointSummary>().digest, digest);
    assert_eq!(current(&edge), digest);

    // The one that ships needs no room in the bucket, and its manifest is sent as it lies in the clone.
    let mut bundle = Checkpoint::shipped().signed(&edge.signing_key);
    bundle.manifest = fs::read(repository().join("onnx/checkpoints/shipped/manifest.json")).unwrap();
    bundle.signature = edge.signing_key.sign(&bundle.manifest);
    assert_eq!(push(&edge, &bundle).json::<CheckpointSummary>().digest, shipped);
    assert_eq!((current(&edge), list(&edge).len()), (shipped, 2));
    assert_eq!(promote(&edge, digest).status, 200);

    for unknown in [Digest::of(b"").to_string(), "..%2Fcurrent.json".to_owned()] {
        let reply = post(&edge, &format!("{PATH}/{unknown}/promote")).send();
        assert_refused(&reply, 404, "not-found", None, &unknown);
    }
    storage_is_not_believed(&edge, &sent, shipped);
}

/// Another key is configured since: what was stored in the bucket is refused when it is loaded.
fn a_withdrawn_key_ends_its_checkpoints(edge: &Edge, digest: Digest, shipped: Digest) {
    let changed = edge.start_on_copy(&small());
    let stored = list(&changed)
        .into_iter()
        .find(|checkpoint| checkpoint.digest == digest);
    let stored = stored.expect("it is stored");
    assert_eq!((stored.current, stored.signed_by), (true, None));
    assert_eq!(made_with(&changed), shipped);
    let reply = promote(&changed, digest);
    assert_refused(&reply, 403, "signature-invalid", Some("signature"), "withdrawn");
}

/// Whoever writes to the bucket has no key: what they wrote is not used.
fn storage_is_not_believed(edge: &Edge, sent: &Checkpoint, shipped: Digest) {
    let digest = Digest::of(&sent.manifest_json());
    assert_eq!(promote(edge, shipped).status, 200);
    let bundle = sent.signed(&edge.signing_key);
    let stranger = sent.signed(&SigningKey::from_seed(&[9; 32]));
    let signature = bundle.signature.to_string().into_bytes();
    let mut attack = sent.attack.clone();
    *attack.last_mut().unwrap() ^= 1;
    for (name, original, forged, status, code, field) in [
        (
            "signature",
            signature,
            stranger.signature.to_string().into_bytes(),
            403,
            "signature-invalid",
            "signature",
        ),
        (
            "graph",
            sent.attack.clone(),
            attack,
            422,
            "checkpoint-invalid",
            "files.attack.onnx",
        ),
    ] {
        let blob = blob(&edge.server.folder().join("state"), &original).expect("the bucket holds what was sent");
        fs::write(&blob, forged).unwrap();
        assert_refused(&promote(edge, digest), status, code, Some(field), name);
        assert_eq!(current(edge), shipped, "{name}");
        fs::write(&blob, original).unwrap();
        assert_eq!(promote(edge, digest).status, 200, "{name}");
        assert_eq!(promote(edge, shipped).status, 200);
    }
}

/// The file below `folder` with these bytes: the local bucket keeps each object in one.
fn blob(folder: &Path, bytes: &[u8]) -> Option<PathBuf> {
    fs::read_dir(folder)
        .ok()?
        .flatten()
        .find_map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => blob(&entry.path(), bytes),
            Ok(metadata) if metadata.len() == bytes.len() as u64 => {
                let found = fs::read(entry.path()).is_ok_and(|found| found == bytes);
                found.then(|| entry.path())
            }
            _ => None,
        })
}

#[test]
fn what_is_wrong_is_refused_and_the_old_one_serves_on() {
    let _turn = exclusive();
    let (edge, first) = Edge::with_pictures(&small());
    for (name, bundle, (status, code, field), said) in bad_bundles::bad_bundles(&edge.signing_key) {
        let reply = push(&edge, &bundle);
        assert_refused(&reply, status, code, field, name);
        assert!(reply.text().contains(said), "{name}: {reply:?}");
    }
    let post = || post(&edge, PATH);
    let json = |body: &[u8]| post().body("application/json", body);
    let oversized = vec![b' '; (16 << 20) + 1];
    for (name, call, status, code) in [
        ("no body", json(b""), 400, "bad-request"),
        ("no JSON", json(b"{"), 400, "bad-request"),
        ("no checkpoint", json(b"{}"), 400, "bad-request"),
        ("form", post().form(&[("a", "b")]), 415, "unsupported-media-type"),
        ("too large", json(&oversized), 413, "payload-too-large"),
        (
            "too large, and not said to be",
            json(&oversized).chunked(),
            413,
            "payload-too-large",
        ),
    ] {
        assert_refused(&call.send(), status, code, None, name);
    }
    let (shipped, one) = (first.index.recipe.checkpoint, list(&edge).len());
    assert_eq!((current(&edge), one), (shipped, 1));
    assert_eq!(made_with(&edge), shipped);
    only_the_admin_key_opens_them(&edge);
}

fn only_the_admin_key_opens_them(edge: &Edge) {
    let promote = format!("{PATH}/{}/promote", Digest::of(b""));
    for (method, path) in [("GET", PATH), ("POST", PATH), ("POST", &promote)] {
        let reply = edge.client.call(method, path).bearer(&"0".repeat(64)).send();
        assert_refused(&reply, 401, "unauthorized", None, path);
    }
    let reply = edge.client.call("DELETE", PATH).bearer(&edge.admin_key).send();
    assert_refused(&reply, 405, "method-not-allowed", None, "DELETE");
}

#[test]
fn without_a_configured_key_none_is_taken() {
    let _turn = exclusive();
    let edge = Edge::start(&EdgeConfig {
        checkpoints: Checkpoints::Refused,
        ..small()
    });
    let reply = push(&edge, &Checkpoint::measured(0.5).signed(&edge.signing_key));
    assert_refused(&reply, 409, "no-checkpoint-keys", None, "no keys");
    assert!(reply.text().contains("CHECKPOINT_KEYS"), "{reply:?}");
    assert_eq!(list(&edge).len(), 1);
}

#[test]
fn the_program_signs_and_sends_a_checkpoint() {
    let _turn = exclusive();
    let edge = Edge::start(&small());
    let folder = tempfile::tempdir().unwrap();
    let (checkpoint, key) = (folder.path().join("checkpoint"), folder.path().join("own.key"));
    let sent = Checkpoint::measured(0.25);
    sent.write(&checkpoint);
    fs::write(&key, edge.signing_key.to_secret_hex()).unwrap();
    let push = |key: &Path, admin_key: &str| {
        Command::new(tool("PARALLAX_PROGRAM"))
            .args(["push", "--json", "--edge", &edge.client.address, "--key"])
            .args([key, &checkpoint])
            .env("PARALLAX_ADMIN_KEY", admin_key)
            .output()
            .unwrap()
    };
    let pushed = push(&key, &edge.admin_key);
    assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
    let pushed: serde_json::Value = serde_json::from_slice(&pushed.stdout).unwrap();
    assert_eq!(pushed["digest"], Digest::of(&sent.manifest_json()).to_string());
    assert_eq!(current(&edge), Digest::of(&sent.manifest_json()));

    let other = folder.path().join("other.key");
    let made = Command::new(tool("PARALLAX_PROGRAM"))
        .args(["key", "--out"])
        .arg(&other)
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&made.stdout).starts_with("CHECKPOINT_KEYS="));
    for (key, admin_key, said) in [
        (&other, edge.admin_key.as_str(), "signature-invalid"),
        (&key, "0000000000000000", "unauthorized"),
    ] {
        let refused = push(key, admin_key);
        let text = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{text}");
        assert!(text.contains(said), "{text}");
    }
}
