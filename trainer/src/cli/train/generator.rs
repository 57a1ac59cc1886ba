//! `parallax train --generator`: a checkpoint gets what stands for its models' gradients.

use std::{fs, path::PathBuf};

use parallax_captcha::text::{MODEL_HEIGHT, MODEL_WIDTH};
use parallax_onnx::checkpoint::{self, Training};
use serde::Serialize;

use super::{Options, PROGRESS_PICTURES, command, finished, place, run_config, saved, say_begin, train_config, watch};
use crate::{
    attack::AttackError,
    cli::{CommandError, Format, output},
    data::seeds::Stream,
    files,
    generator::{self, GeneratorSession, Measured, Task},
    metrics::GENERATOR,
    models::Checkpoint,
    runtime::SessionConfig,
    train::{TrainConfig, TrainError, TrainingState, drive, seeded_weights},
    zoo::{Architecture, Generator, GeneratorArchitecture},
};

#[derive(Debug, Serialize)]
struct Trained {
    out: PathBuf,
    samples: u64,
    seed: u64,
    /// Share of captchas that the checkpoint's models read as they are drawn.
    plain: f64,
    /// Share of the same that they still read after the generator alone.
    read: f64,
    device: String,
}

/// Trains, exports, prints.
///
/// # Errors
/// [`CommandError`]; an interrupted run can be gone on with.
pub(super) fn run(options: &Options, architecture: GeneratorArchitecture, format: Format) -> Result<(), CommandError> {
    let state = place(options)?;
    let session = options.session.config()?;
    let of = Checkpoint::open_or_shipped(options.from.as_deref())?;
    let parent = of.digest()?;
    let config = config(options, architecture, parent.clone(), session);
    let saved = saved(options, &state, &config)?;
    let size = [MODEL_HEIGHT as usize, MODEL_WIDTH as usize];
    let victims = of.models()?.into_iter().map(|member| (member.model, member.weight));
    let task = Task {
        generator: Generator::new(architecture, size).map_err(TrainError::from)?,
        victims: victims.collect(),
        setting: options.style.setting(),
    };
    let begun = saved.as_ref().map_or(0, |state| state.step);
    say_begin(&config, session, begun);
    let untrained = || TrainingState::untrained(seeded_weights(task.generator.layout(), config.seed));
    let first = saved.unwrap_or_else(untrained);
    let settings = run_config(options, state.clone(), session);
    let measured = Measured {
        seed: config.seed,
        count: PROGRESS_PICTURES as u64,
        session,
    };
    let mut learner = GeneratorSession::new(&task, config.batch, &first, measured)?;
    let threads = settings.drawing_threads;
    let batches = generator::batches(&task.setting, config.seed, config.batch, begun, threads);
    let mut watch = watch(options, &config, begun, "still read")?;
    let outcome = drive(&mut learner, batches, begun, &config, &settings, &mut watch)?;
    let weights = finished(outcome, watch, &config)?;
    let count = u64::from(options.unseen);
    let [plain, read] = task
        .still_read(&weights, Stream::Final, config.seed, count, session)
        .and_then(|read| Ok([task.read_plain(Stream::Final, config.seed, count, session)?, read]))
        .map_err(|error| match error {
            TrainError::Attack(AttackError::Interrupted) => CommandError::Interrupted(Some(
                "it is trained, the same command measures and writes it".to_owned(),
            )),
            error => error.into(),
        })?;
    let about = checkpoint::Generator {
        architecture: architecture.name().to_owned(),
        metrics: [("read".to_owned(), read), ("read_count".to_owned(), count as f64)].into(),
        training: Training {
            command: command(options, &config),
            seed: config.seed,
            samples: config.samples,
        },
    };
    generator::export((&of, &parent), &task.generator, &weights, about, &options.out)?;
    fs::remove_file(&state).map_err(files::io_error("remove", &state))?;
    let trained = Trained {
        out: options.out.clone(),
        samples: config.samples,
        seed: config.seed,
        plain,
        read,
        device: session.device.to_string(),
    };
    output::print(&trained, format, |trained| {
        let [plain, read] = [trained.plain, trained.read].map(|share| format!("{:.2} %", 100.0 * share));
        let out = trained.out.display();
        format!("{out}: its models read {plain} of {count} captchas, and {read} of the same after the generator alone")
    })?;
    Ok(())
}

fn config(options: &Options, architecture: GeneratorArchitecture, from: String, session: SessionConfig) -> TrainConfig {
    TrainConfig {
        model: format!("{GENERATOR}{}", architecture.name()),
        feature_steps: 0,
        perturb: Some(options.style.setting().perturb),
        from: Some(from),
        // Whose model's name is no part of it.
        ..train_config(options, Architecture::Crnn, None, session)
    }
}
