//! An attacker that adapts: it buys the texts of perturbed captchas and retrains on them; the models that captchas are
//! perturbed with learn from the answers that it then gives.

use serde::{Deserialize, Serialize};

use super::{Begin, Filtered, ScoreboardError, Set, Size, Solver, share};
use crate::{
    experiment::{Answer, Cache, ExperimentError, Images, Lab, Setting, Trained, statistics::Share},
    finetune::{FinetuneConfig, FinetuneReport, answer_classes},
    preprocess::Preprocess,
    runtime::SessionConfig,
};

/// Captchas that are perturbed, kept and gone on from at a time.
const CHUNK: usize = 2_500;
/// Answers that the models learn from, at most: an hour's of an attacker that asks three times a second.
const MOST_ANSWERS: usize = 10_000;

/// Who attacks, and what captchas are perturbed with.
#[derive(Debug, Clone)]
pub struct Race {
    /// The attacker, of another architecture; trained on captchas as they are drawn.
    pub attacker: Trained,
    /// The models that captchas are perturbed with.
    pub substitutes: Vec<Trained>,
    /// How many captchas the attacker buys the texts of; one race for each.
    pub bought: Vec<usize>,
}

/// Success with the best filter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Which filter.
    pub filter: String,
    /// The success.
    pub share: Share,
}

/// One race.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Captchas that the attacker bought the texts of.
    pub bought: usize,
    /// Its success before.
    pub before: Best,
    /// After it has retrained.
    pub retrained: Best,
    /// How often it looked at each captcha that it had bought.
    pub passes: f64,
    /// What it read of bought captchas that were held out from its retraining, half-way and at last: whether more passes would
    /// have helped.
    pub held_out: [f64; 2],
    /// Answers of it that a model can give, from which the models learned.
    pub answers: usize,
    /// Its success on captchas perturbed with the models after that.
    pub answered: Best,
    /// Its success on captchas perturbed with them in turns with the models from before, which is what `parallax ensemble`
    /// makes of both and the README pushes: solvers that never learned read what those that learned perturb alone. `None` of
    /// scoreboards from before this was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_turns: Option<Best>,
    /// Of plain captchas, what the worst of those models reads.
    pub originals: Share,
}

impl Point {
    /// The share of what retraining gained that is left in `after`, which is `answered` or `in_turns`; `None` if it gained
    /// nothing.
    #[must_use]
    pub fn kept(&self, after: &Best) -> Option<f64> {
        let [before, retrained, after] = [&self.before, &self.retrained, after].map(|best| best.share.rate());
        (retrained > before).then(|| (after - before) / (retrained - before))
    }
}

/// What captchas of a race are for: each use has its own.
#[derive(Clone, Copy)]
enum Use {
    Bought = 1,
    Answered = 2,
    Measuring = 3,
}

/// What came of a [`Race`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Adaptive {
    /// The attacker's architecture.
    pub attacker: String,
    /// One for each number of bought captchas.
    pub points: Vec<Point>,
}

/// The best agreement with held-out texts of the first half of a run, and of all of it.
fn half_way_and_last(course: &FinetuneReport) -> [f64; 2] {
    let last = course.course.last().map_or(0, |last| last.step);
    let best = |until: usize| {
        let measured = course.course.iter().filter(|one| one.step <= until);
        measured
            .map(|one| one.agreement)
            .fold(course.before.agreement, f64::max)
    };
    [best(last / 2), best(last)]
}

/// Runs the races.
///
/// # Errors
/// [`ScoreboardError`]; what was done is kept in `cache` and in that of `lab`.
pub(super) fn races(
    race: &Race,
    lab: &Lab,
    size: &Size,
    cache: &Cache,
    session: SessionConfig,
    begin: &Begin<'_>,
) -> Result<Adaptive, ScoreboardError> {
    let setting = Setting {
        style: size.style.clone(),
        ..Setting::product()
    };
    let images = |substitutes: &[Trained], purpose: Use, count: usize| {
        let chunks = (0..count.div_ceil(CHUNK)).map(|chunk| {
            let seed = size
                .seed
                .wrapping_mul(10_000)
                .wrapping_add(chunk as u64 * 10 + purpose as u64);
            let images = lab.images(substitutes, &setting, seed, CHUNK.min(count - chunk * CHUNK))?;
            Ok(images)
        });
        chunks.collect::<Result<Vec<Images>, ExperimentError>>()
    };
    let success = |solver: &Trained, substitutes: &[Trained]| -> Result<Best, ScoreboardError> {
        let set = Set::of(Images::joined(&images(substitutes, Use::Measuring, size.count)?));
        let solver = Solver::of_trained(solver);
        let mut best: Option<Best> = None;
        for filter in <Preprocess as clap::ValueEnum>::value_variants() {
            let share = share(&set.right(&Filtered::new(&set, *filter).texts(&solver, cache, session, begin)?));
            if best.as_ref().is_none_or(|best| share.success > best.share.success) {
                best = Some(Best {
                    filter: filter.to_string(),
                    share,
                });
            }
        }
        best.ok_or_else(|| ExperimentError::Cache("there are no filters".to_owned()).into())
    };

    let before = success(&race.attacker, &race.substitutes)?;
    let mut points = Vec::new();
    for &bought in &race.bought {
        let known = images(&race.substitutes, Use::Bought, bought)?;
        let known: Vec<&Images> = known.iter().collect();
        let (attacker, course) = lab.retrain(&race.attacker, &known, &setting, size.seed)?;
        let retrained = success(&attacker, &race.substitutes)?;

        let served = Images::joined(&images(&race.substitutes, Use::Answered, bought.min(MOST_ANSWERS))?);
        let texts = lab.answers(&attacker, &served)?;
        let answers: Vec<Answer> = texts.into_iter().map(|text| Answer { text, weight: 1.0 }).collect();
        let config = FinetuneConfig {
            seed: size.seed,
            original: setting.style.clone(),
            ..FinetuneConfig::default()
        };
        let tuned: Vec<Trained> = race
            .substitutes
            .iter()
            .map(|one| lab.finetune(one, &served, &answers, &config))
            .collect::<Result<_, _>>()?;
        let originals = tuned.iter().map(|one| lab.clean(one, &setting.style));
        let originals = originals.collect::<Result<Vec<_>, _>>()?;
        let both = [tuned.as_slice(), race.substitutes.as_slice()].concat();
        points.push(Point {
            bought,
            before: before.clone(),
            retrained,
            passes: course.looks as f64 / 2.0 / course.queries.max(1) as f64,
            held_out: half_way_and_last(&course),
            answers: answers
                .iter()
                .filter(|answer| answer_classes(&answer.text).is_ok())
                .count(),
            answered: success(&attacker, &tuned)?,
            in_turns: Some(success(&attacker, &both)?),
            originals: originals
                .into_iter()
                .min_by_key(|share| share.success)
                .unwrap_or_default(),
        });
    }
    Ok(Adaptive {
        attacker: race.attacker.architecture.name().to_owned(),
        points,
    })
}
