//! Results on standard output.

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
