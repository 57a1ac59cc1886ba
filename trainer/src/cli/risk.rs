//! `parallax risk`: the model of how people move a handle, and the attackers it is measured on.

use std::{collections::BTreeMap, fmt::Write, path::PathBuf};

use clap::builder::RangedU64ValueParser;
use parallax_captcha::{
    risk::{RiskConfig, score_movement},
    wire::{Input, Trace},
};
use serde::Serialize;

use super::{CommandError, Format, output};
use crate::{
    files,
    risk::{
        boosting::BoostingConfig,
        corpus::{self, CorpusConfig, Domain},
        generators::{
            Family,
            sampling::{Pool, Sampling},
        },
        model_file,
        random::Random,
        report::{self, Report},
        traces::{self, LabelledTrace, TracesError},
        validation::{self, LeftOut},
    },
};

/// Fewer of either make no model.
const MIN_PEOPLE: usize = 50;

/// Options of `parallax risk`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Fit the model to recorded people, against generated and recorded machines
    Train(TrainOptions),
    /// Write the probability of a machine for each trace of a file: id,p_bot
    Score(ScoreOptions),
    /// Draw attackers' traces
    Simulate(SimulateOptions),
    /// Measure the model with whole families of attackers left out: Markdown, SVG, JSON
    Report(ReportOptions),
}

#[derive(Debug, clap::Args)]
struct TrainOptions {
    /// Labelled traces
    #[arg(long, value_name = "FILE")]
    traces: PathBuf,
    /// The model to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// What it shall judge
    #[arg(long, value_name = "NAME", value_enum, default_value_t = Domain::Recording)]
    domain: Domain,
    /// Seed of all drawing
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, clap::Args)]
struct ScoreOptions {
    /// Traces; labels may be missing
    #[arg(long, value_name = "FILE")]
    traces: PathBuf,
    /// The CSV file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The model [default: the shipped one for recordings]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct SimulateOptions {
    /// Which attacker
    #[arg(long, value_name = "NAME", value_enum)]
    family: Family,
    /// How many traces
    #[arg(long, value_parser = RangedU64ValueParser::<u64>::new().range(1..=1_000_000))]
    count: u64,
    /// Seed of all drawing
    #[arg(long)]
    seed: u64,
    /// The file to write, labelled 0
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// How it samples its path [default: each habit in turn]
    #[arg(long, value_name = "NAME", value_enum)]
    sampling: Option<Sampling>,
    /// Recorded people to take geometry, clocks and strokes from [default: made-up ones]
    #[arg(long, value_name = "FILE")]
    traces: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct ReportOptions {
    /// Labelled traces
    #[arg(long, value_name = "FILE")]
    traces: PathBuf,
    /// The folder to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Seed of all drawing
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Does it, prints a summary.
///
/// # Errors
/// [`CommandError`] naming the file, and the line, that is no good; nothing is written then.
pub fn run(options: &Options, format: Format) -> Result<(), CommandError> {
    match &options.what {
        What::Train(options) => train(options, format),
        What::Score(options) => score(options, format),
        What::Simulate(options) => simulate(options, format),
        What::Report(options) => report(options, format),
    }
}

/// Labelled traces that are enough to learn from.
fn labelled(path: &std::path::Path) -> Result<Vec<LabelledTrace>, TracesError> {
    let traces = traces::read(path)?;
    let people = traces.iter().filter(|trace| trace.human == Some(true)).count();
    if people < MIN_PEOPLE {
        return Err(TracesError::TooFew {
            path: path.display().to_string(),
            reason: "fewer than 50 traces labelled 1 (human)",
        });
    }
    Ok(traces)
}

#[derive(Debug, Serialize)]
struct Trained {
    model: PathBuf,
    bytes: usize,
    samples: usize,
    people: usize,
    used_features: usize,
}

fn train(options: &TrainOptions, format: Format) -> Result<(), CommandError> {
    let traces = labelled(&options.traces)?;
    let samples = corpus::build(
        &traces,
        &CorpusConfig {
            seed: options.seed,
            ..CorpusConfig::default()
        },
    );
    let samples = corpus::of_domain(&samples, options.domain);
    let config = BoostingConfig::of(options.domain, options.seed);
    let scores = validation::out_of_fold(&samples, LeftOut::Nothing, &config);
    let model = validation::train(&samples, &scores, &config);
    let bytes = model.to_bytes();
    files::write(&options.out, &bytes)?;
    let trained = Trained {
        model: options.out.clone(),
        bytes: bytes.len(),
        samples: samples.len(),
        people: samples
            .iter()
            .filter(|sample| sample.source == corpus::Source::Human)
            .count(),
        used_features: model.uses().iter().filter(|uses| **uses > 0).count(),
    };
    output::print(&trained, format, |trained| {
        format!(
            "{}: {} bytes, {} features used, fitted to {} traces, {} of them recorded people",
            trained.model.display(),
            trained.bytes,
            trained.used_features,
            trained.samples,
            trained.people
        )
    })?;
    Ok(())
}

#[derive(Debug, Serialize)]
struct Scored {
    count: usize,
    suspected: usize,
}

fn score(options: &ScoreOptions, format: Format) -> Result<(), CommandError> {
    let traces = traces::read(&options.traces)?;
    let model = options.model.as_deref().map(model_file::read).transpose()?;
    let shipped = model_file::shipped();
    let (mut csv, mut suspected) = (String::from("id,p_bot\n"), 0);
    for trace in &traces {
        let sent = Trace {
            version: Trace::VERSION,
            input: Input::Mouse,
            samples: traces::relative(&trace.samples),
            track: 1.0,
        };
        let verdict = score_movement(&RiskConfig::default(), model.as_ref().or(shipped), &sent);
        suspected += usize::from(verdict.p_bot >= 0.5);
        // Writing to a String cannot fail.
        let _ = writeln!(csv, "{},{:.6}", csv_field(&trace.id), verdict.p_bot);
    }
    files::write(&options.out, csv.as_bytes())?;
    let scored = Scored {
        count: traces.len(),
        suspected,
    };
    output::print(&scored, format, |s| {
        format!("{} of {} at 0.5 or above", s.suspected, s.count)
    })?;
    Ok(())
}

/// An id as a CSV field: quoted where it has to be.
fn csv_field(id: &str) -> String {
    if id.contains([',', '"']) {
        format!("\"{}\"", id.replace('"', "\"\""))
    } else {
        id.to_owned()
    }
}

fn simulate(options: &SimulateOptions, format: Format) -> Result<(), CommandError> {
    let mut random = Random::new(options.seed, 0);
    let pool = match &options.traces {
        Some(path) => {
            let people = labelled(path)?.into_iter().filter(|trace| trace.human == Some(true));
            Pool::recorded(people.map(|trace| trace.samples))
        }
        None => Pool::made_up(&mut random),
    };
    let draw = |index: u64| {
        let habit = Sampling::ALL
            .get((index % Sampling::ALL.len() as u64) as usize)
            .copied();
        let sampling = options.sampling.or(habit).unwrap_or(Sampling::Stamp);
        // A stream for each, so that a longer file begins as a shorter one does. Some draws do not move at all.
        let mut random = Random::new(options.seed, index + 1);
        let samples = (0..100)
            .map(|_| options.family.draw(sampling, &pool, &mut random))
            .find(|samples| samples.len() >= 2);
        let samples = samples.unwrap_or_else(|| vec![[0.0; 3]]);
        let end = samples.last().copied().unwrap_or_default();
        LabelledTrace {
            id: format!("{}-{}-{}", options.family.name(), sampling.name(), index + 1),
            samples,
            target: [end[0], end[1]],
            human: Some(false),
        }
    };
    let drawn: Vec<LabelledTrace> = (0..options.count).map(draw).collect();
    files::write(&options.out, traces::write(&drawn).as_bytes())?;
    let counts = BTreeMap::from([("count", drawn.len())]);
    output::print(&counts, format, |_| {
        format!("{} traces in {}", drawn.len(), options.out.display())
    })?;
    Ok(())
}

fn report(options: &ReportOptions, format: Format) -> Result<(), CommandError> {
    let folder = files::PendingFolder::create(&options.out)?;
    let traces = labelled(&options.traces)?;
    let report: Report = report::measure(&traces, options.seed);
    report.write(&folder)?;
    folder.commit()?;
    output::print(&report, format, report::markdown::summary)?;
    Ok(())
}
