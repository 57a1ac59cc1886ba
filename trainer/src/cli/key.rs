//! `parallax key`: makes the key pair that checkpoints are signed with.

use std::path::PathBuf;

use parallax_onnx::signature::{KEY_BYTES, SigningKey};
use serde::Serialize;

use super::{CommandError, Format, output};
use crate::files;

/// Options of `parallax key`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The file to make for the private key; nobody else may read it
    #[arg(long, value_name = "FILE", default_value = "checkpoint.key")]
    out: PathBuf,
}

#[derive(Debug, Serialize)]
struct Made<'a> {
    out: &'a PathBuf,
    public_key: String,
}

/// Draws a key, writes its private half, prints its public one as the edge's configuration has it.
///
/// # Errors
/// [`CommandError::Files`] also when the file is there already: a key is never overwritten.
pub fn run(options: &Options, format: Format) -> Result<(), CommandError> {
    let mut seed = [0; KEY_BYTES];
    getrandom::fill(&mut seed).map_err(|error| std::io::Error::other(error.to_string()))?;
    let key = SigningKey::from_seed(&seed);
    files::write_secret(&options.out, format!("{}\n", key.to_secret_hex()).as_bytes())?;
    let made = Made {
        out: &options.out,
        public_key: key.public().to_string(),
    };
    output::print(&made, format, |made| format!("CHECKPOINT_KEYS={}", made.public_key))?;
    Ok(())
}
