//! What the model does, measured with things left out, as Markdown, SVG and JSON.

pub mod markdown;
mod svg;

use parallax_captcha::{
    risk::{RiskConfig, features::NAMES, join::noisy_or, score_movement},
    wire::{Input, Trace},
};
use serde::Serialize;

use super::{
    boosting::BoostingConfig,
    corpus::{self, CorpusConfig, Sample, Source},
    generators::Family,
    traces::{LabelledTrace, relative},
    validation::{self, FALSE_POSITIVES, LeftOut, LeftOutRow},
};
use crate::files::{FilesError, PendingFolder};

/// Bins of the calibration curve.
const BINS: usize = 10;

/// All figures of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Seed of all drawing.
    pub seed: u64,
    /// Recorded people, those of them that the model judges, and recorded machines likewise.
    pub people: usize,
    /// See `people`.
    pub judged_people: usize,
    /// See `people`.
    pub machines: usize,
    /// See `people`.
    pub judged_machines: usize,
    /// The false-positive rate that true-positive rates are quoted at.
    pub false_positives: f64,
    /// One line for each family left out, and for the recorded machines.
    pub left_out: Vec<LeftOutRow>,
    /// The same with every family in training, only folds apart.
    pub seen: Vec<LeftOutRow>,
    /// Share of recorded people whose joined score (rules and model, out of fold) reaches 0.5.
    pub joined_false_positives: f64,
    /// The same of the rules alone.
    pub rules_false_positives: f64,
    /// Share of recorded machines whose joined score, with no machine of theirs in training, reaches 0.5.
    pub joined_machines: f64,
    /// ROC curves: left out what, points of false and true positives.
    pub roc: Vec<Curve>,
    /// Mean probability, share of machines (weighed to the prior), weight: out of fold, every family in training.
    pub calibration: Vec<[f64; 3]>,
    /// How many splits use each feature, most first.
    pub features: Vec<(&'static str, usize)>,
}

/// A ROC curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// What was left out.
    pub left_out: &'static str,
    /// False positives, true positives.
    pub points: Vec<[f64; 2]>,
}

/// Measures everything: trains once for each thing left out and fold.
#[must_use]
pub fn measure(traces: &[LabelledTrace], seed: u64) -> Report {
    let samples = corpus::build(
        traces,
        &CorpusConfig {
            seed,
            ..CorpusConfig::default()
        },
    );
    let config = BoostingConfig {
        seed,
        ..BoostingConfig::default()
    };
    let (mut left_out, mut roc) = (Vec::new(), Vec::new());
    let mut machines = Vec::new();
    for what in Family::JUDGED
        .into_iter()
        .map(LeftOut::Family)
        .chain([LeftOut::Machines])
    {
        let scores = validation::out_of_fold(&samples, what, &config);
        left_out.push(validation::judge(&samples, &scores, what));
        roc.push(curve(&samples, &scores, what));
        if what == LeftOut::Machines {
            machines = scores;
        }
    }
    let scores = validation::out_of_fold(&samples, LeftOut::Nothing, &config);
    let seen = Family::JUDGED
        .into_iter()
        .map(LeftOut::Family)
        .chain([LeftOut::Machines]);
    let seen = seen.map(|what| validation::judge(&samples, &scores, what)).collect();
    let model = validation::train(&samples, &scores, &config);
    let probability = |score: f32| model.probability(score);
    let people = joined(traces, &samples, &scores, true, probability);
    let foreign = joined(traces, &samples, &machines, false, probability);
    let count = |human: bool| traces.iter().filter(|t| t.human == Some(human)).count();
    let judged = |source: Source| samples.iter().filter(|s| s.source == source).count();
    let mut features: Vec<(&'static str, usize)> = NAMES.into_iter().zip(model.uses()).collect();
    features.sort_by_key(|(_, uses)| std::cmp::Reverse(*uses));
    Report {
        seed,
        people: count(true),
        judged_people: judged(Source::Human),
        machines: count(false),
        judged_machines: judged(Source::Machine),
        false_positives: FALSE_POSITIVES,
        left_out,
        seen,
        joined_false_positives: share(&people, |(_, joined)| *joined >= 0.5),
        rules_false_positives: share(&people, |(rules, _)| *rules >= 0.5),
        joined_machines: share(&foreign, |(_, joined)| *joined >= 0.5),
        roc,
        calibration: calibration(&samples, &scores, probability),
        features,
    }
}

fn share<T>(values: &[T], test: impl Fn(&T) -> bool) -> f64 {
    values.iter().filter(|v| test(v)).count() as f64 / values.len().max(1) as f64
}

/// For each recorded trace: the rules' probability, and joined with the model's.
fn joined(
    traces: &[LabelledTrace],
    samples: &[Sample],
    scores: &[f32],
    human: bool,
    probability: impl Fn(f32) -> f32,
) -> Vec<(f32, f32)> {
    let mut modelled = vec![0.0; traces.len()];
    for (sample, score) in samples.iter().zip(scores) {
        if let Some(place) = sample.recorded.and_then(|index| modelled.get_mut(index)) {
            *place = probability(*score);
        }
    }
    let rules_only = RiskConfig {
        model: 0.0,
        ..RiskConfig::default()
    };
    let judged = traces
        .iter()
        .zip(modelled)
        .filter(|(trace, _)| trace.human == Some(human));
    let both = |(trace, modelled): (&LabelledTrace, f32)| {
        let sent = Trace {
            version: Trace::VERSION,
            input: Input::Mouse,
            samples: relative(&trace.samples),
            track: 1.0,
        };
        let rules = score_movement(&rules_only, &sent).p_bot;
        (rules, noisy_or([rules, modelled]))
    };
    judged.map(both).collect()
}

fn curve(samples: &[Sample], scores: &[f32], left_out: LeftOut) -> Curve {
    let of = |test: &dyn Fn(Source) -> bool| -> Vec<f32> {
        samples
            .iter()
            .zip(scores)
            .filter(|(s, _)| test(s.source))
            .map(|(_, score)| *score)
            .collect()
    };
    let people = of(&|s| s == Source::Human);
    let machines = of(&|s| left_out.covers(s));
    let share = |i: i32| 10.0_f64.powf(-3.0 + 3.0 * f64::from(i) / 60.0);
    let point = |i: i32| {
        let limit = validation::threshold(people.clone(), share(i));
        [share(i), validation::above(&machines, limit)]
    };
    Curve {
        left_out: left_out.name(),
        points: (0..=60).map(point).collect(),
    }
}

/// Bins of probability; machines weigh [`validation::PRIOR`] in all, people the rest.
fn calibration(samples: &[Sample], scores: &[f32], probability: impl Fn(f32) -> f32) -> Vec<[f64; 3]> {
    let judged: Vec<&Sample> = samples.iter().collect();
    let machines = judged
        .iter()
        .filter(|s| !s.source.is_human() && !is_replay(s.source))
        .count()
        .max(1) as f64;
    let people = judged.iter().filter(|s| s.source.is_human()).count().max(1) as f64;
    let mut bins = vec![[0.0; 3]; BINS];
    for (sample, score) in samples.iter().zip(scores).filter(|(s, _)| !is_replay(s.source)) {
        let p = f64::from(probability(*score));
        let machine = !sample.source.is_human();
        let weight = if machine {
            validation::PRIOR / machines
        } else {
            (1.0 - validation::PRIOR) / people
        };
        let place = ((p * BINS as f64) as usize).min(BINS - 1);
        if let Some([sum, machines, total]) = bins.get_mut(place) {
            *sum += p * weight;
            *machines += if machine { weight } else { 0.0 };
            *total += weight;
        }
    }
    let filled = bins.into_iter().filter(|[_, _, total]| *total > 0.0);
    filled
        .map(|[sum, machines, total]| [sum / total, machines / total, total])
        .collect()
}

fn is_replay(source: Source) -> bool {
    matches!(source, Source::Generated(Family::Replay, _))
}

impl Report {
    /// Fills a folder: `report.md`, `report.json`, `roc.svg`, `calibration.svg`.
    ///
    /// # Errors
    /// [`FilesError`] naming the file.
    pub fn write(&self, folder: &PendingFolder) -> Result<(), FilesError> {
        let json = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        folder.write("report.md", markdown::page(self).as_bytes())?;
        folder.write("report.json", json.as_bytes())?;
        folder.write("roc.svg", svg::roc(self).as_bytes())?;
        folder.write("calibration.svg", svg::calibration(self).as_bytes())
    }
}
