//! The file of answers that `pull` writes and `finetune` reads: `queries.ndjson`, pictures beside it.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::AdminError;
use crate::files::{PendingFile, io_error};

/// Name of the file.
const NAME: &str = "queries.ndjson";

/// A line of the edge's NDJSON: what is needed of it, and the rest as it was recorded.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Recorded {
    /// Its id at that edge; ids only ever rise.
    pub id: u64,
    /// The answer given.
    pub answer: String,
    /// Probability that a machine gave it.
    pub p_bot: f64,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A line of the file of answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Path of the picture, relative to the file.
    pub image: String,
    /// The answer given.
    pub answer: String,
    /// How much it counts: the probability that a machine gave it.
    pub weight: f64,
    /// Which edge recorded it.
    pub edge: String,
    /// Its id at that edge.
    pub id: u64,
    /// Everything else, as recorded.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Recorded {
    /// A member that a line of the file has beside those recorded: written too, it would be there twice, and no line could
    /// be read again.
    #[must_use]
    pub fn reserved(&self) -> Option<&'static str> {
        let reserved = ["image", "weight", "edge"];
        reserved.into_iter().find(|name| self.rest.contains_key(*name))
    }
}

/// Which picture of which pack an answer is about: several answers may be about one.
pub type Picture = (String, String);

/// The picture a record is about; `None` where it does not say.
#[must_use]
pub fn picture(rest: &Map<String, Value>) -> Option<Picture> {
    Some((rest.get("pack")?.as_str()?.to_owned(), rest.get("span")?.to_string()))
}

/// The file while lines are added: they stand there when it is committed, all of them or none.
pub struct AnswersFile {
    pending: PendingFile,
    /// Lines in it.
    pub count: u64,
    /// Id of its last line, 0 where it has none.
    pub last_id: u64,
    /// Where each picture is that a line is about.
    pub images: HashMap<Picture, String>,
}

impl AnswersFile {
    /// Goes on with the file in `folder`, or begins it. All its lines are to be of `edge`: ids of two do not compare.
    ///
    /// # Errors
    /// [`AdminError::Line`], [`AdminError::Files`].
    pub fn open(folder: &Path, edge: &str) -> Result<Self, AdminError> {
        let path = folder.join(NAME);
        let mut file = Self {
            pending: PendingFile::create(&path)?,
            count: 0,
            last_id: 0,
            images: HashMap::new(),
        };
        let existing = match File::open(&path) {
            Ok(existing) => BufReader::new(existing),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(file),
            Err(error) => return Err(io_error("read", &path)(error).into()),
        };
        for (index, line) in existing.lines().enumerate() {
            let line = line.map_err(io_error("read", &path))?;
            file.check(&line, edge).map_err(|reason| AdminError::Line {
                path: PathBuf::from(&path),
                number: index + 1,
                reason,
            })?;
            file.pending.write(format!("{line}\n").as_bytes())?;
        }
        Ok(file)
    }

    fn check(&mut self, line: &str, edge: &str) -> Result<(), String> {
        let answer: Answer = serde_json::from_str(line).map_err(|error| error.to_string())?;
        if answer.edge != edge {
            return Err(format!(
                "an answer of {}: choose another folder for {edge}",
                answer.edge
            ));
        }
        if answer.id <= self.last_id {
            return Err("ids do not rise".to_owned());
        }
        self.count(&answer);
        Ok(())
    }

    fn count(&mut self, answer: &Answer) {
        self.count += 1;
        self.last_id = answer.id;
        if let Some(picture) = picture(&answer.rest) {
            self.images.entry(picture).or_insert_with(|| answer.image.clone());
        }
    }

    /// Adds a line.
    ///
    /// # Errors
    /// [`AdminError::Files`].
    pub fn add(&mut self, answer: &Answer) -> Result<(), AdminError> {
        let mut line = serde_json::to_vec(answer).map_err(|error| AdminError::unexpected(NAME, error))?;
        line.push(b'\n');
        self.pending.write(&line)?;
        self.count(answer);
        Ok(())
    }

    /// Puts the file under its name.
    ///
    /// # Errors
    /// [`AdminError::Files`]; what was there before is then untouched.
    pub fn commit(self) -> Result<(), AdminError> {
        Ok(self.pending.commit()?)
    }
}
