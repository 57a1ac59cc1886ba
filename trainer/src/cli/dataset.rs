//! `parallax dataset`: draws a folder of captchas.

use std::{path::PathBuf, sync::Arc};

use image::GrayImage;
use parallax_captcha::text::{self, SCHEME_VERSION, Style};
use serde::Serialize;

use super::{CommandError, Format, fonts::Fonts, output, progress};
use crate::{
    data::{
        folder::{Entry, FolderWriter},
        seeds::{Stream, picture_seed},
    },
    experiment::Setting,
    interrupt,
    parallel::Ordered,
    runtime,
};

/// Pictures that each drawing thread may be ahead.
const AHEAD: usize = 64;

/// Options of `parallax dataset`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// What to draw
    #[arg(long, value_enum, default_value_t = Scheme::Text)]
    scheme: Scheme,
    /// How it looks: as visitors get it, or black on white as in the paper
    #[arg(long, value_enum, default_value_t = StyleName::Default)]
    style: StyleName,
    #[command(flatten)]
    fonts: Fonts,
    /// How many captchas
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// Which ones: the same seed draws the same captchas
    #[arg(long)]
    seed: u64,
    /// The folder to make
    #[arg(long)]
    out: PathBuf,
    /// Threads that draw [default: one for each core]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Scheme {
    Text,
}

/// Styles that have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum StyleName {
    /// What visitors get.
    Default,
    /// Black on white, for the paper's experiments.
    Paper,
}

impl StyleName {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Paper => "paper",
        }
    }

    /// The style that has this name on the command line.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Default, Self::Paper]
            .into_iter()
            .find(|style| style.name() == name)
    }

    /// The style of this name.
    #[must_use]
    pub fn style(self) -> Style {
        self.setting().style
    }

    /// The style and how captchas of it are perturbed.
    #[must_use]
    pub fn setting(self) -> Setting {
        match self {
            Self::Default => Setting::product(),
            Self::Paper => Setting::paper(),
        }
    }
}

#[derive(Debug, Serialize)]
struct Drawn<'a> {
    out: &'a PathBuf,
    count: u64,
    seed: u64,
    scheme_version: u32,
}

struct Picture {
    entry: Entry,
    image: GrayImage,
    mask: GrayImage,
}

/// Draws, writes, prints.
///
/// # Errors
/// [`CommandError`]; the folder is then not there.
pub fn run(options: &Options, format: Format) -> Result<(), CommandError> {
    let Scheme::Text = options.scheme;
    let mut writer = FolderWriter::create(&options.out)?;
    let (style, seed, count) = (
        Arc::new(options.fonts.of(options.style.style())),
        options.seed,
        options.count,
    );
    let digits = (count - 1).to_string().len().max(5);
    let draw = move |index| {
        let captcha = text::draw(&style, picture_seed(Stream::Dataset, seed, index));
        Picture {
            entry: Entry {
                file: format!("{index:0digits$}.png"),
                label: captcha.label,
            },
            image: captcha.image,
            mask: captcha.mask,
        }
    };
    let threads = options.threads.map_or_else(runtime::default_threads, usize::from);
    let bar = progress::pictures("drawing", count);
    for picture in Ordered::start(0..count, AHEAD, vec![draw; threads]) {
        if interrupt::requested() {
            return Err(CommandError::Interrupted(None));
        }
        writer.add(&picture.entry, &picture.image, Some(&picture.mask))?;
        bar.inc(1);
    }
    writer.commit()?;
    bar.finish_and_clear();

    let out = &options.out;
    let scheme_version = SCHEME_VERSION;
    let drawn = Drawn {
        out,
        count,
        seed,
        scheme_version,
    };
    output::print(&drawn, format, |drawn| {
        format!("{count} captchas of seed {seed} in {}", drawn.out.display())
    })?;
    Ok(())
}
