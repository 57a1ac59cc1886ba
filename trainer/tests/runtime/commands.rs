//! The commands, from training to a perturbed folder, and what they say about bad models.

use std::{fs, path::Path, process::Command};

use clap::ValueEnum;
use parallax_trainer::{data::folder::Folder, models::Checkpoint, preprocess::Preprocess};
use tempfile::TempDir;

use crate::program::{failure, misuse, names, parallax, printed, success};

#[test]
fn from_training_to_a_perturbed_folder() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    let train = "train --samples 32 --batch 16 --seed 3 --threads 2 --device cpu --unseen 20 --json --out";
    let trained = success(root, &format!("{train} model"));
    assert_eq!(
        (trained["samples"].as_u64(), trained["device"].as_str()),
        (Some(32), Some("cpu"))
    );
    assert_eq!(names(root), ["model"], "no state is left");
    assert_eq!(
        names(&root.join("model")),
        ["attack.onnx", "manifest.json", "recognizer.onnx"]
    );
    success(root, &format!("{train} again"));
    for file in names(&root.join("model")) {
        let [a, b] = ["model", "again"].map(|name| fs::read(root.join(name).join(&file)).unwrap());
        assert!(a == b, "{file} differs between two trainings of one seed");
    }

    success(root, "dataset --count 6 --seed 1 --out plain --json");
    let perturbed = success(
        root,
        "perturb --in plain --out perturbed --checkpoint model --steps 2 --json",
    );
    assert_eq!(perturbed["count"], 6);
    assert_eq!(
        fs::read(root.join("plain/labels.csv")).unwrap(),
        fs::read(root.join("perturbed/labels.csv")).unwrap()
    );
    assert_within(&root.join("plain"), &root.join("perturbed"), 0.3);
    let both =
        "perturb --in plain --out both --checkpoint model --checkpoint again --budget paper --epsilon 0.1 --l0 0";
    success(root, &format!("{both} --steps 2 --json"));
    assert_within(&root.join("plain"), &root.join("both"), 0.1);
    fs::remove_dir_all(root.join("plain/masks")).unwrap();
    let soft = success(
        root,
        "perturb --in plain --out estimated --checkpoint model --steps 1 --softness 0.5 --json",
    );
    assert_eq!(soft["config"]["softness_px"], 0.5);

    let solved = success(
        root,
        "solve --in perturbed --checkpoint model --preprocess none,otsu --answers read.csv --json",
    );
    assert_eq!(solved["count"], 6);
    assert!(solved["success"].as_u64().unwrap() <= 6 && solved["success_rate"].as_f64().unwrap() <= 1.0);
    assert_eq!(solved["by_preprocess"].as_object().unwrap().len(), 2);
    assert_eq!(fs::read_to_string(root.join("read.csv")).unwrap().lines().count(), 7);
    let best = success(root, "solve --in plain --checkpoint model --preprocess best --json");
    assert_eq!(
        best["by_preprocess"].as_object().unwrap().len(),
        Preprocess::value_variants().len()
    );
}

/// Every picture of `perturbed` is that of `plain`, changed by something and at most `epsilon`.
fn assert_within(plain: &Path, perturbed: &Path, epsilon: f32) {
    let (plain, perturbed) = (Folder::open(plain).unwrap(), Folder::open(perturbed).unwrap());
    let limit = (epsilon * 255.0).ceil() as u8;
    for entry in plain.entries() {
        let (a, b) = (plain.picture(entry).unwrap(), perturbed.picture(entry).unwrap());
        let largest = a.iter().zip(b.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!((1..=limit).contains(&largest), "{}: {largest}", entry.file);
    }
}

#[test]
fn training_begins_with_a_checkpoint() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    let train = "train --samples 16 --batch 16 --threads 2 --device cpu --unseen 20 --json --out";
    success(root, &format!("{train} model --model lenet-ctc --seed 3"));
    // A step that moves nothing.
    success(
        root,
        &format!("{train} second --from model --seed 4 --learning-rate 1e-12"),
    );
    success(root, &format!("{train} other --model lenet-ctc --seed 4"));
    let open = |name: &str| Checkpoint::open_or_shipped(Some(&root.join(name))).unwrap();
    let [model, second, other] = ["model", "second", "other"].map(|name| open(name).model().unwrap().2.parameters);
    let apart = |a: &[f32], b: &[f32]| {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    assert!(apart(&model, &second) < 1e-6);
    assert!(apart(&model, &other) > 1e-2);
    assert_eq!(open("second").manifest().parent, Some(open("model").digest().unwrap()));

    printed(root, "ensemble --checkpoint model --checkpoint other --out both --json");
    let both = misuse(root, "train --from both --samples 16 --out third");
    assert!(both.contains("training begins with one model"), "{both}");
    let chosen = misuse(root, &format!("{train} third --from model --model crnn"));
    assert!(chosen.contains("cannot be used with"), "{chosen}");
    assert_eq!(names(root), ["both", "model", "other", "second"]);
}

#[test]
fn a_bad_model_is_named_and_nothing_is_written() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    success(root, "dataset --count 2 --seed 1 --out plain --json");
    success(
        root,
        "train --samples 4 --batch 4 --seed 3 --threads 2 --device cpu --unseen 20 --json --out model",
    );

    let attack = fs::read(root.join("model/attack.onnx")).unwrap();
    fs::write(root.join("model/attack.onnx"), &attack[..attack.len() / 2]).unwrap();
    assert!(failure(root, "perturb --in plain --out out --checkpoint model").contains("model/attack.onnx"));
    fs::remove_file(root.join("model/recognizer.onnx")).unwrap();
    assert!(failure(root, "solve --in plain --checkpoint model").contains("model/recognizer.onnx"));
    fs::write(root.join("model/manifest.json"), "{}").unwrap();
    assert!(failure(root, "solve --in plain --checkpoint model").contains("model/manifest.json"));
    assert_eq!(names(root), ["model", "plain"]);
}

#[test]
fn a_picture_that_is_none_is_named_and_nothing_is_written() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    success(root, "dataset --count 3 --seed 1 --out plain --json");
    success(
        root,
        "train --samples 4 --batch 4 --seed 3 --threads 2 --device cpu --unseen 20 --json --out model",
    );
    fs::write(root.join("plain/00001.png"), "no picture").unwrap();
    assert!(failure(root, "perturb --in plain --out out --checkpoint model").contains("plain/00001.png"));
    assert!(failure(root, "solve --in plain --checkpoint model").contains("plain/00001.png"));
    assert_eq!(names(root), ["model", "plain"]);
}

#[test]
fn the_doctor_names_library_and_devices() {
    let root = TempDir::new().unwrap();
    let report = success(root.path(), "doctor --json");
    assert!(report["library"].as_str().unwrap().contains("onnxruntime"));
    assert!(
        report["devices"]
            .as_array()
            .unwrap()
            .iter()
            .any(|device| device.as_str().unwrap().contains("CPU"))
    );
}

#[cfg(unix)]
#[test]
fn an_interrupted_training_goes_on() {
    use std::process::Stdio;

    let root = TempDir::new().unwrap();
    let root = root.path();
    let line = "train --samples 160 --batch 4 --seed 3 --threads 2 --device cpu --unseen 20 --measure-every 10 --json --out model";
    let mut command = Command::new(env!("CARGO_BIN_EXE_parallax"));
    command
        .current_dir(root)
        .args(line.split(' '))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The first measurement shows that steps are being made.
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    while !text.contains("right") {
        assert!(
            std::io::BufRead::read_line(&mut stderr, &mut text).unwrap() > 0,
            "{text}"
        );
    }
    assert!(
        Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    std::io::Read::read_to_string(&mut stderr, &mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{text}");
    assert!(text.contains("the same command goes on from there"), "{text}");
    assert_eq!(names(root), ["model.training"]);

    let other = failure(root, &line.replace("--seed 3", "--seed 4"));
    assert!(other.contains("an interrupted run with seed 3"), "{other}");
    let output = parallax(root, line);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("going on after"));
    assert_eq!(names(root), ["model"]);
}
