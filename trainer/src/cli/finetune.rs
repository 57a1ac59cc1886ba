//! `parallax finetune`: learns from what suspects answered.

use std::{fmt, path::PathBuf, str::FromStr};

use parallax_captcha::{perturb::PerturbConfig, text::Style};
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
    finetune::{FinetuneConfig, FinetuneReport, Lambda, Measurement, Queries, finetune, lambda::TARGET},
    interrupt,
    models::{Checkpoint, Recognizer},
    runtime::{DeviceChoice, SessionConfig, default_threads},
    train::{self, Provenance, TrainError, accuracy},
};

/// Unseen originals that the accuracy in the manifest is measured on.
const UNSEEN: u64 = 1_000;
/// Captchas that are perturbed to measure the new attack.
const ATTACKED: u64 = 100;

/// Options of `parallax finetune`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The checkpoint to begin from [default: the shipped one]
    #[arg(long, value_name = "DIR")]
    checkpoint: Option<PathBuf>,
    /// Queries: NDJSON lines {"image", "answer", "weight"}, images relative to the file; `parallax pull` writes them
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
    /// The new checkpoint, on captchas perturbed with itself.
    own: f64,
    /// The attacker given, on captchas perturbed with the checkpoint before.
    attacker_before: Option<f64>,
    /// The attacker given, on captchas perturbed with the new one.
    attacker_after: Option<f64>,
}

/// Fine-tunes, exports, prints.
///
/// # Errors
/// [`CommandError`]; the new checkpoint is then not there, the old one is not touched.
pub fn run(options: &Options) -> Result<(), CommandError> {
    files::refuse_existing(&options.out)?;
    let parent = files::parent_of(&options.out);
    std::fs::create_dir_all(parent).map_err(files::io_error("create", parent))?;
    files::refuse_unwritable(parent)?;
    let session = SessionConfig {
        device: options.device.settle()?,
        threads: options.threads.map_or_else(default_threads, usize::from),
    };
    let checkpoint = Checkpoint::open_or_shipped(options.checkpoint.as_deref())?;
    let (architecture, model, weights) = checkpoint.model()?;
    let before = checkpoint.attack()?;
    let attacker = match &options.attacker {
        Some(root) => Some(Checkpoint::open_or_shipped(Some(root))?.recognizer()?),
        None => None,
    };
    let queries = Queries::read(&options.queries)?;
    if let Some((line, reason)) = queries.unusable.first() {
        let count = queries.unusable.len();
        eprintln!("{count} queries are set aside; the first, line {line}: {reason}");
    }
    let config = FinetuneConfig {
        seed: options.seed,
        lambda: options.lambda.0,
        original: options.original.style(),
        ..FinetuneConfig::default()
    };
    eprintln!(
        "fine-tuning {architecture:?} on {} with {} threads: {} queries, lambda {}",
        session.device,
        session.threads,
        queries.usable.len(),
        options.lambda
    );
    let bar = progress::steps("fine-tuning");
    let mut watch = |measured: &Measurement, steps: usize| {
        bar.set_length(steps as u64);
        bar.set_position(measured.step as u64);
        let line = shown(measured);
        if bar.is_hidden() {
            eprintln!("step {} of {steps}: {line}", measured.step);
        }
        bar.set_message(line);
        !interrupt::requested()
    };
    let tuned = finetune(&model, &weights, &queries.usable, &config, session, &mut watch)?;
    bar.finish_and_clear();
    if interrupt::requested() {
        return Err(CommandError::Interrupted(None));
    }

    let graph = codec::encode(&model.recognizer(&tuned.weights).map_err(TrainError::from)?);
    let unseen = originals(&config.original, options.seed, Stream::Final, UNSEEN);
    let accuracy = accuracy(&mut Recognizer::new(&graph, session)?, &unseen)?;
    let after = codec::encode(&model.attack(&tuned.weights).map_err(TrainError::from)?);
    let attack = attack(options, session, [&before, &after], &graph, attacker.as_deref())?;
    let provenance = Provenance {
        architecture: architecture.name().to_owned(),
        metrics: [
            ("accuracy".to_owned(), accuracy),
            ("accuracy_count".to_owned(), UNSEEN as f64),
            ("agreement".to_owned(), tuned.report.after.agreement),
        ]
        .into(),
        parent: Some(checkpoint.digest()?),
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
            samples: tuned.report.looks as u64,
        },
    };
    train::export(&model, &tuned.weights, provenance, &options.out)?;
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

/// How the new checkpoint and the attacker given do on captchas perturbed with the checkpoints before and after.
fn attack(
    options: &Options,
    session: SessionConfig,
    [before, after]: [&[u8]; 2],
    recognizer: &[u8],
    attacker: Option<&[u8]>,
) -> Result<Attack, CommandError> {
    let style = options.original.style();
    let samples = |surrogate: &[u8]| -> Result<Vec<Sample>, CommandError> {
        let surrogate = Surrogate {
            graphs: vec![surrogate.to_vec()],
            config: PerturbConfig::default(),
            session,
        };
        let pictures = perturbed_pictures(&surrogate, &style, Stream::Final, options.seed, 0..ATTACKED)?;
        Ok(pictures.iter().map(|picture| picture.sample()).collect())
    };
    let new = samples(after)?;
    let own = accuracy(&mut Recognizer::new(recognizer, session)?, &new)?;
    let (mut attacker_before, mut attacker_after) = (None, None);
    if let Some(attacker) = attacker {
        let mut attacker = Recognizer::new(attacker, session)?;
        attacker_before = Some(accuracy(&mut attacker, &samples(before)?)?);
        attacker_after = Some(accuracy(&mut attacker, &new)?);
    }
    Ok(Attack {
        count: ATTACKED,
        own,
        attacker_before,
        attacker_after,
    })
}

fn text(result: &Finetuned) -> String {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let (before, after) = (result.report.before, result.report.after);
    let mut lines = vec![format!(
        "{}: agrees with {} of {} held-out answers (before: {}), reads {} of {UNSEEN} unseen originals",
        result.out.display(),
        percent(after.agreement),
        result.report.held_out,
        percent(before.agreement),
        percent(result.accuracy),
    )];
    let count = result.attack.count;
    lines.push(format!(
        "of {count} captchas perturbed with it, it reads {}",
        percent(result.attack.own)
    ));
    if let (Some(before), Some(after)) = (result.attack.attacker_before, result.attack.attacker_after) {
        lines.push(format!(
            "the attacker reads {}, and {} of {count} perturbed with the checkpoint before",
            percent(after),
            percent(before)
        ));
    }
    lines.join("\n")
}
