//! Whole families of attackers left out of training are still caught, as [docs/risk](../../docs/risk/report.md) claims.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use parallax_trainer::risk::{
    boosting::BoostingConfig,
    corpus::{self, CorpusConfig, Domain, Source},
    generators::{Family, sampling::Sampling},
    model_file, traces,
    validation::{self, FALSE_POSITIVES, LeftOut},
};

/// A twelfth of the attackers and 80 trees instead of 600 train in seconds also unoptimised, and catch less than what is
/// reported; these floors are what that reaches, less the noise of 60 traces. At the time stamps of people.
const LEFT_OUT: [(Family, f64); 6] = [
    (Family::Linear, 0.92),
    (Family::Eased, 0.72),
    (Family::Bezier, 0.85),
    (Family::MinimumJerk, 0.87),
    (Family::Overshoot, 0.68),
    (Family::SigmaLognormal, 0.68),
];

#[test]
fn left_out_families_are_still_caught_and_the_shipped_model_catches_all() {
    let Some(path) = std::env::var_os("PARALLAX_TRACES").map(PathBuf::from) else {
        eprintln!("left out families: skipped, PARALLAX_TRACES names no file of recorded traces");
        return;
    };
    let samples = corpus::build(
        &traces::read(&path).unwrap(),
        &CorpusConfig {
            judged: 12,
            augmenting: 12,
            on_display: 0,
            seed: 1,
        },
    );
    let samples = corpus::of_domain(&samples, Domain::Recording);
    let config = BoostingConfig {
        trees: 80,
        learning_rate: 0.2,
        ..BoostingConfig::of(Domain::Recording, 1)
    };
    let shipped = model_file::shipped().unwrap();
    let by_shipped: Vec<f32> = samples.iter().map(|s| shipped.log_odds(&s.features)).collect();
    for (family, floor) in LEFT_OUT {
        let left_out = LeftOut::Family(family);
        let scores = validation::out_of_fold(&samples, left_out, &config);
        let row = validation::judge(&samples, &scores, Domain::Recording, left_out);
        let caught = row.by_sampling[Sampling::Stamp.name()];
        eprintln!("{}: {caught:.3} caught, AUC {:.4}", row.left_out, row.auc);
        assert!(
            caught >= floor,
            "{}: {caught:.3} caught, {floor} expected",
            row.left_out
        );
        assert!(row.auc >= 0.97, "{}: AUC {:.4}", row.left_out, row.auc);
        // The model that ships knows the family, but not these traces of it.
        let row = validation::judge(&samples, &by_shipped, Domain::Recording, left_out);
        assert!(
            row.tpr >= 0.95,
            "{}: the shipped model catches {:.3}",
            row.left_out,
            row.tpr
        );
    }
    let people = samples
        .iter()
        .zip(&by_shipped)
        .filter(|(s, _)| s.source == Source::Human);
    let suspected = people
        .clone()
        .filter(|(_, score)| shipped.probability(**score) >= 0.5)
        .count();
    let share = suspected as f64 / people.count() as f64;
    assert!(share <= 2.0 * FALSE_POSITIVES, "{share} of people suspected");
}
