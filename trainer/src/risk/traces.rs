//! Files of labelled traces: one a line, `id x,y,t;x,y,t;... target_x,target_y label`, label 1 for a human, 0 for a
//! machine. Units of length are any, times are milliseconds from any start.

use std::{fmt::Write, path::Path};

use crate::files::{self, FilesError};

/// More samples than this are no trace. Fewer, but more than any device sends, are for the rules to judge.
const MAX_SAMPLES: usize = 100_000;

/// One trace of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledTrace {
    /// Its id, without spaces.
    pub id: String,
    /// `[x, y, t]`; not always finite or in the order of time, which is for the rules to judge.
    pub samples: Vec<[f64; 3]>,
    /// Where the visitor was to go.
    pub target: [f64; 2],
    /// Who made it; `None` where the file does not say.
    pub human: Option<bool>,
}

/// Why a file of traces cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// It cannot be read.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A line is none of the format.
    #[error("{path}: line {line}: {reason}")]
    Line {
        /// The file.
        path: String,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There is nothing, or too little, of what is needed.
    #[error("{path}: {reason}")]
    TooFew {
        /// The file.
        path: String,
        /// What is missing.
        reason: &'static str,
    },
}

/// All traces of a file; empty lines do not count.
///
/// # Errors
/// [`TracesError`] naming the file and the line.
pub fn read(path: &Path) -> Result<Vec<LabelledTrace>, TracesError> {
    let bytes = files::read(path)?;
    let name = path.display().to_string();
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let parsed = lines.map(|(index, line)| {
        parse(line).map_err(|reason| TracesError::Line {
            path: name.clone(),
            line: index + 1,
            reason,
        })
    });
    let traces = parsed.collect::<Result<Vec<_>, _>>()?;
    if traces.is_empty() {
        return Err(TracesError::TooFew {
            path: name,
            reason: "no trace in it",
        });
    }
    Ok(traces)
}

fn parse(line: &str) -> Result<LabelledTrace, &'static str> {
    let mut fields = line.split_whitespace();
    let (Some(id), Some(samples), Some(target)) = (fields.next(), fields.next(), fields.next()) else {
        return Err("not of the form `id x,y,t;x,y,t;... x,y label`");
    };
    let human = match (fields.next(), fields.next()) {
        (None, _) => None,
        (Some("1"), None) => Some(true),
        (Some("0"), None) => Some(false),
        _ => return Err("the label is neither 1 (human) nor 0 (machine)"),
    };
    let samples = samples.split(';').filter(|sample| !sample.is_empty());
    let samples = samples.map(numbers::<3>).collect::<Option<Vec<_>>>();
    let samples = samples.ok_or("a sample is not three numbers `x,y,t`")?;
    if samples.is_empty() || samples.len() > MAX_SAMPLES {
        return Err("a trace has 1 to 100,000 samples");
    }
    Ok(LabelledTrace {
        id: id.to_owned(),
        samples,
        target: numbers(target).ok_or("the target is not two numbers `x,y`")?,
        human,
    })
}

fn numbers<const N: usize>(text: &str) -> Option<[f64; N]> {
    let mut parsed = [0.0; N];
    let mut fields = text.split(',');
    for number in &mut parsed {
        *number = fields.next()?.trim().parse().ok()?;
    }
    fields.next().is_none().then_some(parsed)
}

/// The file that [`read`] reads back.
#[must_use]
pub fn write(traces: &[LabelledTrace]) -> String {
    let mut text = String::new();
    for trace in traces {
        // Writing to a String cannot fail.
        let _ = write!(text, "{} ", trace.id);
        for [x, y, t] in &trace.samples {
            let _ = write!(text, "{x},{y},{t};");
        }
        let [x, y] = trace.target;
        let label = trace.human.map_or("", |human| if human { " 1" } else { " 0" });
        let _ = writeln!(text, " {x},{y}{label}");
    }
    text
}

/// What the widget would have sent: relative to the first sample.
#[must_use]
pub fn relative(samples: &[[f64; 3]]) -> Vec<[f32; 3]> {
    let first = samples.first().copied().unwrap_or_default();
    let sample = |s: &[f64; 3]| [0, 1, 2].map(|axis: usize| (s[axis] - first[axis]) as f32);
    samples.iter().map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_reads_back_as_it_was_written() {
        let trace = |id: &str, human| LabelledTrace {
            id: id.to_owned(),
            samples: vec![[3.0, -6.5, 1.0], [10.0, 6.0, 4.0]],
            target: [500.5, 20.0],
            human,
        };
        let traces = vec![trace("1", Some(true)), trace("b", Some(false)), trace("c", None)];
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("traces.txt");
        files::write(&path, write(&traces).as_bytes()).unwrap();
        assert_eq!(read(&path).unwrap(), traces);
    }

    #[test]
    fn garbage_is_refused_with_its_reason() {
        for (line, reason) in [
            ("1", "not of the form"),
            ("1 1,2,3;4,5 1,2 1", "three numbers"),
            ("1 1,2,3; 1 1", "two numbers"),
            ("1 1,2,3; 1,2 2", "neither 1"),
            ("1 ; 1,2 1", "1 to 100,000"),
        ] {
            let found = parse(line).unwrap_err();
            assert!(found.contains(reason), "{line}: {found}");
        }
    }
}
