//! What is kept of a fine-tuning while it is under way: of each model how far it is, or what came of it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::progress;
use crate::{
    files,
    finetune::{self, FinetuneConfig, Finetuned, Measurement, Outcome, Progress, Query, Start, finetune, origin},
    interrupt,
    runtime::SessionConfig,
    train::{StateError, TrainError},
};

/// How the names of its files end.
const DONE: &str = "done";
const UNDER_WAY: &str = "under-way";

/// The folder `OUT.finetuning`. Its files are named by what they follow from, so that what belongs to other queries or
/// settings is not found.
pub(super) struct Kept {
    root: PathBuf,
    config: FinetuneConfig,
    session: SessionConfig,
}

impl Kept {
    /// What is kept of the run that makes `out`.
    pub(super) fn of(out: &Path, config: FinetuneConfig, session: SessionConfig) -> Self {
        Self {
            root: files::beside(out, ".finetuning"),
            config,
            session,
        }
    }

    /// Fine-tunes a model, goes on with it, or finds it done; `None` when Ctrl-C stopped it.
    pub(super) fn learn(&self, name: &str, start: &Start, queries: &[Query]) -> Result<Option<Finetuned>, TrainError> {
        let machine = format!("{name} {} {}", self.session.device, self.session.threads);
        let origin = origin(&start.weights, queries, &self.config, &machine);
        let path = |extension: &str| self.root.join(format!("{origin}.{extension}"));
        let (done, under_way) = (path(DONE), path(UNDER_WAY));
        if let Some(tuned) = self.read(&done, finetune::finished)? {
            return Ok(Some(tuned));
        }
        let progress = self.read(&under_way, Progress::decode)?;
        if let Some(progress) = &progress {
            eprintln!("{name} goes on after {} steps", progress.state.step);
        }
        let mut watch = Watch {
            name,
            bar: progress::steps("fine-tuning"),
        };
        let outcome = finetune(
            &start.model,
            &start.weights,
            queries,
            &self.config,
            self.session,
            progress,
            &mut watch,
        )?;
        watch.bar.finish_and_clear();
        fs::create_dir_all(&self.root).map_err(files::io_error("create", &self.root))?;
        let state_error = |path: &Path| {
            let path = path.to_owned();
            move |reason: StateError| TrainError::State { path, reason }
        };
        match outcome {
            Outcome::Finished(tuned) => {
                files::write(&done, &finetune::kept(&tuned).map_err(state_error(&done))?)?;
                Ok(Some(*tuned))
            }
            Outcome::Stopped(progress) => {
                files::write(&under_way, &progress.encode().map_err(state_error(&under_way))?)?;
                Ok(None)
            }
        }
    }

    /// Removes what is kept, and nothing that somebody else put there: the run is done.
    pub(super) fn remove(&self) -> io::Result<()> {
        let entries = match fs::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|of| of == DONE || of == UNDER_WAY) {
                fs::remove_file(&path)?;
            }
        }
        fs::remove_dir(&self.root)
    }

    fn read<T>(&self, path: &Path, decode: impl Fn(&[u8]) -> Result<T, StateError>) -> Result<Option<T>, TrainError> {
        let bytes = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(files::io_error("read", path))?,
        };
        let decoded = decode(&bytes).map_err(|reason| TrainError::Kept {
            path: path.to_owned(),
            reason,
        })?;
        Ok(Some(decoded))
    }
}

/// Shows how it goes, and stops it at Ctrl-C.
struct Watch<'a> {
    name: &'a str,
    bar: indicatif::ProgressBar,
}

impl finetune::Watch for Watch<'_> {
    fn measured(&mut self, measured: &Measurement, steps: usize) {
        self.bar.set_length(steps as u64);
        self.bar.set_position(measured.step as u64);
        let line = format!(
            "lambda {:.2}, {:.1} % of originals, {:.1} % of held-out answers",
            measured.lambda,
            100.0 * measured.accuracy,
            100.0 * measured.agreement
        );
        if self.bar.is_hidden() {
            eprintln!("{}, step {} of {steps}: {line}", self.name, measured.step);
        }
        self.bar.set_message(line);
    }

    fn stop(&self) -> bool {
        interrupt::requested()
    }
}
