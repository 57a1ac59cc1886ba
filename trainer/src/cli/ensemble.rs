//! `parallax ensemble`: puts checkpoints together into one whose models take turns.

use std::path::PathBuf;

use serde::Serialize;

use super::{CommandError, Format, output};
use crate::models::{Checkpoint, compose};

/// Options of `parallax ensemble`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// A checkpoint; the first is the one that reads captchas where only one can
    #[arg(long, value_name = "DIR", required = true)]
    checkpoint: Vec<PathBuf>,
    /// How often a checkpoint is asked for a gradient beside the others, one for each in their order [default: all alike]
    #[arg(long, value_name = "WEIGHT", value_parser = weight)]
    weight: Vec<f32>,
    /// The checkpoint to make
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

fn weight(text: &str) -> Result<f32, String> {
    let weight: Option<f32> = text.parse().ok();
    weight
        .filter(|weight| *weight > 0.0 && weight.is_finite())
        .ok_or_else(|| "not a number above 0".to_owned())
}

#[derive(Debug, Serialize)]
struct Composed {
    out: PathBuf,
    digest: String,
    architectures: Vec<String>,
}

/// Reads, writes, prints.
///
/// # Errors
/// [`CommandError`]; the checkpoint is then not there.
pub fn run(options: &Options, format: Format) -> Result<(), CommandError> {
    let (weights, checkpoints) = (options.weight.len(), options.checkpoint.len());
    if weights != 0 && weights != checkpoints {
        return Err(CommandError::Usage(format!(
            "{weights} times --weight for {checkpoints} checkpoints: one for each, or none"
        )));
    }
    let weights = options.weight.iter().copied().chain(std::iter::repeat(1.0));
    let open = |(root, weight): (&PathBuf, f32)| Ok((Checkpoint::open_or_shipped(Some(root))?, weight));
    let parts: Vec<_> = options
        .checkpoint
        .iter()
        .zip(weights)
        .map(open)
        .collect::<Result<_, CommandError>>()?;
    compose(&parts, &options.out)?;
    if parts.iter().any(|(part, _)| part.manifest().generator.is_some()) {
        eprintln!("without a generator: `parallax train --generator unet --from` gives the ensemble its own");
    }
    let made = Checkpoint::open_or_shipped(Some(&options.out))?;
    let members = made.manifest().members();
    let composed = Composed {
        out: options.out.clone(),
        digest: made.digest()?,
        architectures: members.into_iter().map(|member| member.architecture).collect(),
    };
    output::print(&composed, format, |composed| {
        format!("{}: {}", composed.out.display(), composed.architectures.join(", "))
    })?;
    Ok(())
}
