//! `parallax experiment`: the paper's experiments.

use std::{fs, num::NonZeroUsize, path::PathBuf};

use serde::Serialize;

use super::{
    CommandError, Format,
    output::{self, quoted},
};
use crate::{
    experiment::{Cache, Experiment, Lab, Report, Setting, Size, Trained},
    files,
    models::Checkpoint,
    runtime::{Device, DeviceChoice, SessionConfig, default_threads},
    zoo::Architecture,
};

/// Options of `parallax experiment`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Which
    #[arg(value_enum)]
    experiment: Experiment,
    /// How large: 1 has the paper's counts, 0.01 takes about an hour on two cores
    #[arg(long, default_value_t = 0.01, value_parser = scale)]
    scale: f64,
    /// Style and budget
    #[arg(long, value_enum, default_value_t = SettingChoice::Both)]
    setting: SettingChoice,
    /// Repetitions, with captchas, attackers and fine-tunings of their own
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=100))]
    seeds: u64,
    /// Rounds of the race (fig8), or image sets after the first (generations)
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=20))]
    rounds: u64,
    /// Captchas in a measurement
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(20..=100_000))]
    measured: u32,
    /// What captchas are perturbed with; several take turns [default: crnn, the paper's; of clusters lenet-ctc as well]
    #[arg(long, value_name = "MODEL", value_enum)]
    substitute: Vec<Architecture>,
    /// Clean captchas that base models learn from [default: as many as suffice]
    #[arg(long, value_parser = clap::value_parser!(u64).range(64..))]
    base_samples: Option<u64>,
    /// A base model that is there already: a checkpoint that was trained on clean captchas of the one setting's style;
    /// repeat for several [default: each is trained]
    #[arg(long, value_name = "DIR")]
    base: Vec<PathBuf>,
    /// The folder to write NAME.json, NAME.md and NAME.svg to
    #[arg(long, default_value = "experiments")]
    out: PathBuf,
    /// The folder that results of stages are kept in, so that a run goes on where it was interrupted
    #[arg(long, default_value = "experiments/cache")]
    cache: PathBuf,
    /// Where to run
    #[arg(long, value_enum, default_value_t = DeviceChoice::Auto)]
    device: DeviceChoice,
    /// Threads of each repetition: several with a thread each are faster than one with several [default: 1; on CUDA one for
    /// each core]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Repetitions at a time, 2 GB of memory each [default: as many as there are cores for their threads; 1 on CUDA, and no
    /// more there]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: Option<u16>,
}

fn scale(text: &str) -> Result<f64, String> {
    let scale: Option<f64> = text.parse().ok();
    scale
        .filter(|scale| *scale > 0.0 && *scale <= 10.0)
        .ok_or_else(|| "not a number above 0, at most 10".to_owned())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum SettingChoice {
    /// The paper's budget on black and white
    Paper,
    /// What visitors get
    Product,
    /// One after the other
    Both,
}

impl SettingChoice {
    fn settings(self) -> Vec<(&'static str, Setting)> {
        let (paper, product) = (("paper", Setting::paper()), ("product", Setting::product()));
        match self {
            Self::Paper => vec![paper],
            Self::Product => vec![product],
            Self::Both => vec![paper, product],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Product => "product",
            Self::Both => "both",
        }
    }
}

#[derive(Debug, Serialize)]
struct Made {
    out: PathBuf,
    /// Stages made in this run; the others were found in the cache.
    made: usize,
    report: Report,
}

/// Makes the experiment and writes its report.
///
/// # Errors
/// [`CommandError`]; what was done is kept.
pub fn run(options: &Options, format: Format) -> Result<(), CommandError> {
    fs::create_dir_all(&options.out).map_err(files::io_error("create", &options.out))?;
    files::refuse_unwritable(&options.out)?;
    let device = options.device.settle()?;
    let session = SessionConfig {
        device,
        threads: match (options.threads, device) {
            (Some(threads), _) => usize::from(threads),
            (None, Device::Cpu) => 1,
            // One repetition at a time, whose captchas the cores perturb.
            (None, Device::Cuda) => default_threads(),
        },
    };
    eprintln!(
        "{device}, {} threads; captchas are perturbed on the cpu",
        session.threads
    );
    let jobs = jobs(options, session)?;
    if options.experiment == Experiment::Clusters && substitutes(options).len() < 2 {
        return Err(CommandError::Usage(
            "clusters needs two substitutes at least".to_owned(),
        ));
    }
    if options.experiment == Experiment::Rotation && substitutes(options).contains(&Architecture::InceptionCtc) {
        return Err(CommandError::Usage(
            "rotation changes to inception-ctc: it cannot be a substitute before".to_owned(),
        ));
    }
    let lab = Lab::new(Cache::open(&options.cache)?, session, jobs, default_threads()).with_bases(bases(options)?);
    let size = Size {
        scale: options.scale,
        seeds: options.seeds,
        measured: options.measured as usize,
        base_samples: options.base_samples,
        rounds: options.rounds,
        substitutes: substitutes(options),
    };
    let experiment = options.experiment;
    let report = experiment.run(&lab, &size, &options.setting.settings())?;
    let (markdown, svg) = experiment.render(&report, &command(options, session, jobs));
    let name = experiment.name();
    let json = serde_json::to_vec_pretty(&report).map_err(std::io::Error::from)?;
    for (extension, bytes) in [
        ("json", json),
        ("md", markdown.clone().into_bytes()),
        ("svg", svg.into_bytes()),
    ] {
        files::write(&options.out.join(format!("{name}.{extension}")), &bytes)?;
    }
    let made = Made {
        out: options.out.clone(),
        made: lab.made(),
        report,
    };
    output::print(&made, format, |_| markdown)?;
    Ok(())
}

fn bases(options: &Options) -> Result<Vec<Trained>, CommandError> {
    if !options.base.is_empty() && options.setting == SettingChoice::Both {
        return Err(CommandError::Usage(
            "a base model has learned one setting's style: name that --setting".to_owned(),
        ));
    }
    let mut bases: Vec<Trained> = Vec::new();
    for root in &options.base {
        for given in Trained::of_checkpoint(&Checkpoint::open_or_shipped(Some(root))?)? {
            let architecture = given.architecture;
            if bases.iter().any(|base| base.architecture == architecture) {
                return Err(CommandError::Usage(format!(
                    "{}: another base model is a {}, too",
                    root.display(),
                    architecture.name()
                )));
            }
            bases.push(Trained { weight: 1.0, ..given });
        }
    }
    Ok(bases)
}

fn substitutes(options: &Options) -> Vec<Architecture> {
    match (options.substitute.as_slice(), options.experiment) {
        ([], Experiment::Clusters) => vec![Architecture::Crnn, Architecture::LenetCtc],
        ([], _) => vec![Architecture::Crnn],
        (chosen, _) => chosen.to_vec(),
    }
}

fn jobs(options: &Options, session: SessionConfig) -> Result<NonZeroUsize, CommandError> {
    let settings = options.setting.settings().len() as u64;
    let repetitions = usize::try_from(options.seeds * settings).unwrap_or(usize::MAX);
    let jobs = match (options.jobs, session.device) {
        // Another thread's work would end up in the graph that is being captured.
        (Some(2..), Device::Cuda) => return Err(CommandError::Usage("on CUDA there is one job at a time".to_owned())),
        (Some(jobs), _) => usize::from(jobs),
        (None, Device::Cuda) => 1,
        (None, Device::Cpu) => default_threads() / session.threads,
    };
    Ok(NonZeroUsize::new(jobs.min(repetitions)).unwrap_or(NonZeroUsize::MIN))
}

/// The command that makes this report again.
fn command(options: &Options, session: SessionConfig, jobs: NonZeroUsize) -> String {
    let rounds = match options.experiment {
        Experiment::Fig8 | Experiment::Generations => format!(" --rounds {}", options.rounds),
        _ => String::new(),
    };
    let base = options
        .base_samples
        .map_or(String::new(), |samples| format!(" --base-samples {samples}"));
    let bases: String = options
        .base
        .iter()
        .map(|root| format!(" --base {}", quoted(&root.to_string_lossy())))
        .collect();
    let substitutes: String = substitutes(options)
        .iter()
        .map(|model| format!(" --substitute {}", model.name()))
        .collect();
    format!(
        "parallax experiment {} --scale {} --setting {} --seeds {}{rounds} --measured {}{substitutes}{base}{bases} --device {} --threads {} --jobs {jobs}",
        options.experiment.name(),
        options.scale,
        options.setting.name(),
        options.seeds,
        options.measured,
        session.device,
        session.threads,
    )
}
