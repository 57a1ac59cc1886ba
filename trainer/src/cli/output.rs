//! Results on standard output, and commands in reports.

use std::io::{self, Write};

use serde::Serialize;

/// Prints a result: as one line of JSON, or as the text that `text` makes of it.
///
/// # Errors
/// When standard output cannot be written. A reader that went away (`| head`) is no error.
pub fn print<T: Serialize>(result: &T, json: bool, text: impl FnOnce(&T) -> String) -> io::Result<()> {
    let line = if json {
        serde_json::to_string(result)?
    } else {
        text(result)
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
