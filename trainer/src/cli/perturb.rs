//! `parallax perturb`: perturbs a folder of captchas against one checkpoint or several.

use std::{path::PathBuf, sync::Arc};

use parallax_captcha::{
    perturb::{self, Amortised, Budget, Ensemble, Epsilon, PerturbConfig, Sparse, Start},
    strength::Strengths,
};
use serde::Serialize;

use super::{CommandError, Format, output, progress};
use crate::{
    attack,
    data::folder::{Entry, Folder, FolderWriter},
    interrupt,
    models::{AttackModel, Checkpoint, GeneratorModel},
    parallel::Ordered,
    runtime::{Device, DeviceChoice, SessionConfig, default_threads},
};

/// Pictures that each thread may be ahead.
const AHEAD: usize = 8;

/// Options of `parallax perturb`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The folder to perturb: PNG files, labels.csv, and stroke masks where there are some
    #[arg(long = "in", value_name = "DIR")]
    input: PathBuf,
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The checkpoint to attack; several take turns, as an ensemble's models do [default: the shipped one]
    #[arg(long, value_name = "DIR")]
    checkpoint: Vec<PathBuf>,
    /// How far a pixel may move: less near strokes as visitors get it, or the same everywhere as in the paper
    #[arg(long, value_enum, default_value_t = BudgetName::Stroke)]
    budget: BudgetName,
    /// Largest change on and beside strokes, of 1 [default: the product's; only with --budget stroke]
    #[arg(long, value_parser = epsilon)]
    epsilon_near: Option<Epsilon>,
    /// Largest change far from strokes, of 1 [default: the product's; only with --budget stroke]
    #[arg(long, value_parser = epsilon)]
    epsilon_far: Option<Epsilon>,
    /// Largest change anywhere, of 1 [default: 0.3; only with --budget paper]
    #[arg(long, value_parser = epsilon)]
    epsilon: Option<Epsilon>,
    /// Standard deviation of the blur of the perturbation, pixels; 0 leaves its outlines sharp [default: the product's, 0 with
    /// --budget paper]
    #[arg(long, value_name = "PIXELS", value_parser = softness)]
    softness: Option<f32>,
    /// Pixels that may change further than that; 0 is none [default: 100 with --budget paper, else 0]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(0..=12_000))]
    l0: Option<u32>,
    /// Gradients for each picture [default: the product's, none with --generator]
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=1000))]
    steps: Option<u32>,
    /// Begin where the checkpoint's generator says, of several checkpoints the first one's that has one
    #[arg(long)]
    generator: bool,
    /// Where to run
    #[arg(long, value_enum, default_value_t = DeviceChoice::Auto)]
    device: DeviceChoice,
    /// Pictures worked on at once [default: one for each core, one on CUDA]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum BudgetName {
    /// Little on and beside strokes, more in the background
    Stroke,
    /// The same everywhere, and a few pixels that move freely
    Paper,
}

pub(super) fn epsilon(text: &str) -> Result<Epsilon, String> {
    let radius = text.parse().ok().and_then(Epsilon::new);
    radius.ok_or_else(|| "not a number from 0 to 1".to_owned())
}

fn softness(text: &str) -> Result<f32, String> {
    let valid = text.parse().ok().filter(|pixels| perturb::is_blur(*pixels));
    valid.ok_or_else(|| "neither 0 nor a number from 0.1 to 20".to_owned())
}

#[derive(Debug, Serialize)]
struct Perturbed {
    out: PathBuf,
    count: usize,
    /// How much of their perturbation the pictures kept; those without a stroke mask are not judged.
    strengths: Strengths,
    device: String,
    config: PerturbConfig,
}

/// Perturbs, writes, prints.
///
/// # Errors
/// [`CommandError`]; the folder is then not there.
pub fn run(options: &Options, format: Format) -> Result<(), CommandError> {
    let config = config(options)?;
    let folder = Arc::new(Folder::open(&options.input)?);
    let device = options.device.settle()?;
    let threads = match (options.threads, device) {
        (Some(threads), _) => usize::from(threads),
        (None, Device::Cpu) => default_threads(),
        (None, Device::Cuda) => 1,
    };
    let models = models(options, device, threads)?;
    let mut writer = FolderWriter::create(&options.out)?;

    let count = folder.entries().len();
    let bar = progress::pictures("perturbing", count as u64);
    let workers = models.into_iter().map(|mut model| {
        let (folder, config) = (Arc::clone(&folder), config.clone());
        move |index: u64| perturbed(&folder, index as usize, &mut model, &config)
    });
    let mut strengths = Vec::with_capacity(count);
    for picture in Ordered::start(0..count as u64, AHEAD, workers) {
        if interrupt::requested() {
            return Err(CommandError::Interrupted(None));
        }
        let (entry, picture) = picture?;
        writer.add(&entry, &picture.image, None)?;
        strengths.push(picture.strength);
        bar.inc(1);
    }
    writer.commit()?;
    bar.finish_and_clear();

    let result = Perturbed {
        out: options.out.clone(),
        count,
        strengths: strengths.into_iter().collect(),
        device: device.to_string(),
        config,
    };
    output::print(&result, format, |result| {
        format!(
            "{count} perturbed captchas in {} ({}); {} less than they could be, {} not at all, to stay readable",
            result.out.display(),
            result.device,
            result.strengths.weakened,
            result.strengths.plain
        )
    })?;
    Ok(())
}

/// The configuration that the options ask for.
fn config(options: &Options) -> Result<PerturbConfig, CommandError> {
    let mut config = match options.budget {
        BudgetName::Stroke => PerturbConfig::default(),
        BudgetName::Paper => PerturbConfig::paper(),
    };
    let refuse = |option: &str| {
        let budget = if options.budget == BudgetName::Paper {
            "paper"
        } else {
            "stroke"
        };
        CommandError::Usage(format!("{option} has no meaning with --budget {budget}"))
    };
    match &mut config.budget {
        Budget::Stroke { near, far, .. } => {
            if options.epsilon.is_some() {
                return Err(refuse("--epsilon"));
            }
            *near = options.epsilon_near.unwrap_or(*near);
            *far = options.epsilon_far.unwrap_or(*far);
        }
        Budget::Uniform { epsilon } => {
            if options.epsilon_near.is_some() || options.epsilon_far.is_some() {
                return Err(refuse("--epsilon-near or --epsilon-far"));
            }
            *epsilon = options.epsilon.unwrap_or(*epsilon);
        }
    }
    config.softness_px = options.softness.unwrap_or(config.softness_px);
    if let Some(pixels) = options.l0 {
        // Blocks and reach as in the paper's mixture, also on top of the stroke budget.
        let like_paper = config.sparse.or(PerturbConfig::paper().sparse);
        config.sparse = like_paper
            .filter(|_| pixels > 0)
            .map(|sparse| Sparse { pixels, ..sparse });
    }
    if options.generator {
        (config.start, config.steps) = (Start::Generator, 0);
    }
    config.steps = options.steps.unwrap_or(config.steps);
    if config.movements() == 0 {
        return Err(CommandError::Usage(
            "--steps 0 leaves nothing to do without --generator".to_owned(),
        ));
    }
    Ok(config)
}

/// What one thread perturbs with.
type Models = Amortised<GeneratorModel, Ensemble<AttackModel>>;

/// One for each thread.
fn models(options: &Options, device: Device, threads: usize) -> Result<Vec<Models>, CommandError> {
    let checkpoints = if options.checkpoint.is_empty() {
        vec![Checkpoint::open_or_shipped(None)?]
    } else {
        let open = |root: &PathBuf| Checkpoint::open_or_shipped(Some(root));
        options.checkpoint.iter().map(open).collect::<Result<_, _>>()?
    };
    let attacks = checkpoints
        .iter()
        .map(Checkpoint::attacks)
        .collect::<Result<Vec<_>, _>>()?;
    let members: Vec<_> = attacks.into_iter().flatten().map(|(_, member)| member).collect();
    let generator = if options.generator {
        Some(generator(&checkpoints)?)
    } else {
        None
    };
    let session = SessionConfig { device, threads: 1 };
    let load = |_| {
        let generator = generator.as_deref().map(|graph| attack::load_generator(graph, session));
        Ok(Amortised {
            generator: generator.transpose()?,
            models: attack::load(&members, session)?,
        })
    };
    (0..threads).map(load).collect()
}

/// Of the first checkpoint that has one.
fn generator(checkpoints: &[Checkpoint]) -> Result<Vec<u8>, CommandError> {
    for checkpoint in checkpoints {
        if let Some(graph) = checkpoint.generator()? {
            return Ok(graph);
        }
    }
    Err(CommandError::Usage(
        "--generator: the checkpoint has none, `parallax train --generator unet` gives it one".to_owned(),
    ))
}

fn perturbed(
    folder: &Folder,
    index: usize,
    model: &mut Models,
    config: &PerturbConfig,
) -> Result<(Entry, perturb::Perturbed), CommandError> {
    let entry = folder.entry(index)?;
    let picture = folder.picture(entry)?;
    let known = folder.mask(entry)?;
    // An estimated mask is good enough to place a budget, not to judge strokes by.
    let gate = config.gate.filter(|_| known.is_some());
    let config = PerturbConfig { gate, ..config.clone() };
    let mask = known.unwrap_or_else(|| perturb::estimate_mask(&picture));
    let perturbed = perturb::perturb(model, &picture, &mask, &entry.label, &config);
    let perturbed = perturbed.map_err(|error| CommandError::Perturb {
        file: entry.file.clone(),
        reason: error.to_string(),
    })?;
    Ok((entry.clone(), perturbed))
}
