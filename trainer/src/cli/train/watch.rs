//! What a run shows while it goes on.

use std::{
    io::{self, IsTerminal},
    time::Instant,
};

use indicatif::ProgressBar;

use super::super::progress;
use crate::{
    interrupt,
    metrics::{Log, LogError},
    train::{Observer, StepReport, TrainConfig},
};

/// Shows a run: a bar on a terminal, a line for each measurement elsewhere.
pub(super) struct Watch {
    pub(super) bar: ProgressBar,
    batch: u64,
    begun: u64,
    started: Instant,
    loss: f32,
    accuracy: Option<f64>,
    pub(super) log: Option<Log>,
    /// Why the log ended; training goes on without it.
    pub(super) log_error: Option<LogError>,
    /// The learning rate of each step.
    config: TrainConfig,
    /// What a measurement says, after the percentage.
    measures: &'static str,
}

/// How much a new loss moves the one that is shown.
const SMOOTHING: f32 = 0.05;

impl Watch {
    /// Of a run that begins after `begun` steps; `measures` follows the percentages of its measurements.
    pub(super) fn new(config: &TrainConfig, begun: u64, measures: &'static str) -> Self {
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
            measures,
        }
    }

    /// What a measurement is called in the log.
    fn tag(&self) -> &'static str {
        match self.measures {
            "right" => "accuracy",
            other => other,
        }
    }

    fn show(&self) {
        let measures = self.measures;
        let accuracy = self
            .accuracy
            .map(|share| format!(", {:.1} % {measures}", 100.0 * share));
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
        self.note(done, &[(self.tag(), accuracy as f32)]);
        self.show();
        if !io::stderr().is_terminal() {
            let rate = ((done - self.begun) * self.batch) as f64 / self.started.elapsed().as_secs_f64();
            let left = (self.bar.length().unwrap_or_default().saturating_sub(done * self.batch)) as f64 / rate;
            eprintln!(
                "{} images, loss {:.3}, {:.1} % of the held-out {}, {rate:.0} images/s, {left:.0} s left",
                done * self.batch,
                self.loss,
                100.0 * accuracy,
                self.measures,
            );
        }
    }

    fn stop(&self) -> bool {
        interrupt::requested()
    }
}
