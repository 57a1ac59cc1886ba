//! `parallax bench`: how fast this machine is.

use std::time::{Duration, Instant};

use parallax_captcha::text::Style;
use serde::Serialize;

use super::{CommandError, Format, output, session::Session};
use crate::{
    data::{batches::Pictures, seeds::Stream},
    runtime::Captured,
    train::{StepSession, TrainError, TrainingState, initial_weights},
    zoo::Architecture,
};

/// Options of `parallax bench`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Time the training step: forward, backward, clipping and Adam, without drawing
    Step(StepOptions),
}

#[derive(Debug, clap::Args)]
struct StepOptions {
    /// Which model
    #[arg(long, value_enum, default_value_t = Architecture::Crnn)]
    model: Architecture,
    /// Pictures in a step
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    batch: u16,
    #[command(flatten)]
    session: Session,
    /// How long to measure
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct StepTiming {
    batch: usize,
    threads: usize,
    device: String,
    /// Whether kernels are replayed as one CUDA graph; `None` where there are none.
    is_captured: Option<bool>,
    steps: usize,
    median_ms: f64,
    fastest_ms: f64,
    images_per_second: f64,
}

/// Measures and prints.
///
/// # Errors
/// [`CommandError`] when the step cannot be run here.
pub fn run(options: &Options, format: Format) -> Result<(), CommandError> {
    let What::Step(options) = &options.what;
    let timing = time_step(options)?;
    output::print(&timing, format, |timing| {
        format!(
            "{:.0} images/s: {:.1} ms a step of {} (fastest {:.1} ms, {} steps), {} threads, {}{}",
            timing.images_per_second,
            timing.median_ms,
            timing.batch,
            timing.fastest_ms,
            timing.steps,
            timing.threads,
            timing.device,
            match timing.is_captured {
                Some(true) => ", one captured graph",
                Some(false) => ", kernels launched one by one",
                None => "",
            }
        )
    })?;
    Ok(())
}

fn time_step(options: &StepOptions) -> Result<StepTiming, CommandError> {
    let batch = usize::from(options.batch);
    let config = options.session.config()?;
    let pictures = Pictures {
        style: Style::default(),
        seed: 0,
        stream: Stream::Training,
        filtered: false,
    };
    let samples: Vec<_> = (0..batch as u64).map(|index| pictures.sample(index)).collect();
    let model = options.model.model().map_err(TrainError::from)?;
    let state = TrainingState::untrained(initial_weights(&model, 0));
    let mut step = StepSession::new(model, batch, &state, config)?;

    // The first step allocates.
    step.run(&samples, 1e-3)?;
    let limit = Duration::try_from_secs_f64(options.seconds).unwrap_or_default();
    let (start, mut times) = (Instant::now(), Vec::new());
    while times.is_empty() || start.elapsed() < limit {
        let begin = Instant::now();
        step.run(&samples, 1e-3)?;
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let median_ms = times.get(times.len() / 2).copied().unwrap_or(f64::NAN);
    Ok(StepTiming {
        batch,
        threads: config.threads,
        device: config.device.to_string(),
        is_captured: match step.captured() {
            Captured::Yes => Some(true),
            Captured::Refused { .. } => Some(false),
            Captured::NotOnCuda => None,
        },
        steps: times.len(),
        median_ms,
        fastest_ms: times.first().copied().unwrap_or(f64::NAN),
        images_per_second: batch as f64 / median_ms * 1e3,
    })
}
