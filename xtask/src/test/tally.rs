//! Counting tests from what runners print.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Error, anyhow};

use crate::process;

/// Tests that ran.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    /// Of these, passed.
    pub passed: usize,
    /// Of these, failed.
    pub failed: usize,
    /// Tests that did not run: what they need is not here. Their runners say what.
    pub ignored: usize,
}

impl Tally {
    /// One check that passed.
    pub(super) const ONE: Self = Self {
        passed: 1,
        failed: 0,
        ignored: 0,
    };

    /// Adds another suite's.
    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }

    /// A suite that failed counts as failed, even where its runner did not come to count.
    pub(super) fn with_failure(self) -> Self {
        Self {
            failed: self.failed.max(1),
            ..self
        }
    }

    /// Counts a line that closes a run: `test result: ok. 3 passed; 0 failed; ...` of cargo's runner.
    fn read_line(&mut self, line: &str) {
        let Some(counts) = line.trim().strip_prefix("test result:") else {
            return;
        };
        let words: Vec<&str> = counts.split([' ', ';', '.']).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            let [count, kind] = pair else { continue };
            let Ok(count) = count.parse::<usize>() else { continue };
            match *kind {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.ignored += count,
                _ => {}
            }
        }
    }
}

/// Runs a test runner, passes its output through, and counts. On failure the count so far comes with the reason.
pub(super) fn counted(command: &mut Command) -> Result<Tally, (Tally, Error)> {
    let mut tally = Tally::default();
    let line = process::line(command);
    let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = started
        .with_context(|| format!("`{line}` cannot be started"))
        .map_err(|error| (tally, error))?;
    let mut out = std::io::stdout();
    for printed in child
        .stdout
        .take()
        .into_iter()
        .flat_map(|pipe| BufReader::new(pipe).lines())
    {
        let Ok(printed) = printed else { break };
        tally.read_line(&printed);
        drop(writeln!(out, "{printed}"));
    }
    match child.wait() {
        Ok(status) if status.success() && tally.passed == 0 => Err((tally, anyhow!("`{line}` ran no test"))),
        Ok(status) if status.success() => Ok(tally),
        Ok(status) => Err((tally, anyhow!("`{line}` failed ({status})"))),
        Err(error) => Err((tally, anyhow!("`{line}`: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_counted() {
        let mut tally = Tally::default();
        tally
            .read_line("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.1s");
        tally.read_line("test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out");
        tally.read_line("# pass 7");
        tally.read_line("test a::b ... ok");
        let expected = Tally {
            passed: 14,
            failed: 1,
            ignored: 1,
        };
        assert_eq!(tally, expected);
    }

    #[test]
    fn a_run_without_tests_is_a_failure() {
        let (tally, error) = counted(&mut Command::new("true")).unwrap_err();
        assert_eq!(
            (tally, error.to_string().as_str()),
            (Tally::default(), "`true` ran no test")
        );
    }
}
