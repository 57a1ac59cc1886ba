//! The `parallax` command line: its options, and one file for each command.
//!
//! Results go to standard output, as JSON with `--json`; progress goes to standard error.

mod bench;
mod dataset;
mod doctor;
mod ensemble;
mod experiment;
mod finetune;
mod fonts;
mod key;
mod output;
mod perturb;
mod progress;
mod pull;
mod push;
mod report;
mod risk;
mod scoreboard;
mod session;
mod solve;
mod train;

use clap::{Parser, Subcommand};
use output::Format;

use crate::{
    admin::AdminError,
    attack::AttackError,
    data::folder::FolderError,
    experiment::ExperimentError,
    files::FilesError,
    finetune::QueriesError,
    generator::ExportError,
    metrics::LogError,
    models::{CheckpointError, ComposeError},
    risk::{model_file::ModelFileError, traces::TracesError},
    runtime::RuntimeError,
    scoreboard::{ScoreboardError, SolverError},
    train::TrainError,
};

/// Draws captchas, trains the solver model, and measures one against the other.
#[derive(Debug, Parser)]
#[command(
    name = "parallax",
    version,
    about = "Draws captchas, trains the solver model, measures one against the other",
    max_term_width = 100
)]
pub struct Cli {
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Draw captchas: PNG files, labels.csv, stroke masks
    Dataset(dataset::Options),
    /// Train a model and export it as a checkpoint
    Train(train::Options),
    /// Learn from what suspects answered (Equation 4), and export a new checkpoint
    Finetune(finetune::Options),
    /// Put checkpoints together into one whose models take turns
    Ensemble(ensemble::Options),
    /// Repeat an experiment of the paper, at any scale
    Experiment(experiment::Options),
    /// Measure every attack against every solver, after every filter
    Scoreboard(scoreboard::Options),
    /// Write a page of HTML about a training run: curves, confused characters, samples
    Report(report::Options),
    /// Count how many captchas of a folder a model reads
    Solve(solve::Options),
    /// Perturb the captchas of a folder so that a model misreads them
    Perturb(perturb::Options),
    /// Train and measure the model of how people move a handle; simulate attackers
    Risk(risk::Options),
    /// Time the training step on this machine
    Bench(bench::Options),
    /// Make the key pair that checkpoints are signed with
    Key(key::Options),
    /// Fetch suspects' answers from the edge, with their pictures
    Pull(pull::Options),
    /// Sign a checkpoint and send it to the edge
    Push(push::Options),
    /// Say which ONNX Runtime and which devices are used, and what is missing
    Doctor,
}

/// Why a command failed; printed on one line.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A file or a folder.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A folder of pictures.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// ONNX Runtime.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// Training.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A log of a training run.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An experiment.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// A scoreboard.
    #[error(transparent)]
    Scoreboard(#[from] ScoreboardError),
    /// A solver.
    #[error(transparent)]
    Solver(#[from] SolverError),
    /// Queries.
    #[error(transparent)]
    Queries(#[from] QueriesError),
    /// Captchas could not be perturbed.
    #[error(transparent)]
    Attack(#[from] AttackError),
    /// The user stopped it.
    #[error("interrupted{}", .0.as_deref().map(|rest| format!(": {rest}")).unwrap_or_default())]
    Interrupted(Option<String>),
    /// Standard output was closed or is full.
    #[error("cannot write the result: {0}")]
    Output(#[from] std::io::Error),
    /// A checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Checkpoints that are no ensemble.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// A file of traces.
    #[error(transparent)]
    Traces(#[from] TracesError),
    /// A model of slides.
    #[error(transparent)]
    SlideModel(#[from] ModelFileError),
    /// The edge's admin API.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// A generator has no checkpoint to be in.
    #[error(transparent)]
    Generator(#[from] ExportError),
    /// A captcha could not be perturbed.
    #[error("{file}: {reason}")]
    Perturb {
        /// Its file.
        file: String,
        /// What went wrong.
        reason: String,
    },
    /// Options that do not go together.
    #[error("{0}")]
    Usage(String),
}

impl CommandError {
    /// The exit status: 2 for bad usage, else 1.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            _ => 1,
        }
    }
}

/// Runs a command.
///
/// # Errors
/// [`CommandError`]; what was being written is then not there.
pub fn run(cli: &Cli) -> Result<(), CommandError> {
    let format = if cli.json { Format::Json } else { Format::Text };
    match &cli.command {
        Command::Dataset(options) => dataset::run(options, format),
        Command::Train(options) => train::run(options, format),
        Command::Finetune(options) => finetune::run(options, format),
        Command::Ensemble(options) => ensemble::run(options, format),
        Command::Experiment(options) => experiment::run(options, format),
        Command::Scoreboard(options) => scoreboard::run(options, format),
        Command::Report(options) => report::run(options, format),
        Command::Solve(options) => solve::run(options, format),
        Command::Perturb(options) => perturb::run(options, format),
        Command::Risk(options) => risk::run(options, format),
        Command::Bench(options) => bench::run(options, format),
        Command::Key(options) => key::run(options, format),
        Command::Pull(options) => pull::run(options, format),
        Command::Push(options) => push::run(options, format),
        Command::Doctor => doctor::run(format),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
