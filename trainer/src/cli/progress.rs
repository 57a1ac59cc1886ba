//! Progress bars on standard error; nothing is drawn where that is no terminal.

use std::borrow::Cow;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `total` pictures, with pictures/s and the time left.
#[must_use]
pub fn pictures(verb: impl Into<Cow<'static, str>>, total: u64) -> ProgressBar {
    let template = "{prefix} {bar:30} {pos}/{len} {per_sec} images/s, {eta} left {msg}";
    styled(verb, total, template)
}

/// A bar over steps whose number is not known yet.
#[must_use]
pub fn steps(verb: impl Into<Cow<'static, str>>) -> ProgressBar {
    styled(verb, 0, "{prefix} {bar:30} {pos}/{len} steps, {eta} left: {msg}")
}

/// A counter of what comes, how much of it nobody knows.
#[must_use]
pub fn counter(verb: impl Into<Cow<'static, str>>) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {pos} {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::no_length().with_style(style).with_prefix(verb)
}

fn styled(verb: impl Into<Cow<'static, str>>, total: u64, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let style = style.with_key(
        "per_sec",
        |state: &indicatif::ProgressState, w: &mut dyn std::fmt::Write| {
            // A terminal that cannot be written to must not end the work.
            let _ = write!(w, "{:.0}", state.per_sec());
        },
    );
    ProgressBar::new(total).with_style(style).with_prefix(verb)
}
