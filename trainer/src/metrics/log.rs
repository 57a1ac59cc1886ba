//! A folder of scalars: TensorBoard's event files, and the same as NDJSON for [`super::Page`].

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use syntaxdot_summary::SummaryWriter;

use crate::files::{self, FilesError};

/// The file that says which run it is.
const HEADER: &str = "run.json";
/// The file of scalars.
const SCALARS: &str = "scalars.ndjson";

/// How the name of what a run trains begins where it is no model.
pub const GENERATOR: &str = "generator ";

/// Which run a folder is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunHeader {
    /// The command that makes it again.
    pub command: String,
    /// Name of the model.
    pub model: String,
    /// Name of the style of its captchas.
    pub style: String,
    /// Its seed.
    pub seed: u64,
    /// The checkpoint that it makes.
    pub checkpoint: PathBuf,
}

/// A number at a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scalar {
    /// Steps done.
    pub step: u64,
    /// What: `loss`, `accuracy`, ...
    pub tag: String,
    /// How much.
    pub value: f32,
}

/// Why a log cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A file.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The folder holds no log, or a damaged one.
    #[error("{}, line {line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// A log that is being written.
pub struct Log {
    root: PathBuf,
    events: SummaryWriter<BufWriter<File>>,
    scalars: BufWriter<File>,
}

impl Log {
    /// Goes on with the log in the folder `root`, or begins it.
    ///
    /// # Errors
    /// [`LogError::Files`].
    pub fn open(root: &Path, header: &RunHeader) -> Result<Self, LogError> {
        fs::create_dir_all(root).map_err(files::io_error("create", root))?;
        let json = serde_json::to_vec_pretty(header).map_err(io::Error::from);
        files::write(&root.join(HEADER), &json.map_err(files::io_error("write", root))?)?;
        let path = root.join(SCALARS);
        let scalars = OpenOptions::new().create(true).append(true).open(&path);
        let events = SummaryWriter::from_prefix(root.join("parallax"));
        Ok(Self {
            scalars: BufWriter::new(scalars.map_err(files::io_error("write", &path))?),
            events: events.map_err(files::io_error("write", root))?,
            root: root.to_owned(),
        })
    }

    /// Notes a number. What is noted twice counts as it was noted last.
    ///
    /// # Errors
    /// [`LogError::Files`] when the disk is full.
    pub fn scalar(&mut self, step: u64, tag: &str, value: f32) -> Result<(), LogError> {
        let at = i64::try_from(step).unwrap_or(i64::MAX);
        let scalar = Scalar {
            step,
            tag: tag.to_owned(),
            value,
        };
        let write = |this: &mut Self| -> io::Result<()> {
            this.events.write_scalar(tag, at, value)?;
            serde_json::to_writer(&mut this.scalars, &scalar)?;
            this.scalars.write_all(b"\n")
        };
        Ok(write(self).map_err(files::io_error("write", &self.root))?)
    }

    /// Makes what was noted readable to others.
    ///
    /// # Errors
    /// [`LogError::Files`].
    pub fn flush(&mut self) -> Result<(), LogError> {
        Ok(self.scalars.flush().map_err(files::io_error("write", &self.root))?)
    }
}

/// Which run the folder `root` is of.
///
/// # Errors
/// [`LogError`] when it holds no log.
pub fn read_header(root: &Path) -> Result<RunHeader, LogError> {
    let path = root.join(HEADER);
    let json = files::read(&path)?;
    serde_json::from_slice(&json).map_err(|error| LogError::Line {
        path,
        line: error.line(),
        reason: error.to_string(),
    })
}

/// The scalars in the folder `root`, by step; of those noted twice the last. A last line that is not finished is left out.
///
/// # Errors
/// [`LogError`] names the line that is no scalar.
pub fn read_scalars(root: &Path) -> Result<Vec<Scalar>, LogError> {
    let path = root.join(SCALARS);
    let text = String::from_utf8_lossy(&files::read(&path)?).into_owned();
    let finished = text.rfind('\n').map_or("", |end| text.get(..end).unwrap_or_default());
    let parse = |(index, json): (usize, &str)| {
        serde_json::from_str(json).map_err(|error| LogError::Line {
            path: path.clone(),
            line: index + 1,
            reason: error.to_string(),
        })
    };
    let all: Vec<Scalar> = finished.lines().enumerate().map(parse).collect::<Result<_, _>>()?;
    let mut last = std::collections::BTreeMap::new();
    for scalar in all {
        last.insert((scalar.step, scalar.tag.clone()), scalar);
    }
    Ok(last.into_values().collect())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn header() -> RunHeader {
        RunHeader {
            command: "parallax train".to_owned(),
            model: "crnn".to_owned(),
            style: "default".to_owned(),
            seed: 1,
            checkpoint: "out".into(),
        }
    }

    #[test]
    fn a_log_is_read_back_and_gone_on_with() {
        let folder = TempDir::new().unwrap();
        let root = folder.path().join("log");
        for (steps, value) in [(1..=4_u64, 1.0), (3..=6, 2.0)] {
            let mut log = Log::open(&root, &header()).unwrap();
            for step in steps {
                log.scalar(step, "loss", value).unwrap();
            }
            log.flush().unwrap();
        }
        assert_eq!(read_header(&root).unwrap(), header());
        let found: Vec<_> = read_scalars(&root).unwrap().iter().map(|s| (s.step, s.value)).collect();
        assert_eq!(found, [(1, 1.0), (2, 1.0), (3, 2.0), (4, 2.0), (5, 2.0), (6, 2.0)]);

        fs::write(
            root.join(SCALARS),
            "{\"step\": 1, \"tag\": \"loss\", \"value\": 1}\n{\"step\"",
        )
        .unwrap();
        assert_eq!(read_scalars(&root).unwrap().len(), 1, "what is not finished");
        fs::write(root.join(SCALARS), "nonsense\n").unwrap();
        assert!(read_scalars(&root).unwrap_err().to_string().contains("line 1"));
    }

    /// The framing of TensorFlow's records: length, its checksum, that many bytes, their checksum.
    #[test]
    fn event_files_are_framed_as_tensorboard_reads_them() {
        let folder = TempDir::new().unwrap();
        let mut log = Log::open(folder.path(), &header()).unwrap();
        log.scalar(7, "loss", 0.5).unwrap();
        drop(log);
        let events = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let path = events
            .into_iter()
            .find(|path| path.to_string_lossy().contains("tfevents"))
            .unwrap();
        let mut rest = fs::read(path).unwrap();
        let mut records = Vec::new();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            records.push(rest[12..12 + length].to_vec());
            rest.drain(..16 + length);
        }
        assert_eq!(records.len(), 2, "the version, then the scalar");
        assert!(records[0].ends_with(b"brain.Event:2"));
        assert!(records[1].windows(4).any(|bytes| bytes == b"loss"));
        assert!(records[1].windows(4).any(|bytes| bytes == 0.5_f32.to_le_bytes()));
    }
}
