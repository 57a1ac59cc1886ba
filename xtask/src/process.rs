//! Running other programs: one clear line when they are missing or fail.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// Runs `command` with its output passed through.
///
/// # Errors
/// When it cannot be started or exits with another status than 0.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| not_started(command, &error))?;
    if !status.success() {
        bail!("`{}` failed ({status})", line(command));
    }
    Ok(())
}

/// Runs `command` and shows what it printed only when it fails.
///
/// # Errors
/// When it cannot be started or exits with another status than 0.
pub fn run_quietly(command: &mut Command) -> Result<()> {
    checked_output(command).map(drop)
}

/// What `command` prints on standard output, trimmed.
///
/// # Errors
/// When it cannot be started, exits with another status than 0, or prints no UTF-8.
pub fn stdout(command: &mut Command) -> Result<String> {
    let output = checked_output(command)?;
    let text = String::from_utf8(output.stdout).with_context(|| format!("`{}` printed no UTF-8", line(command)))?;
    Ok(text.trim().to_owned())
}

/// Whether `command` can be started and exits with status 0.
#[must_use]
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|output| output.status.success())
}

/// The first of `names` that lies on `PATH`.
#[must_use]
pub fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().find_map(|name| {
        folders
            .iter()
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    })
}

/// The command line, for messages.
#[must_use]
pub fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

fn checked_output(command: &mut Command) -> Result<Output> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| not_started(command, &error))?;
    if !output.status.success() {
        let printed = [output.stderr.as_slice(), output.stdout.as_slice()].concat();
        bail!(
            "`{}` failed ({}):\n{}",
            line(command),
            output.status,
            String::from_utf8_lossy(&printed).trim()
        );
    }
    Ok(output)
}

fn not_started(command: &Command, error: &std::io::Error) -> anyhow::Error {
    let program = command.get_program().to_string_lossy();
    match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!("`{program}` is not installed or not on PATH"),
        _ => anyhow::anyhow!("`{program}` cannot be started: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("no-such-program")).unwrap_err();
        assert_eq!(error.to_string(), "`no-such-program` is not installed or not on PATH");
    }

    #[test]
    fn a_failure_carries_what_was_printed() {
        let error = stdout(Command::new("sh").args(["-c", "echo why >&2; exit 3"]))
            .unwrap_err()
            .to_string();
        assert!(error.contains("exit status: 3") && error.ends_with("why"), "{error}");
    }
}
