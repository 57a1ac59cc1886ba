//! Training with something left out, and what that shows.

use std::collections::BTreeMap;

use parallax_captcha::risk::{
    features::{COUNT, Features},
    model::{Calibration, Model},
};
use serde::Serialize;

use super::{
    boosting::{self, BoostingConfig, Row},
    corpus::{Domain, FOLDS, Sample, Source},
    generators::{Family, sampling::Sampling},
};

/// The false-positive rate that figures are quoted at.
pub const FALSE_POSITIVES: f64 = 0.005;
/// The share of machines that probabilities are calibrated to. Rules and clusters join by noisy-or, so this model only
/// speaks up where it would against such odds.
pub const PRIOR: f64 = 0.005;

/// What a model is not trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// Nothing but the fold it is judged on.
    Nothing,
    /// A whole family of generators.
    Family(Family),
    /// All recorded machines.
    Machines,
}

impl LeftOut {
    /// Whether a row of `source` is left out.
    #[must_use]
    pub fn covers(self, source: Source) -> bool {
        match (self, source) {
            (Self::Family(family), Source::Generated(other, _)) => family == other,
            (Self::Machines, Source::Machine) => true,
            _ => false,
        }
    }

    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Family(family) => family.name(),
            Self::Machines => "recorded-machine",
        }
    }
}

/// Rows of `samples` to train on: people count as much as machines, and every kind of machine as much as any other.
/// Replays are people's movements and teach nothing.
#[must_use]
pub fn rows<'a>(samples: impl Iterator<Item = &'a Sample> + Clone) -> Vec<Row<'a>> {
    let kind = |sample: &Sample| match sample.source {
        source if source.is_human() => None,
        Source::Generated(family, _) => Some(Some(family)),
        _ => Some(None),
    };
    let samples = samples.filter(|s| !matches!(s.source, Source::Generated(Family::Replay, _)));
    let mut counts: BTreeMap<Option<Option<Family>>, f64> = BTreeMap::new();
    for sample in samples.clone() {
        *counts.entry(kind(sample)).or_default() += 1.0;
    }
    let people = counts.get(&None).copied().unwrap_or(1.0);
    let kinds = counts.keys().flatten().count().max(1) as f64;
    let row = |sample: &'a Sample| {
        let kind = kind(sample);
        Row {
            features: &sample.features,
            label: f64::from(u8::from(kind.is_some())),
            weight: if kind.is_none() {
                1.0
            } else {
                people / kinds / counts.get(&kind).copied().unwrap_or(1.0)
            },
        }
    };
    samples.map(row).collect()
}

/// Log odds of every sample by a model that saw neither its fold nor what is left out.
#[must_use]
pub fn out_of_fold(samples: &[Sample], left_out: LeftOut, config: &BoostingConfig) -> Vec<f32> {
    let mut scores = vec![f32::NAN; samples.len()];
    std::thread::scope(|scope| {
        let fold = |fold: usize| {
            scope.spawn(move || {
                let seen = samples
                    .iter()
                    .filter(move |s| s.fold != fold && !left_out.covers(s.source));
                boosting::fit(&rows(seen), config)
            })
        };
        let models: Vec<_> = (0..FOLDS).map(fold).collect();
        for (fold, model) in models.into_iter().enumerate() {
            let model = model.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let of_fold = samples.iter().zip(&mut scores).filter(|(s, _)| s.fold == fold);
            of_fold.for_each(|(sample, score)| *score = model.log_odds(&sample.features));
        }
    });
    scores
}

/// Smallest threshold that at most `share` of `people` are above.
#[must_use]
pub fn threshold(mut people: Vec<f32>, share: f64) -> f32 {
    people.sort_by(|a, b| b.total_cmp(a));
    let none = if people.is_empty() {
        f32::INFINITY
    } else {
        f32::NEG_INFINITY
    };
    people
        .get((people.len() as f64 * share) as usize)
        .copied()
        .unwrap_or(none)
}

/// Share of `scores` above `threshold`; 0 of nothing.
#[must_use]
pub fn above(scores: &[f32], threshold: f32) -> f64 {
    scores.iter().filter(|score| **score > threshold).count() as f64 / scores.len().max(1) as f64
}

/// Area under the ROC curve: the share of pairs in the right order, ties half.
#[must_use]
pub fn auc(people: &[f32], machines: &[f32]) -> f64 {
    let mut all: Vec<(f32, bool)> = people
        .iter()
        .map(|s| (*s, false))
        .chain(machines.iter().map(|s| (*s, true)))
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut sum) = (0.0, 0.0);
    for tied in all.chunk_by(|a, b| a.0 == b.0) {
        let people = tied.iter().filter(|(_, machine)| !machine).count() as f64;
        sum += (tied.len() as f64 - people) * (below + people / 2.0);
        below += people;
    }
    sum / (people.len() * machines.len()).max(1) as f64
}

/// One line of the leave-one-generator-out table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeftOutRow {
    /// What was left out of training and is judged.
    pub left_out: &'static str,
    /// Area under the ROC curve against the people of the domain.
    pub auc: f64,
    /// True-positive rate at [`FALSE_POSITIVES`] on the people of the domain, over all its habits of sampling.
    pub tpr: f64,
    /// The same by habit of sampling.
    pub by_sampling: BTreeMap<&'static str, f64>,
    /// Share of replays above the same threshold: what no single trace shows.
    pub replays: f64,
    /// How many were judged.
    pub count: usize,
}

/// What is judged in a domain: its people, and machines that sample as its devices do.
#[must_use]
pub fn is_judged(source: Source, domain: Domain) -> bool {
    let on_display = !source.trains(Domain::Recording);
    source != Source::HumanScaled && on_display == (domain == Domain::Widget)
}

/// Scores of the people, and of the machines that `left_out` covers, in a domain.
#[must_use]
pub fn people_and_machines(
    samples: &[Sample],
    scores: &[f32],
    domain: Domain,
    left_out: LeftOut,
) -> (Vec<f32>, Vec<f32>) {
    let of = |test: &dyn Fn(Source) -> bool| -> Vec<f32> {
        let judged = samples
            .iter()
            .zip(scores)
            .filter(|(s, _)| is_judged(s.source, domain) && test(s.source));
        judged.map(|(_, score)| *score).collect()
    };
    (of(&Source::is_human), of(&|source| left_out.covers(source)))
}

/// Judges what `left_out` covers in a domain by scores of [`out_of_fold`].
#[must_use]
pub fn judge(samples: &[Sample], scores: &[f32], domain: Domain, left_out: LeftOut) -> LeftOutRow {
    let (people, machines) = people_and_machines(samples, scores, domain, left_out);
    let threshold = threshold(people.clone(), FALSE_POSITIVES);
    let of = |test: &dyn Fn(Source) -> bool| -> Vec<f32> {
        let judged = samples.iter().zip(scores).filter(|(s, _)| test(s.source));
        judged.map(|(_, score)| *score).collect()
    };
    let by_sampling = Sampling::ALL.into_iter().filter_map(|sampling| {
        let is_habit = |s: Source| matches!(s, Source::Generated(_, habit) if habit == sampling);
        let habit = of(&|s| is_judged(s, domain) && left_out.covers(s) && is_habit(s));
        (!habit.is_empty()).then(|| (sampling.name(), above(&habit, threshold)))
    });
    LeftOutRow {
        left_out: left_out.name(),
        auc: auc(&people, &machines),
        tpr: above(&machines, threshold),
        by_sampling: by_sampling.collect(),
        replays: above(&of(&|s| matches!(s, Source::Generated(Family::Replay, _))), threshold),
        count: machines.len(),
    }
}

/// Platt's calibration of out-of-fold log odds to machines in a share of [`PRIOR`] (Platt 1999, by Newton's method with
/// his smoothed targets). `scores`: log odds, whether it is a machine, weight; both classes of equal weight in all.
#[must_use]
pub fn calibrate(scores: &[(f32, bool, f64)]) -> Calibration {
    let count = |machine: bool| scores.iter().filter(|(_, m, _)| *m == machine).count() as f64;
    let (machines, people) = (count(true), count(false));
    let target = |machine: bool| {
        if machine {
            (machines + 1.0) / (machines + 2.0)
        } else {
            1.0 / (people + 2.0)
        }
    };
    let (mut slope, mut offset) = (1.0_f64, 0.0_f64);
    for _ in 0..50 {
        let (mut g, mut h) = ([0.0; 2], [1e-6, 0.0, 1e-6]);
        for (score, machine, weight) in scores {
            let score = f64::from(*score);
            let p = 1.0 / (1.0 + (-(slope * score + offset)).exp());
            let (d, c) = (weight * (p - target(*machine)), weight * p * (1.0 - p));
            g = [g[0] + d * score, g[1] + d];
            h = [h[0] + c * score * score, h[1] + c * score, h[2] + c];
        }
        let determinant = h[0] * h[2] - h[1] * h[1];
        if determinant.abs() < 1e-12 {
            break;
        }
        let step = [
            (h[2] * g[0] - h[1] * g[1]) / determinant,
            (h[0] * g[1] - h[1] * g[0]) / determinant,
        ];
        slope = (slope - step[0].clamp(-0.5, 0.5)).max(0.01);
        offset -= step[1].clamp(-1.0, 1.0);
    }
    let prior = (PRIOR / (1.0 - PRIOR)).ln();
    Calibration {
        slope: slope as f32,
        offset: (offset + prior) as f32,
    }
}

/// Trains on all samples and calibrates by out-of-fold scores of them.
#[must_use]
pub fn train(samples: &[Sample], scores: &[f32], config: &BoostingConfig) -> Model {
    let mut model = boosting::fit(&rows(samples.iter()), config);
    let weights = rows(samples.iter());
    let judged = samples
        .iter()
        .zip(scores)
        .filter(|(s, _)| !matches!(s.source, Source::Generated(Family::Replay, _)));
    let scored: Vec<(f32, bool, f64)> = judged
        .zip(weights)
        .map(|((_, score), row)| (*score, row.label > 0.5, row.weight))
        .collect();
    model.calibration = calibrate(&scored);
    let on_display = samples.iter().any(|s| s.source == Source::HumanOnDisplay);
    let people = if on_display {
        Source::HumanOnDisplay
    } else {
        Source::Human
    };
    let mut typical = [0.0; COUNT];
    for (feature, typical) in typical.iter_mut().enumerate() {
        let of_people = samples.iter().filter(|s| s.source == people);
        let mut values: Vec<f32> = of_people.filter_map(|s| s.features.0.get(feature).copied()).collect();
        values.sort_by(f32::total_cmp);
        *typical = values.get(values.len() / 2).copied().unwrap_or(0.0);
    }
    model.with_typical(&Features(typical)).rounded()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_and_thresholds_agree_with_hand_computed_ones() {
        assert!((auc(&[0.0, 1.0], &[0.5, 1.0, 2.0]) - (1.0 + 1.5 + 2.0) / 6.0).abs() < 1e-12);
        let people: Vec<f32> = (0..1000_u16).map(f32::from).collect();
        let limit = threshold(people.clone(), FALSE_POSITIVES);
        assert_eq!(limit, 994.0);
        assert!((above(&people, limit) - 0.005).abs() < 1e-12);
    }

    #[test]
    fn calibration_finds_the_odds() {
        // Log odds that are twice as sure as they should be.
        let scores = (0..4000).map(|i| {
            let score = (f64::from(i % 400) - 200.0) / 40.0;
            let p = 1.0 / (1.0 + (-score / 2.0).exp());
            (score as f32, f64::from(i / 400) / 10.0 + 0.05 < p, 1.0)
        });
        let found = calibrate(&scores.collect::<Vec<_>>());
        assert!((found.slope - 0.5).abs() < 0.05, "{found:?}");
        let prior = (PRIOR / (1.0 - PRIOR)).ln() as f32;
        assert!((found.offset - prior).abs() < 0.1, "{found:?}");
    }
}
