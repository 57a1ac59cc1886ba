//! `parallax train`: learns to read captchas, or to mislead who does, and exports a checkpoint.

mod generator;
mod watch;

use std::{
    fs,
    path::{Path, PathBuf},
};

use parallax_captcha::text::SCHEME_VERSION;
use parallax_onnx::checkpoint::Training;
use serde::Serialize;

use super::{CommandError, Format, dataset::StyleName, fonts::Fonts, output, session::Session};
use crate::{
    files,
    metrics::{Log, RunHeader},
    models::Checkpoint,
    runtime::{SessionConfig, drawing_threads},
    train::{self, Outcome, Provenance, RunConfig, TrainConfig, TrainError, TrainingState},
    zoo::{Architecture, GeneratorArchitecture, Weights},
};
use watch::Watch;

/// Steps between two savings: half a minute on two cores.
const SAVE_EVERY: u64 = 100;
/// Held-out pictures that the accuracy shown while training is measured on.
const PROGRESS_PICTURES: usize = 500;

/// Options of `parallax train`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Which model
    #[arg(long, value_enum, default_value_t = Architecture::Crnn)]
    model: Architecture,
    /// Begin with the weights of this checkpoint, which is one model, instead of untrained ones; with --generator the checkpoint
    /// that gets one [default: the shipped one]
    #[arg(long, value_name = "DIR", conflicts_with = "model")]
    from: Option<PathBuf>,
    /// Not a model, but what misleads all models of --from in one forward pass
    #[arg(long, value_enum, conflicts_with_all = ["model", "filtered", "fonts", "feature_steps"])]
    generator: Option<GeneratorArchitecture>,
    /// The checkpoint to make; meanwhile OUT.training holds the run, and an interrupted one goes on from there
    #[arg(long)]
    out: PathBuf,
    /// Pictures to learn from, each drawn for this and seen once
    #[arg(long, default_value_t = 128_000, value_parser = clap::value_parser!(u64).range(1..))]
    samples: u64,
    /// Seed of the first weights and of the pictures
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How the pictures look
    #[arg(long, value_enum, default_value_t = StyleName::Default)]
    style: StyleName,
    #[command(flatten)]
    fonts: Fonts,
    /// Every other picture goes through one of the filters of `solve --preprocess`, at random: a solver that expects them
    #[arg(long)]
    filtered: bool,
    #[command(flatten)]
    session: Session,
    /// Pictures in a step
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(2..=4096))]
    batch: u16,
    /// The highest learning rate
    #[arg(long, default_value_t = 1e-3, value_parser = learning_rate)]
    learning_rate: f32,
    /// Steps until the learning rate is reached
    #[arg(long, default_value_t = 300)]
    warmup: u64,
    /// Steps in which the auxiliary head forms features, before the recurrent layers begin anew on them [default: the
    /// model's, 0 with --from]
    #[arg(long)]
    feature_steps: Option<u64>,
    /// How often the learning rate rises and falls after that
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    cycles: u64,
    /// Steps between two measurements on held-out pictures
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u64).range(1..))]
    measure_every: u64,
    /// Unseen pictures that the accuracy in the manifest is measured on
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u16).range(1..))]
    unseen: u16,
    /// A folder for scalars that TensorBoard and `parallax report` read
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
    /// Discard an interrupted run instead of going on with it
    #[arg(long)]
    fresh: bool,
}

fn learning_rate(text: &str) -> Result<f32, String> {
    let rate: Option<f32> = text.parse().ok();
    rate.filter(|rate| rate.is_finite() && *rate > 0.0)
        .ok_or_else(|| "not a positive number".to_owned())
}

#[derive(Debug, Serialize)]
struct Trained {
    out: PathBuf,
    samples: u64,
    seed: u64,
    accuracy: f64,
    device: String,
}

/// Trains, exports, prints.
///
/// # Errors
/// [`CommandError`]; an interrupted run can be gone on with.
pub fn run(options: &Options, format: Format) -> Result<(), CommandError> {
    if let Some(architecture) = options.generator {
        return generator::run(options, architecture, format);
    }
    let state = place(options)?;
    let session = options.session.config()?;
    let first = options.from.as_deref().map(First::open).transpose()?;
    let architecture = first.as_ref().map_or(options.model, |first| first.architecture);
    let config = train_config(options, architecture, first.as_ref(), session);
    let saved = saved(options, &state, &config)?;
    let begun = saved.as_ref().map_or(0, |state| state.step);
    say_begin(&config, session, begun);
    let run_config = run_config(options, state.clone(), session);
    let model = architecture.model().map_err(TrainError::from)?;
    let saved = saved.or_else(|| first.map(|first| TrainingState::untrained(first.weights)));
    let mut watch = watch(options, &config, begun, "right")?;
    let outcome = train::run(&model, &config, &run_config, saved, &mut watch)?;
    let weights = finished(outcome, watch, &config)?;
    let unseen = usize::from(options.unseen);
    let accuracy = train::unseen_accuracy(&model, &weights, &config, unseen, session)?;
    let provenance = Provenance {
        architecture: config.model.clone(),
        metrics: [
            ("accuracy".to_owned(), accuracy),
            ("accuracy_count".to_owned(), unseen as f64),
        ]
        .into(),
        parent: config.from.clone(),
        training: Training {
            command: command(options, &config),
            seed: config.seed,
            samples: config.samples,
        },
    };
    train::export(&model, &weights, provenance, &options.out)?;
    fs::remove_file(&state).map_err(files::io_error("remove", &state))?;
    let trained = Trained {
        out: options.out.clone(),
        samples: config.samples,
        seed: config.seed,
        accuracy,
        device: session.device.to_string(),
    };
    output::print(&trained, format, |trained| {
        let (out, percent) = (trained.out.display(), 100.0 * trained.accuracy);
        format!("{out}: reads {percent:.2} % of {} unseen captchas", options.unseen)
    })?;
    Ok(())
}

/// Where the run is kept, once it is known that it and the checkpoint can be written.
fn place(options: &Options) -> Result<PathBuf, CommandError> {
    files::refuse_existing(&options.out)?;
    let state = state_path(&options.out);
    let parent = files::parent_of(&state);
    fs::create_dir_all(parent).map_err(files::io_error("create", parent))?;
    files::refuse_unwritable(parent)?;
    Ok(state)
}

fn saved(options: &Options, state: &Path, config: &TrainConfig) -> Result<Option<TrainingState>, CommandError> {
    match options.fresh {
        true => Ok(None),
        false => Ok(train::saved_state(state, config)?),
    }
}

fn say_begin(config: &TrainConfig, session: SessionConfig, begun: u64) {
    eprintln!(
        "training on {} with {} threads: {} pictures of seed {}, {} steps{}",
        session.device,
        session.threads,
        config.samples,
        config.seed,
        config.steps(),
        if begun > 0 {
            format!(", going on after {begun}")
        } else {
            String::new()
        },
    );
}

fn run_config(options: &Options, state: PathBuf, session: SessionConfig) -> RunConfig {
    RunConfig {
        state,
        session,
        save_every: SAVE_EVERY,
        measure_every: options.measure_every,
        measure_on: PROGRESS_PICTURES,
        drawing_threads: drawing_threads(session.device),
    }
}

fn watch(options: &Options, config: &TrainConfig, begun: u64, measures: &'static str) -> Result<Watch, CommandError> {
    let mut watch = Watch::new(config, begun, measures);
    if let Some(root) = &options.log {
        watch.log = Some(Log::open(root, &header(options, config))?);
    }
    Ok(watch)
}

/// The weights of a run that ended.
fn finished(outcome: Outcome, mut watch: Watch, config: &TrainConfig) -> Result<Weights, CommandError> {
    watch.bar.finish_and_clear();
    if let Some(error) = watch.log_error.take() {
        eprintln!("the log is not complete: {error}");
    }
    match outcome {
        Outcome::Finished(weights) => Ok(weights),
        Outcome::Stopped { done } => {
            let rest = format!(
                "{done} of {} steps are saved, the same command goes on from there",
                config.steps()
            );
            Err(CommandError::Interrupted(Some(rest)))
        }
    }
}

/// The first weights, of a checkpoint.
struct First {
    digest: String,
    architecture: Architecture,
    weights: Weights,
}

impl First {
    fn open(root: &Path) -> Result<Self, CommandError> {
        let checkpoint = Checkpoint::open_or_shipped(Some(root))?;
        if checkpoint.manifest().members().len() > 1 {
            return Err(CommandError::Usage(format!(
                "{}: training begins with one model, this checkpoint has several",
                root.display()
            )));
        }
        let (architecture, _, weights) = checkpoint.model()?;
        Ok(Self {
            digest: checkpoint.digest()?,
            architecture,
            weights,
        })
    }
}

fn train_config(
    options: &Options,
    architecture: Architecture,
    first: Option<&First>,
    session: SessionConfig,
) -> TrainConfig {
    let feature_steps = || match first {
        Some(_) => 0,
        None => architecture.feature_steps(),
    };
    TrainConfig {
        model: architecture.name().to_owned(),
        samples: options.samples,
        seed: options.seed,
        batch: usize::from(options.batch),
        learning_rate: options.learning_rate,
        warmup: options.warmup,
        floor: 0.02,
        feature_steps: options.feature_steps.unwrap_or_else(feature_steps),
        cycles: options.cycles,
        threads: session.threads,
        style: options.fonts.of(options.style.style()),
        filtered: options.filtered,
        perturb: None,
        scheme_version: SCHEME_VERSION,
        from: first.map(|first| first.digest.clone()),
    }
}

fn header(options: &Options, config: &TrainConfig) -> RunHeader {
    RunHeader {
        command: command(options, config),
        model: config.model.clone(),
        style: options.style.name().to_owned(),
        seed: config.seed,
        // The log may be looked at from another folder.
        checkpoint: std::path::absolute(&options.out).unwrap_or_else(|_| options.out.clone()),
    }
}

/// The command that makes this checkpoint again, on the same machine.
fn command(options: &Options, config: &TrainConfig) -> String {
    let mut style = options.style.name().to_owned() + &options.fonts.option();
    if options.filtered {
        style += " --filtered";
    }
    let from = options
        .from
        .as_ref()
        .map(|root| format!("--from {}", output::quoted(&root.to_string_lossy())));
    let begin = match (options.generator, from) {
        (Some(generator), from) => {
            let from = from.map(|from| format!(" {from}")).unwrap_or_default();
            format!("--generator {}{from}", generator.name())
        }
        (None, Some(from)) => from,
        (None, None) => format!("--model {}", config.model),
    };
    // A generator has no recurrent layers to begin anew.
    let features = match options.generator {
        Some(_) => String::new(),
        None => format!(" --feature-steps {}", config.feature_steps),
    };
    format!(
        "parallax train {begin} --samples {} --seed {} --style {style} --batch {} --learning-rate {} --warmup {}{features} \
         --cycles {} --threads {}",
        config.samples, config.seed, config.batch, config.learning_rate, config.warmup, config.cycles, config.threads
    )
}

/// `OUT.training`, beside `OUT`.
fn state_path(out: &Path) -> PathBuf {
    files::beside(out, ".training")
}
