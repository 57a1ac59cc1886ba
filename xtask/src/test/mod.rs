//! `cargo xtask test`: every suite, in an order that finds cheap mistakes first, and one tally at the end.

mod suites;
mod tally;

use std::time::Instant;

use anyhow::{Result, bail};

pub use self::suites::program;
use self::suites::{Context, SUITES};
use self::tally::Tally;
use crate::setup;
use crate::workspace::Workspace;

/// Runs all suites, or those named in `names`.
///
/// # Errors
/// When set-up fails, a name is unknown, or a test failed.
pub fn run(workspace: &Workspace, names: &[String]) -> Result<()> {
    if names.iter().any(|name| name == "--list") {
        for suite in &SUITES {
            println!("{:<10} {}", suite.name, suite.what);
        }
        return Ok(());
    }
    if let Some(unknown) = names
        .iter()
        .find(|name| SUITES.iter().all(|suite| suite.name != **name))
    {
        bail!("`{unknown}` is no suite; `cargo xtask test --list` names them");
    }
    let context = Context {
        workspace,
        installed: setup::everything(workspace)?,
    };
    let mut total = Tally::default();
    let mut lines = Vec::new();
    for suite in SUITES
        .iter()
        .filter(|suite| names.is_empty() || names.iter().any(|name| name == suite.name))
    {
        eprintln!("\ntest: {} ({})", suite.name, suite.what);
        let started = Instant::now();
        let (tally, problem) = match (suite.run)(&context) {
            Ok(tally) => (tally, None),
            Err((tally, error)) => {
                eprintln!("test: {}: {error:#}", suite.name);
                (tally.with_failure(), Some(error))
            }
        };
        lines.push(format!(
            "{:<10} {:>5} passed, {:>3} failed  {:>5.0} s{}",
            suite.name,
            tally.passed,
            tally.failed,
            started.elapsed().as_secs_f32(),
            problem
                .map(|error| format!("  {}", first_line(&error)))
                .unwrap_or_default(),
        ));
        total.add(tally);
    }
    println!("\n{}\n", lines.join("\n"));
    let not_run = match total.ignored {
        0 => String::new(),
        ignored => format!(", {ignored} not run for want of what they need (CUDA)"),
    };
    println!("{} passed, {} failed{not_run}", total.passed, total.failed);
    if total.failed > 0 {
        bail!(
            "{} failed",
            if total.failed == 1 { "one test" } else { "several tests" }
        );
    }
    Ok(())
}

fn first_line(error: &anyhow::Error) -> String {
    format!("{error:#}").lines().next().unwrap_or_default().to_owned()
}
