//! The `parallax` command line: options in, exit status out (0 done, 1 failed, 2 bad usage).

use std::process::ExitCode;

use clap::Parser;
use parallax_trainer::{cli, interrupt};

fn main() -> ExitCode {
    let options = cli::Cli::parse();
    if let Err(error) = interrupt::install() {
        eprintln!("error: cannot handle Ctrl-C: {error}");
        return ExitCode::FAILURE;
    }
    match cli::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_status())
        }
    }
}
