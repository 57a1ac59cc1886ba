//! The loop closes: suspects' answers are recorded, fetched and learned from, the new checkpoint is sent, and the solver
//! that answered fails at what is made with it. Without learning it does not. The models that learned are sent alone here: what
//! they have learned shows best without those that ship.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, and so do its helpers"
)]

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use parallax_captcha::text::model_input;
use parallax_edge_shared::admin::{CheckpointList, SetState, SetSummary};
use parallax_edge_shared::digest::Digest;
use parallax_tests::checkpoint::Checkpoint;
use parallax_tests::edge::{Edge, EdgeConfig, RECORDED};
use parallax_tests::image_set::ImageSet;
use parallax_tests::paths::tool;
use parallax_tests::visitor::Visitor;
use parallax_trainer::models::Recognizer;
use parallax_trainer::runtime::{Device, SessionConfig};
use serde_json::{Value, json};

/// Captchas that the attacker answers, and pictures of a set.
const ANSWERED: usize = 200;
/// The edge makes three to four pictures a second on one core; a busy machine gets time.
const PATIENCE: Duration = Duration::from_secs(600);

/// A solver that has bought the texts of whole sets and retrained on them, twice: Model 1 of the zoo, like the substitute.
fn attacker(folder: &Path, bought: &[&ImageSet]) -> Recognizer {
    let pictures = bought.iter().flat_map(|set| &set.pictures);
    let labels = pictures.enumerate().map(|(number, picture)| {
        let name = format!("{number}.png");
        fs::write(folder.join(&name), &picture.image).unwrap();
        json!({ "image": name, "answer": picture.label }).to_string()
    });
    let file = folder.join("bought.ndjson");
    fs::write(&file, labels.collect::<Vec<_>>().join("\n")).unwrap();
    let mut out = folder.join("crnn");
    Checkpoint::shipped().alone().write(&out);
    // A fine-tuning ends before a solver has learned all that it can: the schedule of a substitute, not of an attacker.
    for again in ["once", "twice"] {
        let before = std::mem::replace(&mut out, folder.join(again));
        parallax([
            &"finetune",
            &"--device",
            &"cpu",
            &"--checkpoint",
            &before,
            &"--lambda",
            &"1",
            &"--queries",
            &file,
            &"--out",
            &out,
        ]);
    }
    let session = SessionConfig {
        device: Device::Cpu,
        threads: 1,
    };
    Recognizer::new(&fs::read(out.join("recognizer.onnx")).unwrap(), session).unwrap()
}

fn read(attacker: &mut Recognizer, picture: &[u8]) -> String {
    let picture = image::load_from_memory(picture).unwrap().into_luma8();
    attacker.read(&[model_input(&picture)]).unwrap().remove(0).text
}

/// The share of a set that the attacker reads.
fn success(attacker: &mut Recognizer, set: &ImageSet) -> f64 {
    let right = set
        .pictures
        .iter()
        .filter(|picture| read(attacker, &picture.image) == picture.label);
    right.count() as f64 / set.pictures.len() as f64
}

/// The whole set that is served and is not `old`; a first, small one is passed over.
fn whole_set(edge: &Edge, old: Option<Digest>) -> ImageSet {
    ImageSet::wait_until(edge, PATIENCE, |list| {
        let serves = |set: &SetSummary| set.state == SetState::Active && set.count == ANSWERED && Some(set.id) != old;
        list.sets.iter().any(serves)
    })
}

/// A new set, made with whatever checkpoint is current.
fn renewed(edge: &Edge, old: &ImageSet) -> ImageSet {
    let order = edge
        .client
        .post("/admin/v1/sets/refresh")
        .bearer(&edge.admin_key)
        .send();
    assert_eq!(order.status, 202, "{order:?}");
    whole_set(edge, Some(old.index.id))
}

/// `parallax` with these arguments.
fn parallax<const N: usize>(arguments: [&dyn AsRef<OsStr>; N]) {
    let status = Command::new(tool("PARALLAX_PROGRAM"))
        .args(arguments.map(AsRef::as_ref))
        .status()
        .unwrap();
    let words = arguments.map(|argument| argument.as_ref().to_string_lossy().into_owned());
    assert!(status.success(), "{words:?}: {status}");
}

#[test]
fn the_solver_that_answered_fails_after_fine_tuning_and_not_without() {
    let edge = Edge::start(&EdgeConfig {
        set_size: ANSWERED as u32,
        ..EdgeConfig::default()
    });
    edge.run_cron();
    let folder = tempfile::TempDir::new().unwrap();
    let bought = whole_set(&edge, None);
    let more = renewed(&edge, &bought);
    let mut attacker = attacker(folder.path(), &[&bought, &more]);
    let served = renewed(&edge, &more);
    let shipped = served.index.recipe.checkpoint.to_string();
    let before = success(&mut attacker, &served);

    for _ in 0..ANSWERED {
        let visitor = Visitor::of(&edge, RECORDED);
        let challenge = visitor.challenged();
        let text = read(&mut attacker, &visitor.picture(&challenge));
        let reply = visitor.try_answer(&challenge.id, &text);
        assert!(reply.status == 200, "{text:?}: {reply:?}");
    }

    // Without learning.
    let next = renewed(&edge, &served);
    let control = success(&mut attacker, &next);

    let file = |name: &str| folder.path().join(name);
    fs::write(file("admin.key"), &edge.admin_key).unwrap();
    fs::write(file("checkpoint.key"), edge.signing_key.to_secret_hex()).unwrap();
    let queries = pulled(&edge, folder.path());
    assert_eq!(queries.len(), ANSWERED);
    for query in &queries {
        assert!(query["weight"].as_f64().unwrap() > 0.5, "{query}");
        assert_eq!(query["checkpoint"], shipped, "{query}");
    }
    let (answers, tuned) = (file("answers/queries.ndjson"), file("tuned"));
    parallax([
        &"finetune",
        &"--device",
        &"cpu",
        &"--queries",
        &answers,
        &"--out",
        &tuned,
    ]);
    let (admin_key, signing_key) = (file("admin.key"), file("checkpoint.key"));
    let address = &edge.client.address;
    parallax([
        &"push",
        &tuned,
        &"--edge",
        address,
        &"--admin-key-file",
        &admin_key,
        &"--key",
        &signing_key,
    ]);

    let set = renewed(&edge, &next);
    let digest = Digest::of(&fs::read(tuned.join("manifest.json")).unwrap());
    assert_eq!(set.index.recipe.checkpoint, digest);
    let listed = edge.client.get("/admin/v1/checkpoints").bearer(&edge.admin_key).send();
    let listed = listed.json::<CheckpointList>().checkpoints.into_iter();
    let parent = listed
        .filter(|checkpoint| checkpoint.digest == digest)
        .find_map(|checkpoint| checkpoint.parent);
    // Manifests name their parents by the whole SHA-256.
    assert!(
        parent.as_ref().is_some_and(|parent| parent.starts_with(&shipped)),
        "{parent:?}"
    );

    let after = success(&mut attacker, &set);
    eprintln!(
        "the attacker reads {before} of the set it answered, {control} of the next, {after} of the one after fine-tuning"
    );
    assert!(before > 0.4 && control > 0.8 * before, "{before}, {control}");
    assert!(after < 0.7 * control.min(before), "{before}, {control}, {after}");
}

/// Pulls until all answers are there: records are written after the visitor was answered.
fn pulled(edge: &Edge, folder: &Path) -> Vec<Value> {
    let (answers, key) = (folder.join("answers"), folder.join("admin.key"));
    let started = Instant::now();
    loop {
        parallax([
            &"pull",
            &"--edge",
            &edge.client.address,
            &"--admin-key-file",
            &key,
            &"--out",
            &answers,
        ]);
        let text = fs::read_to_string(answers.join("queries.ndjson")).unwrap();
        let queries: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if queries.len() >= ANSWERED || started.elapsed() > Duration::from_secs(60) {
            return queries;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}
