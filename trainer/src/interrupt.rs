//! Ctrl-C and SIGTERM as a flag that long work looks at between two items.

use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Exit status of a process that a second Ctrl-C ended at once: 128 + SIGINT.
const KILLED: i32 = 130;

/// Turns the first Ctrl-C into [`requested`]; the second one ends the process at once.
///
/// # Errors
/// When the system takes no handler.
pub fn install() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            std::process::exit(KILLED);
        }
    })
}

/// Whether the user asked to stop.
#[must_use]
pub fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}
