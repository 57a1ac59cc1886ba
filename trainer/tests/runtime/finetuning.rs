//! Equation 4 on the shipped checkpoint: a solver with a habit is imitated, and lambda rises where originals suffer.

use std::{cell::Cell, collections::HashMap, fs};

use parallax_captcha::alphabet::class_of;
use parallax_trainer::{
    cli::{Cli, run},
    data::folder::encode_png,
    finetune::{
        FinetuneConfig, Finetuned, Lambda, Measurement, Outcome, Progress, Query, Start, Watch, finetune,
        finetune_clusters,
    },
    models::Checkpoint,
    train::TrainError,
};
use tempfile::TempDir;

use crate::{CPU, samples};

/// A solver that takes every A for a 2.
fn queries(count: usize) -> Vec<Query> {
    with_habits(&[('A', '2')], count)
}

/// What a solver answers that takes some characters for others, to captchas with one of them.
fn with_habits(habits: &[(char, char)], count: usize) -> Vec<Query> {
    let class = |character| class_of(character).unwrap();
    let habits: HashMap<_, _> = habits
        .iter()
        .map(|(taken, given)| (class(*taken), class(*given)))
        .collect();
    let with_habit = samples(4_000)
        .into_iter()
        .filter(|sample| sample.label.classes().iter().any(|class| habits.contains_key(class)));
    with_habit
        .take(count)
        .enumerate()
        .map(|(picture, sample)| Query {
            picture,
            classes: sample
                .label
                .classes()
                .into_iter()
                .map(|class| habits.get(&class).copied().unwrap_or(class))
                .collect(),
            image: sample.image.into(),
            weight: 1.0,
            source: None,
            right: None,
        })
        .collect()
}

/// Stops after so many steps, where it stops at all.
#[derive(Default)]
struct Watcher {
    stop_after: Option<usize>,
    steps: Cell<usize>,
}

impl Watch for Watcher {
    fn measured(&mut self, _: &Measurement, _: usize) {}

    fn stop(&self) -> bool {
        self.steps.set(self.steps.get() + 1);
        self.stop_after.is_some_and(|steps| self.steps.get() >= steps)
    }
}

fn finished(outcome: Outcome) -> Finetuned {
    match outcome {
        Outcome::Finished(tuned) => *tuned,
        Outcome::Stopped(progress) => panic!("stopped after {} steps", progress.state.step),
    }
}

#[test]
fn a_stopped_run_goes_on_bit_by_bit() {
    let (_, model, weights) = Checkpoint::open_or_shipped(None).unwrap().model().unwrap();
    let config = FinetuneConfig {
        batch: 8,
        most_looks: 216,
        measured_originals: 20,
        ..FinetuneConfig::default()
    };
    let queries = queries(60);
    let tune = |progress: Option<Progress>, watcher: &mut Watcher| {
        finetune(&model, &weights, &queries, &config, CPU, progress, watcher).unwrap()
    };
    let whole = finished(tune(None, &mut Watcher::default()));
    assert!(whole.report.course.len() >= 2, "{:?}", whole.report);
    // Between two measurements.
    let mut watcher = Watcher {
        stop_after: Some(29),
        ..Watcher::default()
    };
    let Outcome::Stopped(progress) = tune(None, &mut watcher) else {
        panic!("not stopped");
    };
    assert_eq!(progress.state.step, 29);
    // As a file, that is.
    let bytes = progress.encode().unwrap();
    let again = finished(tune(Some(Progress::decode(&bytes).unwrap()), &mut Watcher::default()));
    assert!(again == whole, "{:?} and {:?}", again.report, whole.report);
}

/// Two solvers answer the same pictures: whoever is no machine is not imitated.
#[test]
fn answers_count_by_their_weight() {
    let (_, model, weights) = Checkpoint::open_or_shipped(None).unwrap().model().unwrap();
    let config = FinetuneConfig {
        batch: 16,
        most_looks: 400,
        measured_originals: 20,
        lambda: Lambda::Fixed(0.1),
        ..FinetuneConfig::default()
    };
    let agreement = |weight_of_first: f32| {
        let of = |habit, weight| {
            with_habits(&[('A', habit)], 60)
                .into_iter()
                .map(move |query| Query { weight, ..query })
        };
        let queries: Vec<_> = of('2', weight_of_first).chain(of('3', 1.0 - weight_of_first)).collect();
        let outcome = finetune(&model, &weights, &queries, &config, CPU, None, &mut Watcher::default()).unwrap();
        finished(outcome).report.after.agreement
    };
    // Agreement is by weight as well: with the one that counts, alone.
    let [first, second] = [1.0, 0.0].map(agreement);
    assert!(first > 0.5 && second > 0.5, "{first}, {second}");
}

#[test]
fn a_diverging_run_is_an_error_and_says_that_nothing_was_saved() {
    let (_, model, weights) = Checkpoint::open_or_shipped(None).unwrap().model().unwrap();
    let config = FinetuneConfig {
        batch: 8,
        learning_rate: f32::MAX,
        measured_originals: 1,
        ..FinetuneConfig::default()
    };
    let error = finetune(
        &model,
        &weights,
        &queries(20),
        &config,
        CPU,
        None,
        &mut Watcher::default(),
    )
    .unwrap_err();
    assert!(matches!(error, TrainError::Diverged { saved: 0, .. }), "{error:?}");
    assert!(error.to_string().ends_with("nothing of it was saved"), "{error}");
}

/// Ten passes over nine answers would be thirty steps, in which weights hardly move.
#[test]
fn few_answers_are_learned_from_for_a_hundred_steps() {
    let (_, model, weights) = Checkpoint::open_or_shipped(None).unwrap().model().unwrap();
    let config = FinetuneConfig {
        batch: 8,
        measured_originals: 1,
        patience: usize::MAX,
        ..FinetuneConfig::default()
    };
    let outcome = finetune(
        &model,
        &weights,
        &queries(10),
        &config,
        CPU,
        None,
        &mut Watcher::default(),
    )
    .unwrap();
    let last = finished(outcome).report.course.last().map(|last| last.step);
    assert_eq!(last, Some(100));
}

/// Where no step makes anything better, training ends before all passes are done, with the weights it began with.
#[test]
fn a_run_that_learns_nothing_more_ends_early() {
    let (_, model, weights) = Checkpoint::open_or_shipped(None).unwrap().model().unwrap();
    let config = FinetuneConfig {
        batch: 8,
        learning_rate: 0.0,
        measured_originals: 1,
        patience: 2,
        ..FinetuneConfig::default()
    };
    let right = with_habits(&[('A', 'A')], 40);
    let outcome = finetune(&model, &weights, &right, &config, CPU, None, &mut Watcher::default()).unwrap();
    let tuned = finished(outcome);
    assert_eq!(tuned.report.course.len(), 2, "{:?}", tuned.report);
    assert!(tuned.weights == weights, "weights moved without a learning rate");
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
    let tune = |config: &FinetuneConfig| {
        let outcome = finetune(&model, &weights, &queries, config, CPU, None, &mut Watcher::default()).unwrap();
        finished(outcome)
    };
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
fn each_substitute_learns_from_attackers_of_one_kind() {
    let (_, model, weights) = Checkpoint::open_or_shipped(None).unwrap().model().unwrap();
    let config = FinetuneConfig {
        batch: 16,
        most_looks: 600,
        measured_originals: 40,
        lambda: Lambda::Fixed(0.5),
        ..FinetuneConfig::default()
    };
    // Two attackers with one habit, two with several; the first kind is right more often than the second.
    let several = [('M', 'N'), ('T', '7')];
    let kinds = [queries(80), with_habits(&several, 80)];
    let mut all = Vec::new();
    for (kind, queries) in kinds.into_iter().enumerate() {
        all.extend(queries.into_iter().enumerate().map(|(number, query)| Query {
            picture: 1_000 * kind + number,
            source: Some((10 * kind + number % 2) as u64),
            right: Some(kind == 0 || number % 4 == 0),
            ..query
        }));
    }
    let starts = vec![
        Start {
            model,
            weights,
            weight: 1.0,
        };
        2
    ];
    let mut learn = |member: usize, queries: &[Query]| {
        let Start { model, weights, .. } = &starts[member];
        let outcome = finetune(model, weights, queries, &config, CPU, None, &mut Watcher::default())?;
        Ok(Some(finished(outcome)))
    };
    let clustered = finetune_clusters(&starts, &all, CPU, &mut learn).unwrap().unwrap();
    let counts: Vec<_> = clustered.iter().map(|one| (one.sources, one.answers)).collect();
    assert_eq!(counts, [(2, 80), (2, 80)]);
    for one in &clustered {
        let report = &one.tuned.report;
        assert!(
            report.before.agreement < 0.1 && report.after.agreement >= 0.3,
            "{report:?}"
        );
    }
    let mut weights: Vec<_> = clustered.iter().map(|one| one.weight).collect();
    weights.sort_by(f32::total_cmp);
    // 80 right answers and 20.
    assert!(
        (weights[0] - 0.2).abs() < 1e-6 && (weights[1] - 0.8).abs() < 1e-6,
        "{weights:?}"
    );
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
