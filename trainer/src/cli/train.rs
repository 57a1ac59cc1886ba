//! `parallax train`: learns to read captchas and exports a checkpoint.

use std::{
    fs,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    time::Instant,
};

use indicatif::ProgressBar;
use parallax_captcha::text::SCHEME_VERSION;
use parallax_onnx::checkpoint::Training;
use serde::Serialize;

use super::{CommandError, Format, dataset::StyleName, fonts::Fonts, output, progress, session::Session};
use crate::{
    files, interrupt,
    metrics::{Log, LogError, RunHeader},
    models::Checkpoint,
    runtime::{SessionConfig, drawing_threads},
    train::{self, Observer, Outcome, Provenance, RunConfig, StepReport, TrainConfig, TrainError, TrainingState},
    zoo::{Architecture, Weights},
};

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
    /// Begin with the weights of this checkpoint, which is one model, instead of untrained ones
    #[arg(long, value_name = "DIR", conflicts_with = "model")]
    from: Option<PathBuf>,
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
    files::refuse_existing(&options.out)?;
    let state = state_path(&options.out);
    let parent = files::parent_of(&state);
    fs::create_dir_all(parent).map_err(files::io_error("create", parent))?;
    files::refuse_unwritable(parent)?;
    let session = options.session.config()?;
    let first = options.from.as_deref().map(First::open).transpose()?;
    let architecture = first.as_ref().map_or(options.model, |first| first.architecture);
    let config = train_config(options, architecture, first.as_ref(), session);
    let saved = if options.fresh {
        None
    } else {
        train::saved_state(&state, &config)?
    };
    let begun = saved.as_ref().map_or(0, |state| state.step);
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
    let run_config = RunConfig {
        state: state.clone(),
        session,
        save_every: SAVE_EVERY,
        measure_every: options.measure_every,
        measure_on: PROGRESS_PICTURES,
        drawing_threads: drawing_threads(session.device),
    };
    let model = architecture.model().map_err(TrainError::from)?;
    let saved = saved.or_else(|| first.map(|first| TrainingState::untrained(first.weights)));
    let mut watch = Watch::new(&config, begun);
    if let Some(root) = &options.log {
        watch.log = Some(Log::open(root, &header(options, &config))?);
    }
    let outcome = train::run(&model, &config, &run_config, saved, &mut watch)?;
    watch.bar.finish_and_clear();
    if let Some(error) = watch.log_error.take() {
        eprintln!("the log is not complete: {error}");
    }
    let weights = match outcome {
        Outcome::Finished(weights) => weights,
        Outcome::Stopped { done } => {
            let rest = format!(
                "{done} of {} steps are saved, the same command goes on from there",
                config.steps()
            );
            return Err(CommandError::Interrupted(Some(rest)));
        }
    };
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
    let begin = match &options.from {
        Some(root) => format!("--from {}", output::quoted(&root.to_string_lossy())),
        None => format!("--model {}", config.model),
    };
    format!(
        "parallax train {begin} --samples {} --seed {} --style {style} --batch {} --learning-rate {} --warmup {} \
         --feature-steps {} --cycles {} --threads {}",
        config.samples,
        config.seed,
        config.batch,
        config.learning_rate,
        config.warmup,
        config.feature_steps,
        config.cycles,
        config.threads
    )
}

/// `OUT.training`, beside `OUT`.
fn state_path(out: &Path) -> PathBuf {
    files::beside(out, ".training")
}

/// Shows a run: a bar on a terminal, a line for each measurement elsewhere.
struct Watch {
    bar: ProgressBar,
    batch: u64,
    begun: u64,
    started: Instant,
    loss: f32,
    accuracy: Option<f64>,
    log: Option<Log>,
    /// Why the log ended; training goes on without it.
    log_error: Option<LogError>,
    /// The learning rate of each step.
    config: TrainConfig,
}

/// How much a new loss moves the one that is shown.
const SMOOTHING: f32 = 0.05;

impl Watch {
    fn new(config: &TrainConfig, begun: u64) -> Self {
        let bar = progress::pictures("training", config.steps() * config.batch as u64);
        bar.set_position(begun * config.batch as u64);
        bar.reset_eta();
        Self {
            bar,
            batch: config.batch as u64,
            begun,
            started: Instant::now(),
            loss: f32::NAN,
            accuracy: None,
            log: None,
            log_error: None,
            config: config.clone(),
        }
    }

    fn show(&self) {
        let accuracy = self.accuracy.map(|share| format!(", {:.1} % right", 100.0 * share));
        self.bar
            .set_message(format!("loss {:.3}{}", self.loss, accuracy.unwrap_or_default()));
    }
}

impl Watch {
    /// Notes numbers, if there is a log.
    fn note(&mut self, done: u64, scalars: &[(&str, f32)]) {
        let Some(log) = &mut self.log else { return };
        let noted = scalars
            .iter()
            .try_for_each(|(tag, value)| log.scalar(done, tag, *value));
        if let Err(error) = noted.and_then(|()| log.flush()) {
            self.log = None;
            self.log_error = Some(error);
        }
    }
}

impl Observer for Watch {
    fn step(&mut self, done: u64, report: StepReport) {
        let images = ((done - self.begun) * self.batch) as f64 / self.started.elapsed().as_secs_f64();
        let scalars = [
            ("loss", report.loss),
            ("gradient norm", report.grad_norm),
            ("learning rate", self.config.learning_rate_after(done - 1)),
            ("images per second", images as f32),
        ];
        self.note(done, &scalars);
        let old = if self.loss.is_nan() { report.loss } else { self.loss };
        self.loss = old + SMOOTHING * (report.loss - old);
        self.bar.set_position(done * self.batch);
        self.show();
    }

    fn measured(&mut self, done: u64, accuracy: f64) {
        self.accuracy = Some(accuracy);
        self.note(done, &[("accuracy", accuracy as f32)]);
        self.show();
        if !io::stderr().is_terminal() {
            let rate = ((done - self.begun) * self.batch) as f64 / self.started.elapsed().as_secs_f64();
            let left = (self.bar.length().unwrap_or_default().saturating_sub(done * self.batch)) as f64 / rate;
            eprintln!(
                "{} images, loss {:.3}, {:.1} % of the held-out right, {rate:.0} images/s, {left:.0} s left",
                done * self.batch,
                self.loss,
                100.0 * accuracy,
            );
        }
    }

    fn stop(&self) -> bool {
        interrupt::requested()
    }
}
