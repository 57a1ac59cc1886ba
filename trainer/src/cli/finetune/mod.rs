//! `parallax finetune`: learns from what suspects answered.

mod attack;
mod kept;

use std::{fmt, fs, path::PathBuf, str::FromStr};

use parallax_captcha::perturb::Member;
use parallax_onnx::{checkpoint::Training, codec};
use serde::Serialize;

use self::{
    attack::{Attack, Solvers},
    kept::Kept,
};
use super::{CommandError, Format, output, progress, session::Session};
use crate::{
    attack::AttackError,
    data::{
        batches::{Pictures, Sample},
        seeds::Stream,
    },
    files,
    finetune::{
        Clustered, FinetuneConfig, FinetuneReport, Lambda, Queries, Query, Start, finetune_clusters, lambda::TARGET,
    },
    models::{Checkpoint, Recognizer, compose},
    runtime::SessionConfig,
    train::{self, Provenance, TrainError, accuracy},
};

/// Unseen originals that the accuracy in the manifest is measured on.
const UNSEEN: u64 = 1_000;
/// What a model that is to be pushed should read of them: one that reads fewer misleads fewer solvers.
const ORIGINALS: f64 = 0.9;

/// Options of `parallax finetune`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The checkpoint to begin from; of an ensemble each model learns from the attackers that it is most like [default: the
    /// shipped one]
    #[arg(long, value_name = "DIR")]
    checkpoint: Option<PathBuf>,
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
    /// Seed of the order of queries and of the originals
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    session: Session,
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
    members: Vec<Part>,
    attack: Attack,
    device: String,
}

/// A model of the new checkpoint.
#[derive(Debug, Serialize)]
struct Part {
    architecture: &'static str,
    /// Its share of the gradients, beside the others' weights.
    weight: f32,
    /// Sources that it learned from, and their answers.
    sources: usize,
    answers: usize,
    /// Share of unseen originals that the model before reads right.
    accuracy_before: f64,
    /// Share of the same that it reads right itself.
    accuracy: f64,
    /// How it learned.
    report: FinetuneReport,
}

/// Fine-tunes, exports, prints.
///
/// # Errors
/// [`CommandError`]; the new checkpoint is then not there, the old one is not touched. An interrupted run goes on from where
/// it was.
pub fn run(options: &Options, format: Format) -> Result<(), CommandError> {
    files::refuse_existing(&options.out)?;
    let parent = files::parent_of(&options.out);
    fs::create_dir_all(parent).map_err(files::io_error("create", parent))?;
    files::refuse_unwritable(parent)?;
    let session = options.session.config()?;
    let checkpoint = Checkpoint::open_or_shipped(options.checkpoint.as_deref())?;
    let models = checkpoint.models()?;
    let before: Vec<_> = checkpoint.attacks()?.into_iter().map(|(_, member)| member).collect();
    let attacker = match &options.attacker {
        Some(root) => Some(Checkpoint::open_or_shipped(Some(root))?.recognizer()?),
        None => None,
    };
    let queries = read(options)?;
    let (names, starts): (Vec<_>, Vec<_>) = models
        .into_iter()
        .map(|Member { model, weight }| {
            let (architecture, model, weights) = model;
            (architecture.name(), Start { model, weights, weight })
        })
        .unzip();
    eprintln!(
        "fine-tuning {} on {} with {} threads: {} queries, lambda {}",
        names.join(" and "),
        session.device,
        session.threads,
        queries.usable.len(),
        options.lambda
    );
    let kept = Kept::of(&options.out, config(options), session);
    let mut learn = |member: usize, queries: &[Query]| match names.get(member).zip(starts.get(member)) {
        Some((name, start)) => kept.learn(name, start, queries),
        None => Ok(None),
    };
    let clustered = finetune_clusters(&starts, &queries.usable, session, &mut learn)?;
    let clustered = clustered.ok_or_else(|| {
        let rest = "what was done is kept, the same command goes on from there";
        CommandError::Interrupted(Some(rest.to_owned()))
    })?;

    let folder = tempfile::TempDir::new_in(parent).map_err(files::io_error("create a folder in", parent))?;
    let unseen = originals(options, Stream::Final, UNSEEN);
    let (mut members, mut solvers, mut parts) = (Vec::new(), Solvers::default(), Vec::new());
    for (index, ((name, start), clustered)) in names.iter().zip(&starts).zip(clustered).enumerate() {
        let weights = &clustered.tuned.weights;
        let graph = codec::encode(&start.model.recognizer(weights).map_err(TrainError::from)?);
        let of = |graph: &[u8]| accuracy(&mut Recognizer::new(graph, session)?, &unseen);
        let accuracy = of(&graph)?;
        let before = codec::encode(&start.model.recognizer(&start.weights).map_err(TrainError::from)?);
        let attack = codec::encode(&start.model.attack(weights).map_err(TrainError::from)?);
        let provenance = provenance(options, session, &checkpoint, name, &clustered, accuracy)?;
        let into = folder.path().join(index.to_string());
        train::export(&start.model, weights, provenance, &into)?;
        members.push((Checkpoint::open_or_shipped(Some(&into))?, clustered.weight));
        solvers.after.push(Member {
            model: attack,
            weight: clustered.weight,
        });
        solvers.own.push(graph);
        parts.push(Part {
            architecture: name,
            weight: clustered.weight,
            sources: clustered.sources,
            answers: clustered.answers,
            accuracy_before: of(&before)?,
            accuracy,
            report: clustered.tuned.report,
        });
    }
    solvers.before = before;
    solvers.attacker = attacker;
    let attack = solvers
        .measure(&options.original.setting(), options.seed, session)
        .map_err(|error| match error {
            CommandError::Attack(AttackError::Interrupted) => CommandError::Interrupted(Some(
                "the models have learned and are kept, the same command goes on from there".to_owned(),
            )),
            error => error,
        })?;
    match members.as_slice() {
        [(single, _)] => {
            files::refuse_existing(&options.out)?;
            fs::rename(single.root(), &options.out).map_err(files::io_error("create", &options.out))?;
        }
        several => compose(several, &options.out)?,
    }
    let result = Finetuned {
        out: options.out.clone(),
        unusable: queries.unusable.len(),
        members: parts,
        attack,
        device: session.device.to_string(),
    };
    output::print(&result, format, text)?;
    // The checkpoint is there; what is left over does no harm.
    if let Err(error) = kept.remove() {
        eprintln!("what was kept meanwhile could not be removed: {error}");
    }
    Ok(())
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

fn originals(options: &Options, stream: Stream, count: u64) -> Vec<Sample> {
    let pictures = Pictures {
        style: options.original.style(),
        seed: options.seed,
        stream,
        filtered: false,
    };
    (0..count).map(|index| pictures.sample(index)).collect()
}

/// Where a model comes from, for its manifest.
fn provenance(
    options: &Options,
    session: SessionConfig,
    parent: &Checkpoint,
    architecture: &str,
    clustered: &Clustered,
    accuracy: f64,
) -> Result<Provenance, CommandError> {
    let report = &clustered.tuned.report;
    let metrics = [
        ("accuracy", accuracy),
        ("accuracy_count", UNSEEN as f64),
        ("agreement", report.after.agreement),
    ];
    Ok(Provenance {
        architecture: architecture.to_owned(),
        metrics: metrics
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        parent: Some(parent.digest()?),
        training: Training {
            command: format!(
                "parallax finetune --queries {} --original {} --lambda {} --seed {} --device {} --threads {}",
                options.queries.display(),
                options.original.name(),
                options.lambda,
                options.seed,
                session.device,
                session.threads,
            ),
            seed: options.seed,
            samples: report.looks as u64,
        },
    })
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn text(result: &Finetuned) -> String {
    let part = |part: &Part| {
        format!(
            "{}: {} answers of {} sources, agrees with {} of {} held out (before: {}), reads {} of {UNSEEN} unseen \
             originals (before: {}), weight {:.2}",
            part.architecture,
            part.answers,
            part.sources,
            percent(part.report.after.agreement),
            part.report.held_out,
            percent(part.report.before.agreement),
            percent(part.accuracy),
            percent(part.accuracy_before),
            part.weight,
        )
    };
    let forgot = |part: &&Part| part.accuracy < ORIGINALS && part.accuracy < part.accuracy_before;
    let warning = |part: &Part| {
        let (name, least) = (part.architecture, percent(ORIGINALS));
        format!(
            "{name} reads fewer than {least} of originals: do not push it; --lambda with a higher number keeps more"
        )
    };
    let warnings = result.members.iter().filter(forgot).map(warning);
    let lines = result
        .members
        .iter()
        .map(part)
        .chain(result.attack.lines())
        .chain(warnings);
    format!("{}\n{}", result.out.display(), lines.collect::<Vec<_>>().join("\n"))
}
