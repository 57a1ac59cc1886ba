//! The shipped solver: the same in wasm at the edge as in ONNX Runtime, good on clean captchas, lost on perturbed ones.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use image::GrayImage;
use parallax_captcha::alphabet::{CLASSES, Label};
use parallax_captcha::perturb::{DirectionModel, FRAMES, GradientModel, PerturbConfig, perturb};
use parallax_captcha::text::{Style, draw, model_input};
use parallax_edge_shared::admin::{AdminErrorReply, GradientReply, SetState, SetSummary};
use parallax_onnx::checkpoint::GENERATOR;
use parallax_onnx::codec;
use parallax_tests::checkpoint::Checkpoint;
use parallax_tests::edge::{Edge, EdgeConfig};
use parallax_tests::image_set::{self, ImageSet};
use parallax_tests::paths::tool;
use parallax_tests::shipped::{self, ONE_THREAD};
use parallax_trainer::data::folder::Folder;
use parallax_trainer::models::{AttackModel, GeneratorModel, Recognizer};
use parallax_trainer::train::initial_weights;
use parallax_trainer::zoo::Architecture;
use serde_json::json;

/// Pictures asked of the edge.
const SERVED: u32 = 500;
/// Pictures of them that are made again with ONNX Runtime.
const COMPARED: usize = 200;
/// The edge makes three to four pictures a second on one core; a busy machine gets time.
const PATIENCE: Duration = Duration::from_secs(900);

/// workerd computes on one thread: while it makes pictures, it answers nobody. One test at a time, each with an edge of
/// its own.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn tract_in_wasm_computes_what_onnx_runtime_does() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let edge = Edge::start(&EdgeConfig::default());
    let members = shipped::manifest().members();
    assert_eq!(members.len(), 2);
    for (index, member) in members.iter().enumerate() {
        computes_what_onnx_runtime_does(&edge, index, &shipped::file(&member.attack));
    }
    the_generator_says_the_same(&edge);
    any_model_with_ctc_can_be_a_substitute(&edge);
}

/// In wasm and in ONNX Runtime, of the same pictures.
fn the_generator_says_the_same(edge: &Edge) {
    let mut generator = GeneratorModel::new(&shipped::file(GENERATOR), ONE_THREAD).unwrap();
    for seed in 0..10_u32 {
        let call = edge.client.post("/admin/v1/sets/gradient").bearer(&edge.admin_key);
        let asked = json!({ "seed": seed, "generator": true });
        let reply: GradientReply = call.json(&asked).send().json();
        let here = generator.direction(&reply.input).unwrap();
        let (largest, furthest) = (largest(&here), furthest(&reply.gradient, &here));
        assert!(
            largest > 0.1 && furthest <= 1e-3 * largest,
            "seed {seed}: {furthest} of {largest}"
        );
    }
}

/// Untrained ones of the zoo, sent to the edge. Those that do not read by frames are refused, which it says.
fn any_model_with_ctc_can_be_a_substitute(edge: &Edge) {
    for architecture in Architecture::ALL {
        let model = architecture.model().unwrap();
        let graph = model.attack(&initial_weights(&model, 1)).unwrap();
        let mut checkpoint = Checkpoint::shipped().alone().with_attack(codec::encode(&graph));
        checkpoint.manifest.architecture = architecture.name().to_owned();
        checkpoint.manifest.frames = model.frames();
        let bundle = checkpoint.signed(&edge.signing_key).encode().unwrap();
        let call = edge.client.post("/admin/v1/checkpoints").bearer(&edge.admin_key);
        let reply = call.body("application/json", bundle).send();
        if model.frames() == FRAMES {
            assert_eq!(reply.status, 201, "{architecture:?}: {reply:?}");
            computes_what_onnx_runtime_does(edge, 0, &checkpoint.attack);
        } else {
            assert_eq!(reply.status, 422, "{architecture:?}: {reply:?}");
            let error = reply.json::<AdminErrorReply>().error;
            assert_eq!(error.field.as_deref(), Some("manifest.input"), "{}", error.message);
        }
    }
}

/// Of one model of the checkpoint.
fn computes_what_onnx_runtime_does(edge: &Edge, member: usize, attack: &[u8]) {
    let mut attack = AttackModel::new(attack, ONE_THREAD).unwrap();
    let no_weights = vec![0.0; FRAMES * CLASSES];
    let mut kinks = 0;
    for seed in 0..20_u32 {
        // Of its own label the solver is so certain that loss and gradient are little more than rounding.
        let label_seed = seed + 1000;
        let call = edge.client.post("/admin/v1/sets/gradient").bearer(&edge.admin_key);
        let asked = json!({ "seed": seed, "label_seed": label_seed, "member": member });
        let reply: GradientReply = call.json(&asked).send().json();
        let label = Label::new(&reply.label).unwrap();
        let here = attack.gradient(&reply.input, &label, &no_weights).unwrap();

        assert_eq!(reply.gradient.len(), here.image.len());
        let largest = largest(&here.image);
        assert!(
            largest > 0.0,
            "model {member}, seed {seed}: a gradient of zeros proves nothing"
        );
        let furthest = furthest(&reply.gradient, &here.image);
        if furthest > 1e-3 * largest {
            // Where two of a pooling window's values are equal but for rounding, there is no gradient to agree on:
            // ONNX Runtime does not agree with itself either.
            let apart = self_disagreement(&mut attack, &reply.input, &label);
            assert!(
                apart > 1e-3 * largest,
                "model {member}, seed {seed}: off by {furthest}, the largest is {largest}"
            );
            println!("seed {seed}: at a kink, where ONNX Runtime is off from itself by {apart}, tract by {furthest}");
            kinks += 1;
        }
        assert!(
            here.loss > 1.0 && (reply.loss - here.loss).abs() <= 1e-3 * here.loss.abs().max(1.0),
            "model {member}, seed {seed}: {} {}",
            reply.loss,
            here.loss
        );
        assert!(
            furthest_logit(&reply, here.logits.as_deref().unwrap()) <= 1e-3,
            "model {member}, seed {seed}"
        );
    }
    assert!(kinks <= 4, "{kinks} of 20 pictures prove nothing");
}

/// How far ONNX Runtime's gradients of pictures lie apart that differ by rounding, a few millionths of the range of a pixel.
fn self_disagreement(attack: &mut AttackModel, input: &[f32], label: &Label) -> f32 {
    let no_weights = vec![0.0; FRAMES * CLASSES];
    let here = attack.gradient(input, label, &no_weights).unwrap().image;
    let moved = (1..=16_u32).map(|round| {
        // Rounding adds up over the hundreds of products of a convolution.
        let step = if round % 2 == 0 { 1e-6 } else { 4e-6 };
        let nudge = |(place, value): (usize, &f32)| {
            let bits = (place as u32)
                .wrapping_add(1)
                .wrapping_mul(0x9E37_79B9)
                .wrapping_add(round.wrapping_mul(0x85EB_CA6B));
            if bits.count_ones() % 2 == 0 {
                value + step
            } else {
                value - step
            }
        };
        let input: Vec<f32> = input.iter().enumerate().map(nudge).collect();
        let there = attack.gradient(&input, label, &no_weights).unwrap().image;
        furthest(&here, &there)
    });
    moved.fold(0.0, f32::max)
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |largest, value| largest.max(value.abs()))
}

fn furthest_logit(edge: &GradientReply, here: &[f32]) -> f32 {
    assert_eq!(edge.logits.len(), here.len());
    furthest(&edge.logits, here)
}

fn furthest(left: &[f32], right: &[f32]) -> f32 {
    left.iter()
        .zip(right)
        .map(|(left, right)| (left - right).abs())
        .fold(0.0, f32::max)
}

#[test]
fn the_solver_misreads_what_the_edge_serves() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let edge = Edge::start(&EdgeConfig {
        set_size: SERVED,
        ..EdgeConfig::default()
    });
    edge.run_cron();
    // A small set comes first, so that visitors need not wait; the one asked for replaces it.
    let set = ImageSet::wait_until(&edge, PATIENCE, |list| {
        let serves = |set: &SetSummary| set.state == SetState::Active && set.count == SERVED as usize;
        list.sets.iter().any(serves)
    });
    assert_eq!(set.pictures.len(), SERVED as usize);
    // Both models take turns at the gradients, so that both are to be misled.
    for member in shipped::manifest().members() {
        let mut recognizer = Recognizer::new(&shipped::file(&member.recognizer), ONE_THREAD).unwrap();
        let mut read = 0;
        for batch in set.pictures.chunks(50) {
            let images: Vec<Vec<f32>> = batch
                .iter()
                .map(|picture| model_input(&image::load_from_memory(&picture.image).unwrap().into_luma8()))
                .collect();
            let readings = recognizer.read(&images).unwrap();
            read += readings
                .iter()
                .zip(batch)
                .filter(|(reading, picture)| reading.text == picture.label)
                .count();
        }
        let name = member.architecture;
        println!("{name} reads {read} of {SERVED} pictures made by the edge");
        assert!(
            read * 20 <= SERVED as usize,
            "{name}: {read} of {SERVED} are more than 5 %"
        );
    }
    makes_what_the_trainer_makes(&set);
    the_trainer_draws_it_again(&edge, &set);
}

/// `parallax dataset --set` of the unpacked export: what the pictures were before they were perturbed.
fn the_trainer_draws_it_again(edge: &Edge, set: &ImageSet) {
    let folder = tempfile::tempdir().unwrap();
    let (exported, plain) = (folder.path().join("exported"), folder.path().join("plain"));
    image_set::unpack(edge, &set.index.id.to_string(), &exported);
    let from = exported.to_string_lossy();
    parallax(&["dataset", "--set", &from, "--out"], &plain);
    let read = |path: &Path| std::fs::read(path).unwrap();
    assert_eq!(read(&plain.join("labels.csv")), read(&exported.join("labels.csv")));
    let (count, success) = solve(&plain);
    assert_eq!(count, u64::from(SERVED));
    assert!(
        success * 100 >= count * 95,
        "{success} of {count} are read before they are perturbed"
    );
    for row in Folder::open(&plain).unwrap().entries() {
        let gray = |folder: &Path| {
            let png = read(&folder.join("masks").join(&row.file));
            image::load_from_memory(&png).unwrap().into_luma8()
        };
        assert!(gray(&plain) == gray(&exported), "{}", row.file);
    }
}

/// The first pictures of the set, made again with ONNX Runtime: the same but for rounding, which ten steps of momentum
/// make visible in a few pixels, and as hard for the models.
fn makes_what_the_trainer_makes(set: &ImageSet) {
    let members = shipped::manifest().members();
    let mut solvers = shipped::ensemble();
    let mut judges: Vec<_> = members
        .iter()
        .map(|member| AttackModel::new(&shipped::file(&member.attack), ONE_THREAD).unwrap())
        .collect();
    let no_weights = vec![0.0; FRAMES * CLASSES];
    let (mut apart, mut moved) = (0_u64, 0_u64);
    let mut losses = vec![Vec::new(); judges.len()];
    let mut same_strength = 0;
    for ((_, entry), served) in set.index.entries().zip(&set.pictures).take(COMPARED) {
        let captcha = draw(&Style::default(), entry.seed);
        assert_eq!(captcha.label.as_str(), served.label, "seed {}", entry.seed);
        let gray = |png: &[u8]| image::load_from_memory(png).unwrap().into_luma8();
        assert!(captcha.mask == gray(&served.mask), "seed {}", entry.seed);
        let here = perturb(
            &mut solvers,
            &captcha.image,
            &captcha.mask,
            &captcha.label,
            &PerturbConfig::default(),
        )
        .unwrap();
        let there = gray(&served.image);
        let distance = |a: &GrayImage, b: &GrayImage| -> u64 {
            a.iter().zip(b.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum()
        };
        apart += distance(&here.image, &there);
        moved += distance(&here.image, &captcha.image);
        same_strength += usize::from(here.strength == entry.strength);
        for (judge, losses) in judges.iter_mut().zip(&mut losses) {
            let mut loss = |image| {
                let reply = judge.gradient(&model_input(image), &captcha.label, &no_weights);
                f64::from(reply.unwrap().loss)
            };
            losses.push((loss(&here.image), loss(&there)));
        }
    }
    let share = apart as f64 / moved as f64;
    println!(
        "of {COMPARED} pictures, {same_strength} kept the same strength; apart by {share:.3} of what they were moved"
    );
    for (member, losses) in members.iter().zip(&losses) {
        let count = losses.len() as f64;
        let mean = |value: &dyn Fn(&(f64, f64)) -> f64| losses.iter().map(value).sum::<f64>() / count;
        let (here, there) = (mean(&|pair| pair.0), mean(&|pair| pair.1));
        let square = mean(&|pair| (pair.1 - pair.0 - (there - here)).powi(2));
        let error = (square / count).sqrt();
        println!(
            "{}: loss {here:.2} by ONNX Runtime, {there:.2} at the edge, standard error of the difference {error:.3}",
            member.architecture
        );
        // Three standard errors, and a hundredth where rounding moves nothing at all.
        assert!(
            (there - here).abs() <= 3.0 * error + 0.01 * here,
            "{}",
            member.architecture
        );
    }
    assert!(same_strength * 100 >= COMPARED * 98, "{same_strength} of {COMPARED}");
    assert!(share < 0.2, "{share}");
}

/// `parallax solve` in `folder`: pictures, pictures read.
fn solve(folder: &Path) -> (u64, u64) {
    let printed = parallax(&["solve", "--json", "--in"], folder);
    let solved: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let number = |field: &str| {
        solved[field]
            .as_u64()
            .unwrap_or_else(|| panic!("no {field} in {solved}"))
    };
    (number("count"), number("success"))
}

fn parallax(arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(tool("PARALLAX_PROGRAM"))
        .args(arguments)
        .arg(folder)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "parallax {arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_solver_reads_clean_captchas_and_misreads_perturbed_ones() {
    let folder = tempfile::tempdir().unwrap();
    // Seeds of their own: training drew from others.
    let (clean, some, perturbed) = (
        folder.path().join("clean"),
        folder.path().join("some"),
        folder.path().join("perturbed"),
    );
    parallax(
        &[
            "dataset", "--scheme", "text", "--count", "2000", "--seed", "909001", "--out",
        ],
        &clean,
    );
    let (count, success) = solve(&clean);
    println!("parallax solve reads {success} of {count} clean captchas");
    assert_eq!(count, 2000);
    assert!(success * 100 >= count * 95, "{success} of {count} are less than 95 %");

    parallax(
        &[
            "dataset", "--scheme", "text", "--count", "200", "--seed", "909002", "--out",
        ],
        &some,
    );
    let from = some.to_string_lossy();
    parallax(&["perturb", "--in", &from, "--out"], &perturbed);
    let (count, success) = solve(&perturbed);
    println!("parallax solve reads {success} of {count} perturbed captchas");
    assert_eq!(count, 200);
    assert!(success * 20 <= count, "{success} of {count} are more than 5 %");
}
