//! What the model learns from: recorded people and machines, variants of people, generated attackers, in folds.
//!
//! A fold's attackers draw their geometry, clocks and strokes only from people of that fold, so that a judged attacker
//! never shares a person with what the model was trained on.

use parallax_captcha::risk::features::Features;

use super::{
    generators::{
        Family,
        sampling::{Pool, Sampling, people},
    },
    random::Random,
    traces::{LabelledTrace, relative},
};

/// Folds of cross-validation.
pub const FOLDS: usize = 5;

/// Where the traces come from that a model is to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Domain {
    /// Recordings like those it is fitted to
    Recording,
    /// Slides of the widget, at the pace of a display, in pixels or tenths of them: fitted to recordings that were
    /// resampled to it, and to the recordings themselves
    Widget,
}

/// Where a row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A recorded person.
    Human,
    /// A recorded person, scaled: only trains.
    HumanScaled,
    /// A recorded person, moved to the widget's slider and a display's frames: trains, and is judged by itself.
    HumanOnDisplay,
    /// A recorded machine.
    Machine,
    /// A generated one.
    Generated(Family, Sampling),
}

impl Source {
    /// Whether a model for `domain` learns from it.
    #[must_use]
    pub fn trains(self, domain: Domain) -> bool {
        let on_display = matches!(self, Self::HumanOnDisplay | Self::Generated(_, Sampling::Display));
        domain == Domain::Widget || !on_display
    }

    /// Whether it stands for a person.
    #[must_use]
    pub fn is_human(self) -> bool {
        matches!(self, Self::Human | Self::HumanScaled | Self::HumanOnDisplay)
    }
}

/// One trace, measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Where it comes from.
    pub source: Source,
    /// Which fold.
    pub fold: usize,
    /// Its features.
    pub features: Features,
    /// Which recorded trace it is; `None` for the generated.
    pub recorded: Option<usize>,
}

/// How much to generate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CorpusConfig {
    /// Traces of each judged family, habit of sampling and fold.
    pub judged: usize,
    /// The same for families that only train.
    pub augmenting: usize,
    /// Copies of every person on a display.
    pub on_display: usize,
    /// Seed of all drawing.
    pub seed: u64,
}

impl Default for CorpusConfig {
    fn default() -> Self {
        Self {
            judged: 80,
            augmenting: 80,
            on_display: 2,
            seed: 1,
        }
    }
}

/// The folds of `traces`: people and machines are dealt round-robin after a seeded shuffle.
#[must_use]
pub fn folds(traces: &[LabelledTrace], seed: u64) -> Vec<usize> {
    let mut folds = vec![0; traces.len()];
    for human in [Some(true), Some(false)] {
        let mut places: Vec<usize> = (0..traces.len())
            .filter(|i| traces.get(*i).is_some_and(|t| t.human == human))
            .collect();
        Random::new(seed, 1).shuffle(&mut places);
        for (rank, place) in places.into_iter().enumerate() {
            if let Some(fold) = folds.get_mut(place) {
                *fold = rank % FOLDS;
            }
        }
    }
    folds
}

/// What a model for `domain` learns from.
#[must_use]
pub fn of_domain(samples: &[Sample], domain: Domain) -> Vec<Sample> {
    samples
        .iter()
        .filter(|sample| sample.source.trains(domain))
        .cloned()
        .collect()
}

/// Measures all of it. Traces that describe no movement are left to the rules.
#[must_use]
pub fn build(traces: &[LabelledTrace], config: &CorpusConfig) -> Vec<Sample> {
    let folds = folds(traces, config.seed);
    let workers = (0..FOLDS).map(|fold| {
        let of_fold = traces.iter().enumerate().zip(&folds).filter(move |(_, f)| **f == fold);
        let of_fold: Vec<(usize, LabelledTrace)> = of_fold.map(|((index, trace), _)| (index, trace.clone())).collect();
        let config = *config;
        std::thread::spawn(move || fold_samples(fold, &of_fold, &config))
    });
    let workers: Vec<_> = workers.collect();
    let join = |worker: std::thread::JoinHandle<Vec<Sample>>| {
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    };
    workers.into_iter().flat_map(join).collect()
}

fn fold_samples(fold: usize, traces: &[(usize, LabelledTrace)], config: &CorpusConfig) -> Vec<Sample> {
    let mut random = Random::new(config.seed, 100 + fold as u64);
    let mut samples = Vec::new();
    let mut add = |source: Source, trace: &[[f64; 3]], recorded: Option<usize>| {
        let features = Features::of(&relative(trace));
        samples.extend(features.map(|features| Sample {
            source,
            fold,
            features,
            recorded,
        }));
    };
    let humans: Vec<&(usize, LabelledTrace)> = traces.iter().filter(|(_, t)| t.human == Some(true)).collect();
    let pool = Pool::recorded(humans.iter().map(|(_, trace)| trace.samples.clone()));
    for (index, trace) in traces {
        match trace.human {
            Some(true) => add(Source::Human, &trace.samples, Some(*index)),
            Some(false) => add(Source::Machine, &trace.samples, Some(*index)),
            None => {}
        }
    }
    for person in &pool.people {
        add(Source::HumanScaled, &people::scaled(person, &mut random), None);
        for _ in 0..config.on_display {
            add(Source::HumanOnDisplay, &people::on_display(person, &mut random), None);
        }
    }
    let judged = Family::JUDGED.into_iter().map(|family| (family, config.judged));
    let augmenting = Family::AUGMENTING.into_iter().map(|family| (family, config.augmenting));
    for (family, count) in judged.chain(augmenting) {
        let habits: &[Sampling] = match family {
            // A shuffled recording has the clock it has.
            Family::Shuffled => &[Sampling::Stamp],
            // A person's path at the frames of a display is what stands for a person on the widget.
            Family::Transplanted => &[Sampling::Stamp, Sampling::Hold, Sampling::Tick, Sampling::Poll],
            _ => &Sampling::ALL,
        };
        for sampling in habits {
            for _ in 0..count {
                add(
                    Source::Generated(family, *sampling),
                    &family.draw(*sampling, &pool, &mut random),
                    None,
                );
            }
        }
    }
    for _ in 0..2 * config.judged {
        add(
            Source::Generated(Family::Replay, Sampling::Stamp),
            &Family::Replay.draw(Sampling::Stamp, &pool, &mut random),
            None,
        );
    }
    samples
}
