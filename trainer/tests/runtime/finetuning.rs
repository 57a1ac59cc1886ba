//! Equation 4 on the shipped checkpoint: a solver with a habit is imitated, and lambda rises where originals suffer.

use std::fs;

use parallax_captcha::alphabet::class_of;
use parallax_trainer::{
    cli::{Cli, run},
    data::folder::encode_png,
    finetune::{FinetuneConfig, Lambda, Query, finetune},
    models::Checkpoint,
};
use tempfile::TempDir;

use crate::{CPU, samples};

/// A solver that takes every A for a 2.
fn queries(count: usize) -> Vec<Query> {
    let [taken, given] = ['A', '2'].map(|character| class_of(character).unwrap());
    let with_habit = samples(4_000)
        .into_iter()
        .filter(|sample| sample.label.classes().contains(&taken));
    with_habit
        .take(count)
        .enumerate()
        .map(|(picture, sample)| Query {
            picture,
            classes: sample
                .label
                .classes()
                .into_iter()
                .map(|class| if class == taken { given } else { class })
                .collect(),
            image: sample.image.into(),
            weight: 1.0,
        })
        .collect()
}

#[test]
fn a_habit_is_learned_and_lambda_follows_what_is_forgotten() {
    let (_, model, weights) = Checkpoint::open_or_shipped(None).unwrap().model().unwrap();
    let config = FinetuneConfig {
        batch: 16,
        most_looks: 400,
        measured_originals: 40,
        lambda: Lambda::Adaptive { target: 0.9 },
        ..FinetuneConfig::default()
    };
    let queries = queries(80);
    let tune = |config: &FinetuneConfig| finetune(&model, &weights, &queries, config, CPU, &mut |_, _| true).unwrap();
    let tuned = tune(&config);
    let report = &tuned.report;
    assert_eq!((report.queries, report.held_out), (72, 8));
    assert!(
        report.before.agreement == 0.0 && report.before.accuracy > 0.95,
        "{report:?}"
    );
    // The queries are not perturbed, so that originals with an A are read by the habit too: a quarter of them.
    assert!(
        report.after.agreement >= 0.5 && report.after.accuracy >= 0.6,
        "{report:?}"
    );
    let all: Vec<_> = [&report.before].into_iter().chain(&report.course).collect();
    for pair in all.windows(2) {
        let (old, new) = (pair[0], pair[1]);
        let follows = if new.accuracy > 0.9 {
            new.lambda < old.lambda
        } else {
            new.lambda > old.lambda
        };
        assert!(follows || new.accuracy == 0.9, "{report:?}");
    }
    assert!(
        report.course.windows(2).all(|pair| pair[0].step < pair[1].step),
        "{report:?}"
    );
    assert!(tuned.weights == tune(&config).weights, "the same again");
}

#[test]
fn bad_queries_are_refused_with_their_line_and_nothing_is_left() {
    let folder = TempDir::new().unwrap();
    let picture = image::GrayImage::from_pixel(200, 60, image::Luma([128]));
    fs::write(folder.path().join("a.png"), encode_png(&picture).unwrap()).unwrap();
    let good = r#"{"image": "a.png", "answer": "A2FH", "weight": 0.5}"#;
    for (bad, reason) in [
        (r#"{"image": "a.png"}"#, "line 2: missing field `answer`"),
        (r#"{"image": "b.png", "answer": "A2FH"}"#, "line 2"),
        (
            r#"{"image": "a.png", "answer": "A2FH", "weight": -1}"#,
            "line 2: weight -1",
        ),
    ] {
        let queries = folder.path().join("queries.ndjson");
        fs::write(&queries, format!("{good}\n{bad}\n")).unwrap();
        let out = folder.path().join("out");
        let arguments = ["parallax", "finetune", "--device", "cpu", "--queries"]
            .map(std::ffi::OsString::from)
            .into_iter()
            .chain([queries.into(), "--out".into(), out.clone().into()]);
        let error = run(&<Cli as clap::Parser>::parse_from(arguments)).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(error.exit_status(), 1);
        assert!(!out.exists());
    }
}
