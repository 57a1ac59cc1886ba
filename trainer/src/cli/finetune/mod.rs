//! `parallax finetune`: learns from what suspects answered.

mod ensemble;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    slice,
    str::FromStr,
};

use parallax_captcha::{
    perturb::{Member, PerturbConfig},
    text::Style,
};
use parallax_onnx::{checkpoint::Training, codec};
use serde::Serialize;

use super::{CommandError, output, progress};
use crate::{
    attack::{Surrogate, perturbed_pictures},
    data::{
        batches::{Pictures, Sample},
        seeds::Stream,
    },
    files,
    finetune::{
        self, FinetuneConfig, FinetuneReport, Lambda, Measurement, Outcome, Progress, ProgressError, Queries, lambda::TARGET,
    },
    interrupt,
    models::{Checkpoint, Recognizer},
    runtime::{DeviceChoice, SessionConfig, default_threads},
    train::{self, Provenance, TrainError, accuracy},
    zoo::Architecture,
};

/// Unseen originals that the accuracy in the manifest is measured on.
const UNSEEN: u64 = 1_000;
/// Captchas that are perturbed to measure the new attack.
const ATTACKED: u64 = 100;

/// Options of `parallax finetune`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The checkpoint to begin from [default: the shipped one]; of several, each learns from the attackers that it is most
    /// like, and OUT becomes a folder of one checkpoint each, with their weights as an ensemble
    #[arg(long, value_name = "DIR")]
    checkpoint: Vec<PathBuf>,
    /// Queries: NDJSON lines {"image", "answer", "weight", "source", "right"}, images relative to the file;
    /// `parallax pull` writes them
    #[arg(long, value_name = "FILE")]
    queries: PathBuf,
    /// What the model must not forget: captchas as visitors get them (default) or as in the paper (paper), drawn anew
    #[arg(long, value_enum, default_value_t = super::dataset::StyleName::Default)]
    original: super::dataset::StyleName,
    /// How much originals count: adaptive, so that 92 % of them stay read right, or a number
    #[arg(long, default_value_t = LambdaChoice(Lambda::Adaptive { target: TARGET }))]
    lambda: LambdaChoice,
    /// The checkpoint to make
    #[arg(long)]
    out: PathBuf,
    /// Another solver to try on captchas perturbed with the checkpoint before and after
    #[arg(long, value_name = "DIR")]
    attacker: Option<PathBuf>,
    /// Begin anew even where an interrupted run is kept
    #[arg(long)]
    fresh: bool,
    /// Seed of the order of queries and of the originals
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where to run
    #[arg(long, value_enum, default_value_t = DeviceChoice::Auto)]
    device: DeviceChoice,
    /// Threads of the runtime [default: one for each core]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct LambdaChoice(Lambda);

impl FromStr for LambdaChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "adaptive" {
            return Ok(Self(Lambda::Adaptive { target: TARGET }));
        }
        let number: Option<f32> = text.parse().ok();
        number
            .filter(|lambda| (0.0..=1e6).contains(lambda))
            .map(|lambda| Self(Lambda::Fixed(lambda)))
            .ok_or_else(|| "neither `adaptive` nor a number from 0 on".to_owned())
    }
}

impl fmt::Display for LambdaChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Lambda::Adaptive { .. } => f.write_str("adaptive"),
            Lambda::Fixed(lambda) => lambda.fmt(f),
        }
    }
}

#[derive(Debug, Serialize)]
struct Finetuned {
    out: PathBuf,
    /// Queries whose answer no model of ours could give.
    unusable: usize,
    /// Share of unseen originals read right.
    accuracy: f64,
    report: FinetuneReport,
    attack: Attack,
    device: String,
}

/// Success of solvers on captchas perturbed in the product's configuration.
#[derive(Debug, Serialize)]
struct Attack {
    count: u64,
    /// The best of the new checkpoints, on captchas perturbed with them.
    own: f64,
    /// The attacker given, on captchas perturbed with the checkpoints before.
    attacker_before: Option<f64>,
    /// The attacker given, on captchas perturbed with the new ones.
    attacker_after: Option<f64>,
}

/// Fine-tunes, exports, prints.
///
/// # Errors
/// [`CommandError`]; the new checkpoint is then not there, the old one is not touched.
pub fn run(options: &Options) -> Result<(), CommandError> {
    files::refuse_existing(&options.out)?;
    let parent = files::parent_of(&options.out);
    fs::create_dir_all(parent).map_err(files::io_error("create", parent))?;
    files::refuse_unwritable(parent)?;
    let session = SessionConfig {
        device: options.device.settle()?,
        threads: options.threads.map_or_else(default_threads, usize::from),
    };
    if options.checkpoint.len() > 1 {
        return ensemble::run(options, session);
    }
    let checkpoint = Checkpoint::open_or_shipped(options.checkpoint.first().map(PathBuf::as_path))?;
    let (architecture, model, weights) = checkpoint.model()?;
    let before = checkpoint.attack()?;
    let attacker = attacker(options)?;
    let queries = read(options)?;
    let config = config(options);
    eprintln!(
        "fine-tuning {architecture:?} on {} with {} threads: {} queries, lambda {}",
        session.device,
        session.threads,
        queries.usable.len(),
        options.lambda
    );
    let path = progress_path(&options.out);
    let machine = format!("{} {}", session.device, session.threads);
    let origin = finetune::origin(&weights, &queries.usable, &config, &machine);
    let saved = if options.fresh { None } else { saved(&path, &origin)? };
    let mut watch = Watch::new();
    let outcome = finetune::finetune(&model, &weights, &queries.usable, &config, session, saved, &mut watch)?;
    watch.bar.finish_and_clear();
    let tuned = match outcome {
        Outcome::Finished(tuned) => *tuned,
        Outcome::Stopped(stopped) => {
            let bytes = stopped.encode(&origin).map_err(|reason| TrainError::State {
                path: path.clone(),
                reason,
            })?;
            files::write(&path, &bytes)?;
            let done = stopped.state.step;
            let rest = format!("{done} steps are saved, the same command goes on from there");
            return Err(CommandError::Interrupted(Some(rest)));
        }
    };

    let graph = codec::encode(&model.recognizer(&tuned.weights).map_err(TrainError::from)?);
    let after = codec::encode(&model.attack(&tuned.weights).map_err(TrainError::from)?);
    let attack = attack(
        options,
        session,
        [&[alone(before)], &[alone(after)]],
        slice::from_ref(&graph),
        attacker.as_deref(),
    )?;
    let accuracy = accuracy_on_unseen(&graph, options, session)?;
    let provenance = provenance(options, session, &checkpoint, architecture, &tuned, accuracy)?;
    train::export(&model, &tuned.weights, provenance, &options.out)?;
    if path.exists() {
        fs::remove_file(&path).map_err(files::io_error("remove", &path))?;
    }
    let result = Finetuned {
        out: options.out.clone(),
        unusable: queries.unusable.len(),
        accuracy,
        report: tuned.report,
        attack,
        device: session.device.to_string(),
    };
    output::print(&result, options.json, text)?;
    Ok(())
}

/// Where an interrupted run is kept.
fn progress_path(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".finetuning");
    name.into()
}

/// The run to go on with; `None` where there is none.
fn saved(path: &Path, origin: &str) -> Result<Option<Progress>, CommandError> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(files::io_error("read", path))?,
    };
    let refused = |error: ProgressError| match error {
        ProgressError::State(reason) => TrainError::State {
            path: path.to_owned(),
            reason,
        },
        ProgressError::Other => TrainError::OtherRun {
            path: path.to_owned(),
            difference: "another checkpoint, other queries or other settings".to_owned(),
        },
    };
    let progress = Progress::decode(&bytes, origin).map_err(refused)?;
    eprintln!("going on after {} steps", progress.state.step);
    Ok(Some(progress))
}

/// Shows how it goes, and stops it at Ctrl-C.
struct Watch {
    bar: indicatif::ProgressBar,
}

impl Watch {
    fn new() -> Self {
        Self {
            bar: progress::steps("fine-tuning"),
        }
    }

    fn show(&self, of: &str, measured: &Measurement, steps: usize) {
        self.bar.set_length(steps as u64);
        self.bar.set_position(measured.step as u64);
        let line = shown(measured);
        if self.bar.is_hidden() {
            eprintln!("{of}step {} of {steps}: {line}", measured.step);
        }
        self.bar.set_message(format!("{of}{line}"));
    }
}

impl finetune::Watch for Watch {
    fn measured(&mut self, measured: &Measurement, steps: usize) {
        self.show("", measured, steps);
    }

    fn stop(&self) -> bool {
        interrupt::requested()
    }
}

impl finetune::WatchClusters for Watch {
    fn measured(&mut self, member: usize, measured: &Measurement, steps: usize) {
        self.show(&format!("checkpoint {}, ", member + 1), measured, steps);
    }

    fn stop(&self) -> bool {
        interrupt::requested()
    }
}

/// The queries; those that cannot be learned from are told of.
fn read(options: &Options) -> Result<Queries, CommandError> {
    let queries = Queries::read(&options.queries)?;
    if let Some((line, reason)) = queries.unusable.first() {
        let count = queries.unusable.len();
        eprintln!("{count} queries are set aside; the first, line {line}: {reason}");
    }
    Ok(queries)
}

fn config(options: &Options) -> FinetuneConfig {
    FinetuneConfig {
        seed: options.seed,
        lambda: options.lambda.0,
        original: options.original.style(),
        ..FinetuneConfig::default()
    }
}

fn attacker(options: &Options) -> Result<Option<Vec<u8>>, CommandError> {
    match &options.attacker {
        Some(root) => Ok(Some(Checkpoint::open_or_shipped(Some(root))?.recognizer()?)),
        None => Ok(None),
    }
}

fn alone(graph: Vec<u8>) -> Member<Vec<u8>> {
    Member {
        model: graph,
        weight: 1.0,
    }
}

fn accuracy_on_unseen(graph: &[u8], options: &Options, session: SessionConfig) -> Result<f64, CommandError> {
    let unseen = originals(&options.original.style(), options.seed, Stream::Final, UNSEEN);
    Ok(accuracy(&mut Recognizer::new(graph, session)?, &unseen)?)
}

/// Where a new checkpoint comes from, for its manifest.
fn provenance(
    options: &Options,
    session: SessionConfig,
    parent: &Checkpoint,
    architecture: Architecture,
    tuned: &crate::finetune::Finetuned,
    accuracy: f64,
) -> Result<Provenance, CommandError> {
    let checkpoints = options.checkpoint.iter().skip(1);
    let others: String = checkpoints
        .map(|checkpoint| format!(" --checkpoint {}", checkpoint.display()))
        .collect();
    Ok(Provenance {
        architecture: architecture.name().to_owned(),
        metrics: [
            ("accuracy".to_owned(), accuracy),
            ("accuracy_count".to_owned(), UNSEEN as f64),
            ("agreement".to_owned(), tuned.report.after.agreement),
        ]
        .into(),
        parent: Some(parent.digest()?),
        training: Training {
            command: format!(
                "parallax finetune --queries {}{others} --original {} --lambda {} --seed {} --device {} --threads {}",
                options.queries.display(),
                options.original.name(),
                options.lambda,
                options.seed,
                session.device,
                session.threads,
            ),
            seed: options.seed,
            samples: tuned.report.looks as u64,
        },
    })
}

fn shown(measured: &Measurement) -> String {
    format!(
        "lambda {:.2}, {:.1} % of originals, {:.1} % of held-out answers",
        measured.lambda,
        100.0 * measured.accuracy,
        100.0 * measured.agreement
    )
}

fn originals(style: &Style, seed: u64, stream: Stream, count: u64) -> Vec<Sample> {
    let pictures = Pictures {
        style: style.clone(),
        seed,
        stream,
    };
    (0..count).map(|index| pictures.sample(index)).collect()
}

/// How the new checkpoints (their recognisers are `own`; the best of them counts) and the attacker given do on captchas
/// perturbed with the checkpoints before and after.
fn attack(
    options: &Options,
    session: SessionConfig,
    [before, after]: [&[Member<Vec<u8>>]; 2],
    own: &[Vec<u8>],
    attacker: Option<&[u8]>,
) -> Result<Attack, CommandError> {
    let style = options.original.style();
    let samples = |members: &[Member<Vec<u8>>]| -> Result<Vec<Sample>, CommandError> {
        let surrogate = Surrogate {
            members: members.to_vec(),
            config: PerturbConfig::default(),
            session,
        };
        let pictures = perturbed_pictures(&surrogate, &style, Stream::Final, options.seed, 0..ATTACKED)?;
        Ok(pictures.iter().map(|picture| picture.sample()).collect())
    };
    let new = samples(after)?;
    let mut best = 0.0_f64;
    for recognizer in own {
        best = best.max(accuracy(&mut Recognizer::new(recognizer, session)?, &new)?);
    }
    let (mut attacker_before, mut attacker_after) = (None, None);
    if let Some(attacker) = attacker {
        let mut attacker = Recognizer::new(attacker, session)?;
        attacker_before = Some(accuracy(&mut attacker, &samples(before)?)?);
        attacker_after = Some(accuracy(&mut attacker, &new)?);
    }
    Ok(Attack {
        count: ATTACKED,
        own: best,
        attacker_before,
        attacker_after,
    })
}

fn text(result: &Finetuned) -> String {
    let (before, after) = (result.report.before, result.report.after);
    let mut lines = vec![format!(
        "{}: agrees with {} of {} held-out answers (before: {}), reads {} of {UNSEEN} unseen originals",
        result.out.display(),
        percent(after.agreement),
        result.report.held_out,
        percent(before.agreement),
        percent(result.accuracy),
    )];
    lines.extend(attack_lines(&result.attack));
    lines.join("\n")
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn attack_lines(attack: &Attack) -> Vec<String> {
    let count = attack.count;
    let mut lines = vec![format!("of {count} captchas perturbed anew, it reads {}", percent(attack.own))];
    if let (Some(before), Some(after)) = (attack.attacker_before, attack.attacker_after) {
        lines.push(format!(
            "the attacker reads {}, and {} of {count} perturbed as before",
            percent(after),
            percent(before)
        ));
    }
    lines
}
