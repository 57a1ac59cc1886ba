//! Results on standard output, and commands in reports.

use std::io::{self, Write};

use serde::Serialize;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// On one line, for programs.
    Json,
}

/// Prints a result: as one line of JSON, or as the text that `text` makes of it.
///
/// # Errors
/// When standard output cannot be written. A reader that went away (`| head`) is no error.
pub fn print<T: Serialize>(result: &T, format: Format, text: impl FnOnce(&T) -> String) -> io::Result<()> {
    let line = match format {
        Format::Json => serde_json::to_string(result)?,
        Format::Text => text(result),
    };
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// As one word of a shell: commands are printed so that they can be pasted.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
