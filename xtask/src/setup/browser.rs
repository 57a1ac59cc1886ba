//! A Chromium for the browser tests: where it is, else Debian's package.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::say;
use crate::process;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const MACOS: [&str; 2] = [
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// `PARALLAX_CHROMIUM`, else a browser on `PATH`, else `apt-get install chromium` where that is possible.
pub(super) fn chromium() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("PARALLAX_CHROMIUM")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
    {
        if !path.is_file() {
            bail!("PARALLAX_CHROMIUM names {}, which is no file", path.display());
        }
        return Ok(path);
    }
    if let Some(path) = found() {
        return Ok(path);
    }
    let is_root = process::stdout(Command::new("id").arg("-u")).is_ok_and(|id| id == "0");
    if !is_root || process::find(&["apt-get"]).is_none() {
        bail!("no browser found: install Chromium or Chrome, or set PARALLAX_CHROMIUM to its program");
    }
    say("installing Debian's package chromium");
    let apt = |arguments: &[&str]| {
        process::run_quietly(
            Command::new("apt-get")
                .args(arguments)
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    apt(&["update"]).context("Debian's package lists cannot be fetched")?;
    // Without a font, text has no size and nothing on a page can be clicked.
    apt(&[
        "install",
        "-y",
        "--no-install-recommends",
        "chromium",
        "fonts-liberation",
    ])
    .context("Debian's package chromium cannot be installed")?;
    found().context("Debian's package chromium was installed, but no browser is on PATH")
}

fn found() -> Option<PathBuf> {
    process::find(&NAMES).or_else(|| MACOS.iter().map(PathBuf::from).find(|path| path.is_file()))
}
