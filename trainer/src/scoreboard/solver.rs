//! Who reads: a checkpoint of ours, or any program.

use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    path::Path,
    process::{Command, Stdio},
};

use image::GrayImage;
use parallax_captcha::text::model_input;
use parallax_onnx::checkpoint::Member;

use super::{Entrant, Kind};
use crate::{
    experiment::{Trained, digest},
    models::{Checkpoint, CheckpointError, MANIFEST, Recognizer},
    runtime::{RuntimeError, SessionConfig},
};

/// Pictures that a checkpoint reads at once.
const BATCH: usize = 100;

/// A solver.
#[derive(Debug, Clone)]
pub struct Solver {
    name: String,
    reader: Reader,
}

#[derive(Debug, Clone)]
enum Reader {
    Model {
        recognizer: Vec<u8>,
        /// The attack graphs that were exported beside it.
        attack: Vec<u8>,
        /// The command that trained it.
        training: String,
    },
    Command(String),
}

/// Why a solver does not read.
#[derive(Debug, thiserror::Error)]
pub enum SolverError {
    /// `NAME=COMMAND` has no name or no command.
    #[error("{0:?} is not NAME=COMMAND")]
    NotNamed(String),
    /// A checkpoint cannot be opened.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// ONNX Runtime.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// Pictures cannot be written.
    #[error("pictures for {solver}: {error}")]
    Pictures {
        /// For whom.
        solver: String,
        /// Why.
        error: String,
    },
    /// A program failed.
    #[error("{solver} ended with {status}: {stderr}")]
    Failed {
        /// Which.
        solver: String,
        /// How it ended.
        status: String,
        /// The last line of what it said.
        stderr: String,
    },
    /// A program printed too few lines, or too many.
    #[error("{solver} printed {found} lines for {expected} pictures")]
    Lines {
        /// Which.
        solver: String,
        /// One for each picture.
        expected: usize,
        /// What it printed.
        found: usize,
    },
}

impl Solver {
    /// The models of a checkpoint, `[NAME=]FOLDER`: named as their architectures, or NAME, with the architecture behind it
    /// where there are several.
    ///
    /// # Errors
    /// [`SolverError::Checkpoint`].
    pub fn of_checkpoint(text: &str) -> Result<Vec<Self>, SolverError> {
        let (name, root) = match text.split_once('=').filter(|(name, _)| is_name(name)) {
            Some((name, root)) => (Some(name), root),
            None => (None, text),
        };
        let checkpoint = Checkpoint::open_or_shipped(Some(Path::new(root)))?;
        let members = checkpoint.manifest().members();
        let solver = |member: &Member| {
            let architecture = &member.architecture;
            Ok(Self {
                name: match name {
                    None => architecture.clone(),
                    Some(name) if members.len() < 2 => name.to_owned(),
                    Some(name) => format!("{name}-{architecture}"),
                },
                reader: Reader::Model {
                    recognizer: checkpoint.file(&member.recognizer)?,
                    attack: checkpoint.file(&member.attack)?,
                    training: member
                        .training
                        .as_ref()
                        .map(|training| training.command.clone())
                        .unwrap_or_default(),
                },
            })
        };
        members.iter().map(solver).collect()
    }

    /// A model that was trained here, named as its architecture.
    #[must_use]
    pub fn of_trained(trained: &Trained) -> Self {
        Self {
            name: trained.architecture.name().to_owned(),
            reader: Reader::Model {
                recognizer: trained.recognizer.clone(),
                attack: Vec::new(),
                training: String::new(),
            },
        }
    }

    /// A program: `NAME=COMMAND`, run by the shell, reads names of PNG files from standard input, a line each, and prints
    /// as many lines with what they say, an empty one where it sees nothing.
    ///
    /// # Errors
    /// [`SolverError::NotNamed`].
    pub fn of_command(text: &str) -> Result<Self, SolverError> {
        let named = text.split_once('=');
        let named = named.filter(|(name, command)| is_name(name) && !command.trim().is_empty());
        let (name, command) = named.ok_or_else(|| SolverError::NotNamed(text.to_owned()))?;
        Ok(Self {
            name: name.to_owned(),
            reader: Reader::Command(command.to_owned()),
        })
    }

    /// Its name in the tables.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What stands of it in a scoreboard.
    #[must_use]
    pub fn entrant(&self) -> Entrant {
        let (kind, command) = match &self.reader {
            Reader::Model { training, .. } => (Kind::Model, training),
            Reader::Command(command) => (Kind::Program, command),
        };
        Entrant {
            name: self.name.clone(),
            kind,
            digest: self.digest(),
            command: command.clone(),
        }
    }

    /// What its answers follow from, beside the pictures: of a program the command with the files and checkpoints that it
    /// names, not what these load in turn.
    #[must_use]
    pub fn digest(&self) -> String {
        match &self.reader {
            Reader::Model { recognizer, .. } => digest(recognizer),
            Reader::Command(command) => {
                // A checkpoint's manifest has the digests of its files.
                let read = |word| std::fs::read(word).or_else(|_| std::fs::read(Path::new(word).join(MANIFEST)));
                let named = command.split_whitespace().filter_map(|word| read(word).ok());
                let files: Vec<_> = named.map(|bytes| digest(&bytes)).collect();
                digest(format!("{command} {files:?}").as_bytes())
            }
        }
    }

    /// Whether `attack` is this solver's graph.
    #[must_use]
    pub fn is_of(&self, attack: &[u8]) -> bool {
        matches!(&self.reader, Reader::Model { attack: own, .. } if own == attack)
    }

    /// What it reads in each of `images`.
    ///
    /// # Errors
    /// [`SolverError`].
    pub fn read(&self, images: &[GrayImage], session: SessionConfig) -> Result<Vec<String>, SolverError> {
        match &self.reader {
            Reader::Model { recognizer, .. } => {
                let mut recognizer = Recognizer::new(recognizer, session)?;
                let mut texts = Vec::with_capacity(images.len());
                for chunk in images.chunks(BATCH) {
                    let inputs: Vec<_> = chunk.iter().map(model_input).collect();
                    texts.extend(recognizer.read(&inputs)?.into_iter().map(|reading| reading.text));
                }
                Ok(texts)
            }
            Reader::Command(command) => self.ask(command, images),
        }
    }

    fn ask(&self, command: &str, images: &[GrayImage]) -> Result<Vec<String>, SolverError> {
        let failed = |error: String| SolverError::Pictures {
            solver: self.name.clone(),
            error,
        };
        let folder = tempfile::TempDir::new().map_err(|error| failed(error.to_string()))?;
        let names = written(folder.path(), images).map_err(|error| failed(error.to_string()))?;
        let output = Command::new("sh")
            .args(["-c", command])
            .stdin(Stdio::from(names))
            .output()
            .map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(SolverError::Failed {
                solver: self.name.clone(),
                status: output.status.to_string(),
                stderr: said.lines().last().unwrap_or_default().to_owned(),
            });
        }
        let printed = String::from_utf8_lossy(&output.stdout);
        let texts: Vec<_> = printed.lines().map(str::to_owned).collect();
        match texts.len() == images.len() {
            true => Ok(texts),
            false => Err(SolverError::Lines {
                solver: self.name.clone(),
                expected: images.len(),
                found: texts.len(),
            }),
        }
    }
}

/// Whether `text` can name a solver in a table and on the command line.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// `images` as PNG files in `folder`; a file of their names, to be read from its beginning.
fn written(folder: &Path, images: &[GrayImage]) -> Result<File, image::ImageError> {
    let mut names = tempfile::tempfile()?;
    for (number, image) in images.iter().enumerate() {
        let path = folder.join(format!("{number:05}.png"));
        image.save(&path)?;
        writeln!(names, "{}", path.display())?;
    }
    names.seek(SeekFrom::Start(0))?;
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Device;

    const SESSION: SessionConfig = SessionConfig {
        device: Device::Cpu,
        threads: 1,
    };

    fn ask(command: &str) -> Result<Vec<String>, SolverError> {
        let images = [GrayImage::new(200, 60), GrayImage::new(200, 60)];
        Solver::of_command(command)?.read(&images, SESSION)
    }

    #[test]
    fn a_program_is_given_files_and_its_lines_are_answers() {
        // The first bytes of a PNG file, and the name's last part.
        let texts = ask("own=while read f; do head -c 4 \"$f\" | tail -c 3; basename \"$f\"; done").unwrap();
        assert_eq!(texts, ["PNG00000.png", "PNG00001.png"]);
        assert_eq!(ask("silent=sed 's/.*//'").unwrap(), ["", ""]);
    }

    #[test]
    fn a_program_that_fails_or_miscounts_is_an_error() {
        let error = ask("ocr=echo no model >&2; exit 3").unwrap_err().to_string();
        assert_eq!(error, "ocr ended with exit status: 3: no model");
        let error = ask("ocr=head -n 1").unwrap_err().to_string();
        assert_eq!(error, "ocr printed 1 lines for 2 pictures");
    }

    #[test]
    fn a_program_that_changed_is_asked_again() {
        let folder = tempfile::TempDir::new().unwrap();
        let script = folder.path().join("solver.sh");
        let digest_of = |text: &str| {
            std::fs::write(&script, text).unwrap();
            let solver = Solver::of_command(&format!("own=sh {}", script.display())).unwrap();
            solver.digest()
        };
        assert_eq!(digest_of("cat"), digest_of("cat"));
        assert_ne!(digest_of("cat"), digest_of("sed 's/.*//'"));
    }

    #[test]
    fn a_program_has_a_name() {
        for wrong in ["", "tesseract", "=tesseract", "name=", "a b=c"] {
            assert!(
                matches!(Solver::of_command(wrong), Err(SolverError::NotNamed(_))),
                "{wrong}"
            );
        }
        assert_eq!(Solver::of_command("a=b=c").unwrap().name(), "a");
    }
}
