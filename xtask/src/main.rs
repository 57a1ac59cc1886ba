//! `cargo xtask COMMAND`: set-up, build, development server, tests and benches. Dispatch only; one module per command.

mod bench;
mod build;
mod dev;
mod process;
mod setup;
mod sizes;
mod test;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::workspace::Workspace;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

Commands:
  setup           install what build, dev and test need: wasm target, npm tools, ONNX Runtime, browser, cargo-deny
  build           set up what a build needs, then leave exactly what ships under dist/
  sizes           build, print every shipped file raw, gzip and brotli, and fail above a limit
  dev [--port N]  build, start the edge on http://localhost:8787 and print the demo page's address
  test [NAME...]  run every test (or the named suites; `test --list` names them)
  bench [NAME...] build, then print a table of measurements, each beside a peer's in the same run
                  (drawing, finetuning, gradient, scoring, serving, starting, training: all without a name)

Set-up caches outside the clone, in $XDG_CACHE_HOME/parallax (default ~/.cache/parallax).";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let Some((command, rest)) = arguments.split_first() else {
        bail!("no command given\n\n{USAGE}");
    };
    if matches!(command.as_str(), "help" | "--help" | "-h") {
        println!("{USAGE}");
        return Ok(());
    }
    let workspace = Workspace::locate()?;
    match (command.as_str(), rest) {
        ("setup", []) => setup::everything(&workspace).map(drop),
        ("build", []) => build::run(&workspace).map(drop),
        ("sizes", []) => {
            build::run(&workspace)?;
            sizes::run(&workspace)
        }
        ("dev", options) => dev::run(&workspace, options),
        ("test", names) => test::run(&workspace, names),
        ("bench", names) => bench::run(&workspace, names),
        (known @ ("setup" | "build" | "sizes"), [extra, ..]) => {
            bail!("`{known}` takes no argument, `{extra}` was given\n\n{USAGE}")
        }
        (unknown, _) => bail!("`{unknown}` is no command\n\n{USAGE}"),
    }
}
