//! `parallax solve`: how many captchas of a folder does a recogniser read?

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, LazyLock},
};

use clap::{ValueEnum, builder::PossibleValue};
use serde::Serialize;

use super::{CommandError, Format, output, progress, session::Session};
use crate::{
    data::folder::{Folder, FolderError},
    interrupt,
    models::{Checkpoint, Recognizer},
    parallel::Ordered,
    preprocess::Preprocess,
};

/// Pictures that are read in one batch.
const BATCH: usize = 50;
/// Batches that each preparing thread may be ahead.
const AHEAD: usize = 2;

/// Options of `parallax solve`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The folder: PNG files and labels.csv
    #[arg(long = "in", value_name = "DIR")]
    input: PathBuf,
    /// The recogniser's checkpoint [default: the shipped one]
    #[arg(long, value_name = "DIR")]
    checkpoint: Option<PathBuf>,
    /// What to do to the pictures first: one filter, or several to compare
    #[arg(
        long,
        value_name = "NAME",
        value_enum,
        value_delimiter = ',',
        default_value = "none",
        hide_possible_values = false
    )]
    preprocess: Vec<Choice>,
    #[command(flatten)]
    session: Session,
    /// Write what was read to this CSV file: file, label, answer, without any filter or with the best one
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
}

/// A filter, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    One(Preprocess),
    Best,
}

impl ValueEnum for Choice {
    fn value_variants<'a>() -> &'a [Self] {
        static ALL: LazyLock<Vec<Choice>> = LazyLock::new(|| {
            let filters = Preprocess::value_variants().iter().copied().map(Choice::One);
            filters.chain([Choice::Best]).collect()
        });
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::One(filter) => filter.to_possible_value(),
            Self::Best => Some(PossibleValue::new("best").help("The best of all filters, for each folder as a whole")),
        }
    }
}

#[derive(Debug, Serialize)]
struct Solved {
    count: usize,
    success: usize,
    success_rate: f64,
    /// The filter that these are of: the best of those that were asked for.
    preprocess: String,
    by_preprocess: BTreeMap<String, Score>,
    checkpoint: PathBuf,
    device: String,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Score {
    success: usize,
    success_rate: f64,
}

/// Reads, counts, prints.
///
/// # Errors
/// [`CommandError`] naming the file that could not be read.
pub fn run(options: &Options, format: Format) -> Result<(), CommandError> {
    let folder = Arc::new(Folder::open(&options.input)?);
    let session = options.session.config()?;
    let checkpoint = Checkpoint::open_or_shipped(options.checkpoint.as_deref())?;
    let mut recognizer = Recognizer::new(&checkpoint.recognizer()?, session)?;
    let filters = filters(&options.preprocess);
    let answers = read_all(&folder, &filters, &mut recognizer, session.threads)?;

    let count = folder.entries().len();
    let right = |read: &Vec<String>| {
        let pairs = read.iter().zip(folder.entries());
        pairs.filter(|(text, entry)| *text == entry.label.as_str()).count()
    };
    let successes: Vec<usize> = answers.iter().map(right).collect();
    // The first of the best: `none` comes before every filter that does as well.
    let best = (0..filters.len())
        .rev()
        .max_by_key(|index| successes.get(*index))
        .unwrap_or(0);
    let score = |success: usize| Score {
        success,
        success_rate: success as f64 / count.max(1) as f64,
    };
    let Score { success, success_rate } = score(successes.get(best).copied().unwrap_or(0));
    let solved = Solved {
        count,
        success,
        success_rate,
        preprocess: filters.get(best).map(ToString::to_string).unwrap_or_default(),
        by_preprocess: filters
            .iter()
            .zip(&successes)
            .map(|(f, s)| (f.to_string(), score(*s)))
            .collect(),
        checkpoint: checkpoint.root().to_owned(),
        device: session.device.to_string(),
    };
    if let (Some(path), Some(read)) = (&options.answers, answers.get(best)) {
        folder.write_answers(path, read)?;
    }
    output::print(&solved, format, text)?;
    Ok(())
}

/// The filters asked for, each once; `best` is all of them.
fn filters(choices: &[Choice]) -> Vec<Preprocess> {
    if choices.contains(&Choice::Best) {
        return Preprocess::value_variants().to_vec();
    }
    let mut filters = Vec::new();
    for choice in choices {
        if let Choice::One(filter) = choice
            && !filters.contains(filter)
        {
            filters.push(*filter);
        }
    }
    filters
}

/// What is read in every picture after every filter: `[filter][picture]`.
fn read_all(
    folder: &Arc<Folder>,
    filters: &[Preprocess],
    recognizer: &mut Recognizer,
    threads: usize,
) -> Result<Vec<Vec<String>>, CommandError> {
    let count = folder.entries().len();
    let bar = progress::pictures("reading", count as u64);
    let mut answers = vec![Vec::with_capacity(count); filters.len()];
    let prepare = {
        let (folder, filters) = (Arc::clone(folder), filters.to_vec());
        move |batch: u64| prepared(&folder, &filters, batch as usize)
    };
    let batches = count.div_ceil(BATCH) as u64;
    for batch in Ordered::start(0..batches, AHEAD, vec![prepare; threads]) {
        if interrupt::requested() {
            return Err(CommandError::Interrupted(None));
        }
        let batch = batch?;
        for (images, answers) in batch.iter().zip(&mut answers) {
            answers.extend(recognizer.read(images)?.into_iter().map(|reading| reading.text));
        }
        bar.inc(batch.first().map_or(0, Vec::len) as u64);
    }
    bar.finish_and_clear();
    Ok(answers)
}

/// The pictures of a batch as the recogniser's input after each filter: `[filter][picture][30 * 100]`.
fn prepared(folder: &Folder, filters: &[Preprocess], batch: usize) -> Result<Vec<Vec<Vec<f32>>>, FolderError> {
    let entries = folder.entries().iter().skip(batch * BATCH).take(BATCH);
    let pictures = entries
        .map(|entry| folder.picture(entry))
        .collect::<Result<Vec<_>, _>>()?;
    let input = |filter: Preprocess| {
        let inputs = pictures
            .iter()
            .map(|picture| parallax_captcha::text::model_input(&filter.apply(picture)));
        inputs.collect()
    };
    Ok(filters.iter().map(|filter| input(*filter)).collect())
}

fn text(solved: &Solved) -> String {
    let mut lines: Vec<String> = Vec::new();
    if solved.by_preprocess.len() > 1 {
        let line = |(name, score): (&String, &Score)| format!("{name:<20}{:6.2} %", 100.0 * score.success_rate);
        lines.extend(solved.by_preprocess.iter().map(line));
    }
    lines.push(format!(
        "{} of {} read right: {:.2} % ({}, on {})",
        solved.success,
        solved.count,
        100.0 * solved.success_rate,
        solved.preprocess,
        solved.device
    ));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn best_is_every_filter_and_names_count_once() {
        assert_eq!(
            filters(&[Choice::One(Preprocess::Otsu), Choice::Best]),
            Preprocess::value_variants()
        );
        let twice = [
            Choice::One(Preprocess::Otsu),
            Choice::One(Preprocess::None),
            Choice::One(Preprocess::Otsu),
        ];
        assert_eq!(filters(&twice), [Preprocess::Otsu, Preprocess::None]);
    }
}
