//! `parallax dataset`: draws a folder of captchas.

use std::{path::PathBuf, sync::Arc};

use image::GrayImage;
use parallax_captcha::text::{self, SCHEME_VERSION, Style};
use serde::Serialize;

use super::{CommandError, Format, fonts::Fonts, output, progress};
use crate::{
    data::{
        folder::{Entry, FolderWriter},
        image_set::ImageSet,
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
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..), required_unless_present = "set", requires = "seed")]
    count: Option<u64>,
    /// Which ones: the same seed draws the same captchas
    #[arg(long, requires = "count")]
    seed: Option<u64>,
    /// The captchas of an image set, as they were before the edge perturbed them: the folder that its export was unpacked in
    #[arg(long, value_name = "DIR", conflicts_with_all = ["count", "seed", "style", "fonts"])]
    set: Option<PathBuf>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    scheme_version: u32,
}

struct Picture {
    entry: Entry,
    image: GrayImage,
    mask: GrayImage,
}

/// Which captchas.
enum Source {
    /// Those of a seed.
    Seed { style: Style, seed: u64, digits: usize },
    /// Those of an image set.
    Set(ImageSet),
}

impl Source {
    /// Captcha `index`, from 0; `None` past the last of a set.
    fn draw(&self, index: u64) -> Option<Picture> {
        let (style, seed, file) = match self {
            Self::Seed { style, seed, digits } => (
                style,
                picture_seed(Stream::Dataset, *seed, index),
                format!("{index:0digits$}.png"),
            ),
            Self::Set(set) => {
                let index = usize::try_from(index).ok()?;
                (&set.style, *set.seeds.get(index)?, set.entries.get(index)?.file.clone())
            }
        };
        let captcha = text::draw(style, seed);
        Some(Picture {
            entry: Entry {
                file,
                label: captcha.label,
            },
            image: captcha.image,
            mask: captcha.mask,
        })
    }
}

/// Draws, writes, prints.
///
/// # Errors
/// [`CommandError`]; the folder is then not there.
pub fn run(options: &Options, format: Format) -> Result<(), CommandError> {
    let Scheme::Text = options.scheme;
    let mut writer = FolderWriter::create(&options.out)?;
    let (source, count) = match &options.set {
        Some(root) => {
            let set = ImageSet::open(root)?;
            let count = set.seeds.len() as u64;
            (Source::Set(set), count)
        }
        None => {
            // clap asks for both where there is no set.
            let (count, seed) = (options.count.unwrap_or(1), options.seed.unwrap_or_default());
            let style = options.fonts.of(options.style.style());
            let digits = (count - 1).to_string().len().max(5);
            (Source::Seed { style, seed, digits }, count)
        }
    };
    let source = Arc::new(source);
    let draw = move |index| source.draw(index);
    let threads = options.threads.map_or_else(runtime::default_threads, usize::from);
    let bar = progress::pictures("drawing", count);
    for picture in Ordered::start(0..count, AHEAD, vec![draw; threads]).flatten() {
        if interrupt::requested() {
            return Err(CommandError::Interrupted(None));
        }
        writer.add(&picture.entry, &picture.image, Some(&picture.mask))?;
        bar.inc(1);
    }
    writer.commit()?;
    bar.finish_and_clear();

    let (out, seed) = (&options.out, options.seed);
    let scheme_version = SCHEME_VERSION;
    let drawn = Drawn {
        out,
        count,
        seed,
        scheme_version,
    };
    output::print(&drawn, format, |drawn| {
        let of = match (seed, &options.set) {
            (Some(seed), _) => format!("seed {seed}"),
            (None, set) => set.as_ref().map_or_else(String::new, |set| set.display().to_string()),
        };
        format!("{count} captchas of {of} in {}", drawn.out.display())
    })?;
    Ok(())
}
