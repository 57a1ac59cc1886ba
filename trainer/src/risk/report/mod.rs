//! What the model does, measured with things left out, as Markdown, SVG and JSON.

pub mod markdown;
mod svg;

use parallax_captcha::{
    risk::{RiskConfig, features::NAMES, join::noisy_or, score_movement},
    wire::{Input, Trace},
};
use serde::Serialize;

use super::{
    boosting::{self, BoostingConfig},
    corpus::{self, CorpusConfig, Domain, Sample, Source},
    generators::Family,
    traces::{LabelledTrace, relative},
    validation::{self, FALSE_POSITIVES, LeftOut, LeftOutRow},
};
use crate::files::{FilesError, PendingFolder};

/// Numbers of trees that are compared.
const SIZES: [usize; 5] = [25, 50, 100, 200, 400];
/// Bins of the calibration curve, one for each unit of log odds, half of them below even odds; the fewest traces of one.
const BINS: usize = 14;
const MIN_IN_BIN: f64 = 20.0;

/// All figures of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Seed of all drawing.
    pub seed: u64,
    /// Recorded people.
    pub people: usize,
    /// Those of them that move enough for the model to judge.
    pub judged_people: usize,
    /// Recorded machines.
    pub machines: usize,
    /// Those of them that move enough for the model to judge.
    pub judged_machines: usize,
    /// The false-positive rate that true-positive rates are quoted at.
    pub false_positives: f64,
    /// Share of recorded people that the rules alone suspect (0.5 or above).
    pub rules_false_positives: f64,
    /// The model for recordings.
    pub recording: DomainReport,
    /// The model for the widget.
    pub widget: DomainReport,
    /// What a larger or smaller model for the widget would catch.
    pub sizes: Vec<Size>,
}

/// One line of accuracy against size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Size {
    /// Number of trees.
    pub trees: usize,
    /// Bytes of the file.
    pub bytes: usize,
    /// True-positive rate of each family left out, in the order of [`Family::JUDGED`].
    pub tpr: Vec<f64>,
}

/// What one model does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DomainReport {
    /// One line for each family left out of training; for recordings also for the recorded machines.
    pub left_out: Vec<LeftOutRow>,
    /// The same with every family in training, only folds apart.
    pub seen: Vec<LeftOutRow>,
    /// Share of recorded people whose joined score (rules and model, out of fold) reaches 0.5.
    pub joined_false_positives: f64,
    /// The same of recorded machines, with none of them in training.
    pub joined_machines: f64,
    /// Share of the domain's people for whom the model alone reaches 0.5, out of fold.
    pub model_false_positives: f64,
    /// ROC curves: left out what, points of false and true positives.
    pub roc: Vec<Curve>,
    /// Mean probability, share of machines (weighed to the prior), weight: out of fold, every family in training.
    pub calibration: Vec<[f64; 3]>,
    /// Bytes of the model's file.
    pub bytes: usize,
    /// Trees in it.
    pub trees: usize,
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

/// Measures everything: trains once for each domain, thing left out and fold.
#[must_use]
pub fn measure(traces: &[LabelledTrace], seed: u64) -> Report {
    let samples = corpus::build(
        traces,
        &CorpusConfig {
            seed,
            ..CorpusConfig::default()
        },
    );
    let count = |human: bool| traces.iter().filter(|t| t.human == Some(human)).count();
    let judged = |source: Source| samples.iter().filter(|s| s.source == source).count();
    let rules = rules(traces);
    let people = rules.iter().zip(traces).filter(|(_, trace)| trace.human == Some(true));
    let people: Vec<f32> = people.map(|(p, _)| *p).collect();
    let domain = |domain: Domain| {
        let config = BoostingConfig::of(domain, seed);
        measure_domain(traces, &rules, &corpus::of_domain(&samples, domain), domain, &config)
    };
    Report {
        seed,
        people: count(true),
        judged_people: judged(Source::Human),
        machines: count(false),
        judged_machines: judged(Source::Machine),
        false_positives: FALSE_POSITIVES,
        rules_false_positives: share(&people, |p| *p >= 0.5),
        recording: domain(Domain::Recording),
        widget: domain(Domain::Widget),
        sizes: sizes(&corpus::of_domain(&samples, Domain::Widget), seed),
    }
}

fn sizes(samples: &[Sample], seed: u64) -> Vec<Size> {
    let size = |&trees: &usize| {
        let shipped = BoostingConfig::of(Domain::Widget, seed);
        let config = BoostingConfig {
            trees,
            // As much learning in all.
            learning_rate: (shipped.learning_rate * shipped.trees as f64 / trees as f64).min(0.3),
            ..shipped
        };
        let tpr = |family: Family| {
            let left_out = LeftOut::Family(family);
            let scores = validation::out_of_fold(samples, left_out, &config);
            validation::judge(samples, &scores, Domain::Widget, left_out).tpr
        };
        Size {
            trees,
            bytes: boosting::fit(&validation::rows(samples.iter()), &config)
                .to_bytes()
                .len(),
            tpr: Family::JUDGED.into_iter().map(tpr).collect(),
        }
    };
    SIZES.iter().map(size).collect()
}

fn measure_domain(
    traces: &[LabelledTrace],
    rules: &[f32],
    samples: &[Sample],
    domain: Domain,
    config: &BoostingConfig,
) -> DomainReport {
    let machines = validation::out_of_fold(samples, LeftOut::Machines, config);
    let (mut left_out, mut roc) = (Vec::new(), Vec::new());
    for family in Family::JUDGED.into_iter().map(LeftOut::Family) {
        let scores = validation::out_of_fold(samples, family, config);
        left_out.push(validation::judge(samples, &scores, domain, family));
        roc.push(curve(samples, &scores, domain, family));
    }
    let scores = validation::out_of_fold(samples, LeftOut::Nothing, config);
    let seen = Family::JUDGED.into_iter().map(LeftOut::Family);
    let mut seen: Vec<LeftOutRow> = seen
        .map(|what| validation::judge(samples, &scores, domain, what))
        .collect();
    if domain == Domain::Recording {
        left_out.push(validation::judge(samples, &machines, domain, LeftOut::Machines));
        roc.push(curve(samples, &machines, domain, LeftOut::Machines));
        seen.push(validation::judge(samples, &scores, domain, LeftOut::Machines));
    }
    let model = validation::train(samples, &scores, config);
    let probability = |score: f32| model.probability(score);
    let joined_share = |scores: &[f32], human: bool| {
        let joined = joined(traces, rules, samples, scores, human, probability);
        share(&joined, |p| *p >= 0.5)
    };
    let (people, _) = validation::people_and_machines(samples, &scores, domain, LeftOut::Nothing);
    let mut features: Vec<(&'static str, usize)> = NAMES.into_iter().zip(model.uses()).collect();
    features.sort_by_key(|(_, uses)| std::cmp::Reverse(*uses));
    DomainReport {
        left_out,
        seen,
        joined_false_positives: joined_share(&scores, true),
        joined_machines: joined_share(&machines, false),
        model_false_positives: share(&people, |score| probability(*score) >= 0.5),
        roc,
        calibration: calibration(samples, &scores, probability),
        bytes: model.to_bytes().len(),
        trees: config.trees,
        features,
    }
}

fn share<T>(values: &[T], test: impl Fn(&T) -> bool) -> f64 {
    values.iter().filter(|v| test(v)).count() as f64 / values.len().max(1) as f64
}

/// What the rules alone say of each trace.
fn rules(traces: &[LabelledTrace]) -> Vec<f32> {
    let rules = |trace: &LabelledTrace| {
        let sent = Trace {
            version: Trace::VERSION,
            input: Input::Mouse,
            samples: relative(&trace.samples),
            track: 1.0,
        };
        score_movement(&RiskConfig::default(), None, &sent).p_bot
    };
    traces.iter().map(rules).collect()
}

/// Rules and model joined, for each recorded person or machine; where the model does not judge, the rules.
fn joined(
    traces: &[LabelledTrace],
    rules: &[f32],
    samples: &[Sample],
    scores: &[f32],
    human: bool,
    probability: impl Fn(f32) -> f32,
) -> Vec<f32> {
    let mut joined = rules.to_vec();
    for (sample, score) in samples.iter().zip(scores) {
        if let Some(place) = sample.recorded.and_then(|index| joined.get_mut(index)) {
            *place = noisy_or([*place, probability(*score)]);
        }
    }
    let of = traces
        .iter()
        .zip(joined)
        .filter(|(trace, _)| trace.human == Some(human));
    of.map(|(_, p_bot)| p_bot).collect()
}

fn curve(samples: &[Sample], scores: &[f32], domain: Domain, left_out: LeftOut) -> Curve {
    let (people, machines) = validation::people_and_machines(samples, scores, domain, left_out);
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
    let mut bins = vec![([0.0; 3], 0.0); BINS];
    for (sample, score) in samples.iter().zip(scores).filter(|(s, _)| !is_replay(s.source)) {
        let p = f64::from(probability(*score)).clamp(1e-9, 1.0 - 1e-9);
        let machine = !sample.source.is_human();
        let weight = if machine {
            validation::PRIOR / machines
        } else {
            (1.0 - validation::PRIOR) / people
        };
        let place = (p / (1.0 - p)).ln() + BINS as f64 / 2.0;
        if let Some(([sum, machines, total], count)) = bins.get_mut((place.max(0.0) as usize).min(BINS - 1)) {
            *sum += p * weight;
            *machines += if machine { weight } else { 0.0 };
            *total += weight;
            *count += 1.0;
        }
    }
    let filled = bins.into_iter().filter(|(_, count)| *count >= MIN_IN_BIN);
    filled
        .map(|([sum, machines, total], _)| [sum / total, machines / total, total])
        .collect()
}

fn is_replay(source: Source) -> bool {
    matches!(source, Source::Generated(Family::Replay, _))
}

impl Report {
    /// Fills a folder: `report.md`, `report.json`, and a ROC and a calibration plot for each model.
    ///
    /// # Errors
    /// [`FilesError`] naming the file.
    pub fn write(&self, folder: &PendingFolder) -> Result<(), FilesError> {
        let json = serde_json::to_string(self).unwrap_or_default() + "\n";
        folder.write("report.md", markdown::page(self).as_bytes())?;
        folder.write("report.json", json.as_bytes())?;
        for (name, domain) in [("recording", &self.recording), ("widget", &self.widget)] {
            folder.write(
                &format!("{name}-roc.svg"),
                svg::roc(domain, self.false_positives).as_bytes(),
            )?;
            folder.write(&format!("{name}-calibration.svg"), svg::calibration(domain).as_bytes())?;
        }
        Ok(())
    }
}
