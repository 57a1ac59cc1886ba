//! `parallax scoreboard`: every attack against every solver.

mod configurations;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use parallax_captcha::{perturb::Epsilon, text::Style};

use super::{
    CommandError, Format,
    fonts::Fonts,
    output::{self, quoted},
    perturb::epsilon,
    session::Session,
};
use crate::{
    experiment::{Cache, Lab, Trained},
    files,
    models::Checkpoint,
    runtime::SessionConfig,
    scoreboard::{self, Race, Scoreboard, Size, Solver},
};

/// Options of `parallax scoreboard`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The checkpoint that captchas are perturbed with [default: the shipped one]
    #[arg(long, value_name = "DIR")]
    checkpoint: Option<PathBuf>,
    /// Solvers: the models of a checkpoint; repeat for several [default: the models of --checkpoint]
    #[arg(long, value_name = "[NAME=]DIR")]
    solver: Vec<String>,
    /// A solver: any program, run by the shell; it reads names of PNG files, a line each, and prints what they say, a line
    /// each. It is asked again when the command or a file that it names changes, not when something does that these load
    #[arg(long, value_name = "NAME=COMMAND")]
    solver_cmd: Vec<String>,
    /// Budgets, as multiples of the product's; 0 is the captcha as it is drawn
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_value = "0,0.5,1,1.5", value_parser = factor)]
    budgets: Vec<f32>,
    /// Other numbers of gradients, with the product's budget
    #[arg(long, value_name = "N,N", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=1000))]
    steps: Vec<u32>,
    /// The generator of a checkpoint, alone, as well; repeat for several [default name: its architecture]
    #[arg(long, value_name = "[NAME=]DIR")]
    generator: Vec<String>,
    /// Without one part of the attack at a time as well, or with one changed, at this multiple of the product's budget and without its gate
    #[arg(long, value_name = "N", value_parser = factor)]
    ablations: Option<f32>,
    /// Noise instead of gradients as well: what the product's budget does without an attack
    #[arg(long)]
    noise: bool,
    /// Captchas attacked with this much everywhere as well, of the range from black to white, with sharp outlines, and not judged by the
    /// gate: at 0.3 nobody reads them, and none should pass
    #[arg(long, value_name = "EPSILON", value_parser = epsilon)]
    uniform: Option<Epsilon>,
    /// Of an ensemble: captchas without each of its models as well, so that it too is measured on what it did not help to make
    #[arg(long)]
    leave_one_out: bool,
    /// An attacker that adapts: a checkpoint, which retrains on captchas that it has bought the texts of
    #[arg(long, value_name = "DIR")]
    adaptive: Option<PathBuf>,
    /// How many captchas it buys; a race for each
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_value = "100,300,1000,10000,50000", requires = "adaptive",
          value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    bought: Vec<u32>,
    /// Captchas in a cell
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(3..=1_000_000))]
    count: u32,
    /// Seed of the captchas
    #[arg(long, default_value_t = 7)]
    seed: u64,
    #[command(flatten)]
    fonts: Fonts,
    /// The folder to write scoreboard.json, scoreboard.md, scoreboard.svg and with --adaptive adaptive.svg to; they replace those
    /// of an earlier run
    #[arg(long, default_value = "scoreboard")]
    out: PathBuf,
    /// The folder that captchas and answers are kept in, so that a run goes on where it was interrupted
    #[arg(long, default_value = "scoreboard/cache")]
    cache: PathBuf,
    /// Nothing is measured: the scoreboard.json of an earlier run, for --readme
    #[arg(long, value_name = "FILE", requires = "readme", conflicts_with_all = ["solver", "solver_cmd", "checkpoint", "steps", "generator", "ablations", "noise", "uniform", "leave_one_out", "adaptive"])]
    from: Option<PathBuf>,
    /// A Markdown file whose lines between `<!-- scoreboard -->` and `<!-- /scoreboard -->` become the table of effect against
    /// cost
    #[arg(long, value_name = "FILE")]
    readme: Option<PathBuf>,
    /// Another table of that file: its lines are `<!-- scoreboard NAME -->` and `<!-- /scoreboard NAME -->`
    #[arg(long, value_name = "NAME", requires = "readme")]
    table: Option<String>,
    #[command(flatten)]
    session: Session,
}

fn factor(text: &str) -> Result<f32, String> {
    let factor: Option<f32> = text.parse().ok();
    factor
        .filter(|factor| (0.0..=10.0).contains(factor))
        .ok_or_else(|| "not a number from 0 to 10".to_owned())
}

/// Measures, writes, prints.
///
/// # Errors
/// [`CommandError`]; what was done is kept.
pub fn run(options: &Options, format: Format) -> Result<(), CommandError> {
    let readme = readme(options)?;
    if let Some(file) = &options.from {
        let board: Scoreboard = serde_json::from_slice(&files::read(file)?)
            .map_err(|error| CommandError::Usage(format!("{}: {error}", file.display())))?;
        return write_readme(readme, &board);
    }
    let session = options.session.config()?;
    let SessionConfig { device, threads } = session;
    eprintln!("{device}, {threads} threads; captchas are perturbed on the cpu");
    let size = Size {
        count: options.count as usize,
        seed: options.seed,
        style: options.fonts.of(Style::default()),
    };
    let (configurations, solvers) = (configurations::configurations(options)?, solvers(options)?);
    let race = race(options)?;
    fs::create_dir_all(&options.out).map_err(files::io_error("create", &options.out))?;
    files::refuse_unwritable(&options.out)?;
    let cache = Cache::open(&options.cache)?;
    let jobs = std::num::NonZeroUsize::MIN;
    let lab = Lab::new(Cache::open(&options.cache)?, session, jobs, session.threads);
    let race = race.as_ref().map(|race| (race, &lab));
    let board = scoreboard::measure(&configurations, &solvers, race, &size, &cache, session)?;
    let markdown = scoreboard::markdown(&board, &command(options, session));
    let json = serde_json::to_vec_pretty(&board).map_err(std::io::Error::from)?;
    let mut written = vec![
        ("scoreboard.json", json),
        ("scoreboard.md", markdown.clone().into_bytes()),
        ("scoreboard.svg", scoreboard::svg(&board).into_bytes()),
    ];
    if let Some(adaptive) = &board.adaptive {
        written.push(("adaptive.svg", scoreboard::adaptive_svg(adaptive).into_bytes()));
    }
    for (name, bytes) in written {
        files::write(&options.out.join(name), &bytes)?;
    }
    write_readme(readme, &board)?;
    output::print(&board, format, |_| markdown)?;
    Ok(())
}

/// A file that a table goes into.
struct Readme<'a> {
    file: &'a Path,
    text: String,
    /// The lines that the table stands between.
    place: [String; 2],
}

/// The file that the table goes into, if any; whether there is a place for it is known before all the work.
fn readme(options: &Options) -> Result<Option<Readme<'_>>, CommandError> {
    let Some(file) = &options.readme else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&files::read(file)?).into_owned();
    let place = scoreboard::markers(options.table.as_deref());
    if !scoreboard::has_place(&text, &place) {
        let [start, end] = place;
        let file = file.display();
        return Err(CommandError::Usage(format!(
            "{file} has no line {start}, or none {end} after it"
        )));
    }
    Ok(Some(Readme { file, text, place }))
}

fn write_readme(readme: Option<Readme<'_>>, board: &Scoreboard) -> Result<(), CommandError> {
    if let Some(Readme { file, text, place }) = readme
        && let Some(text) = scoreboard::with_table(&text, &place, board)
    {
        files::write(file, text.as_bytes())?;
    }
    Ok(())
}

fn race(options: &Options) -> Result<Option<Race>, CommandError> {
    let Some(root) = &options.adaptive else {
        return Ok(None);
    };
    let attackers = Trained::of_checkpoint(&Checkpoint::open_or_shipped(Some(root))?)?;
    let [attacker] = attackers.as_slice() else {
        return Err(CommandError::Usage(format!(
            "{}: an attacker is one model",
            root.display()
        )));
    };
    let checkpoint = Checkpoint::open_or_shipped(options.checkpoint.as_deref())?;
    Ok(Some(Race {
        attacker: attacker.clone(),
        substitutes: Trained::of_checkpoint(&checkpoint)?,
        bought: options.bought.iter().map(|bought| *bought as usize).collect(),
    }))
}

fn solvers(options: &Options) -> Result<Vec<Solver>, CommandError> {
    let mut solvers = Vec::new();
    if options.solver.is_empty() {
        let checkpoint = Checkpoint::open_or_shipped(options.checkpoint.as_deref())?;
        solvers.extend(Solver::of_checkpoint(&checkpoint.root().to_string_lossy())?);
    }
    for named in &options.solver {
        solvers.extend(Solver::of_checkpoint(named)?);
    }
    for named in &options.solver_cmd {
        solvers.push(Solver::of_command(named)?);
    }
    refuse_equal("solvers", solvers.iter().map(Solver::name))?;
    Ok(solvers)
}

/// Tables join by name.
fn refuse_equal<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), CommandError> {
    let mut known = BTreeSet::new();
    for name in names {
        if !known.insert(name) {
            return Err(CommandError::Usage(format!(
                "two {what} are named {name}; NAME=DIR names them apart"
            )));
        }
    }
    Ok(())
}

/// The command that makes this scoreboard again.
fn command(options: &Options, session: SessionConfig) -> String {
    let mut command = format!("parallax scoreboard --count {} --seed {}", options.count, options.seed);
    command += &options.fonts.option();
    let budgets: Vec<_> = options.budgets.iter().map(ToString::to_string).collect();
    command += &format!(" --budgets {}", budgets.join(","));
    if !options.steps.is_empty() {
        let steps: Vec<_> = options.steps.iter().map(ToString::to_string).collect();
        command += &format!(" --steps {}", steps.join(","));
    }
    for generator in &options.generator {
        command += &format!(" --generator {}", quoted(generator));
    }
    if let Some(factor) = options.ablations {
        command += &format!(" --ablations {factor}");
    }
    if options.noise {
        command += " --noise";
    }
    if let Some(epsilon) = options.uniform {
        command += &format!(" --uniform {}", epsilon.get());
    }
    if options.leave_one_out {
        command += " --leave-one-out";
    }
    if let Some(folder) = &options.checkpoint {
        command += &format!(" --checkpoint {}", quoted(&folder.to_string_lossy()));
    }
    if let Some(folder) = &options.adaptive {
        let bought: Vec<_> = options.bought.iter().map(ToString::to_string).collect();
        command += &format!(
            " --adaptive {} --bought {}",
            quoted(&folder.to_string_lossy()),
            bought.join(",")
        );
    }
    for (option, values) in [("solver", &options.solver), ("solver-cmd", &options.solver_cmd)] {
        for value in values {
            command += &format!(" --{option} {}", quoted(value));
        }
    }
    command + &format!(" --device {} --threads {}", session.device, session.threads)
}
