//! `parallax report`: one page of HTML about a training run.

use std::path::PathBuf;

use parallax_captcha::text;
use serde::Serialize;

use super::{CommandError, Format, dataset::StyleName, output, session::Session};
use crate::{
    data::{
        folder::{FolderError, encode_png},
        seeds::{Stream, picture_seed},
    },
    files,
    metrics::{GENERATOR, Page, Sample, read_header, read_scalars},
    models::{Checkpoint, Recognizer},
};

/// Options of `parallax report`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The folder that `parallax train --log` wrote
    log: PathBuf,
    /// The page to write [default: report.html in that folder]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Unseen captchas to try the run's checkpoint on
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    count: u64,
    #[command(flatten)]
    session: Session,
}

#[derive(Debug, Serialize)]
struct Written {
    out: PathBuf,
    /// Captchas that the checkpoint was tried on; absent where there is none yet.
    tried: Option<usize>,
}

/// Reads, tries, writes.
///
/// # Errors
/// [`CommandError`] when the folder holds no log.
pub fn run(options: &Options, format: Format) -> Result<(), CommandError> {
    let header = read_header(&options.log)?;
    let scalars = read_scalars(&options.log)?;
    // What a generator's checkpoint reads is nothing that its run has learned.
    let reads = !header.model.starts_with(GENERATOR);
    let samples = if reads && header.checkpoint.join(crate::models::MANIFEST).is_file() {
        Some(tried(options, &header.checkpoint, &header.style, header.seed)?)
    } else {
        None
    };
    let out = options.out.clone().unwrap_or_else(|| options.log.join("report.html"));
    let written = Written {
        tried: samples.as_ref().map(Vec::len),
        out,
    };
    let page = Page {
        header,
        scalars,
        samples,
    };
    files::write(&written.out, page.html().as_bytes())?;
    output::print(&written, format, |written| written.out.display().to_string())?;
    Ok(())
}

/// What the checkpoint reads in captchas that its run did not see.
fn tried(options: &Options, checkpoint: &std::path::Path, style: &str, seed: u64) -> Result<Vec<Sample>, CommandError> {
    let session = options.session.config()?;
    let mut recognizer = Recognizer::new(&Checkpoint::open_or_shipped(Some(checkpoint))?.recognizer()?, session)?;
    let style = StyleName::by_name(style).unwrap_or(StyleName::Default).style();
    let mut samples = Vec::new();
    for first in (0..options.count).step_by(100) {
        let indices = first..options.count.min(first + 100);
        let captchas: Vec<_> = indices
            .map(|index| text::draw(&style, picture_seed(Stream::Final, seed, index)))
            .collect();
        let inputs: Vec<_> = captchas
            .iter()
            .map(|captcha| text::model_input(&captcha.image))
            .collect();
        for (captcha, reading) in captchas.iter().zip(recognizer.read(&inputs)?) {
            let png = encode_png(&captcha.image).map_err(|error| FolderError::Picture {
                path: options.log.clone(),
                reason: error.to_string(),
            })?;
            samples.push(Sample {
                png,
                text: captcha.label.to_string(),
                reading: reading.text,
            });
        }
    }
    Ok(samples)
}
