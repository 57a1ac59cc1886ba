//! Queries: pictures that were served, and what was answered. NDJSON, one `{"image", "answer"}` a line; `weight`,
//! `source` and `right` may be there too.

use std::{
    collections::HashMap,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use parallax_captcha::{
    alphabet::{class_of, normalise},
    text::model_input,
};
use parallax_onnx::ctc::MAX_LABEL;
use serde::Deserialize;

use crate::{
    data::folder::{FolderError, read_picture},
    files::{self, FilesError},
};

/// More pictures than these are refused: they are kept in memory, 12 kB each.
const MAX_PICTURES: usize = 100_000;
/// More lines than these are refused.
const MAX_QUERIES: usize = 1_000_000;

/// A picture that was served, and what was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// `[30 * 100]`, row-major, in `[0, 1]`; shared by all answers to the picture.
    pub image: Arc<[f32]>,
    /// Which picture it is: queries of one are held out together.
    pub picture: usize,
    /// Classes of the answer, 1 to 6.
    pub classes: Vec<usize>,
    /// Probability that a machine answered, in `[0, 1]`.
    pub weight: f32,
    /// Which of several attackers it may have been: a pseudonym.
    pub source: Option<u64>,
    /// Whether the answer was right, where somebody knew.
    pub right: Option<bool>,
}

/// An answer that no model of ours could give, so that nothing is to be learned from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Empty.
    #[error("the answer is empty")]
    Empty,
    /// Longer than the longest text.
    #[error("the answer has {length} characters, more than {MAX_LABEL}")]
    Length {
        /// Characters it has.
        length: usize,
    },
    /// A character that is not in the alphabet.
    #[error("the answer has the character {character:?}, which is not in the alphabet")]
    Character {
        /// The first such character.
        character: char,
    },
}

/// Why queries could not be read.
#[derive(Debug, thiserror::Error)]
pub enum QueriesError {
    /// The file cannot be read.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A line is no query.
    #[error("{}, line {line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A picture cannot be read.
    #[error("{}, line {line}: {source}", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        source: FolderError,
    },
    /// Nothing is left to learn from.
    #[error("{}: no usable query among {count}{}", path.display(), reason.as_ref().map(|r| format!("; {r}")).unwrap_or_default())]
    None {
        /// The file.
        path: PathBuf,
        /// Lines it has.
        count: usize,
        /// Why the first of them is not usable.
        reason: Option<Unusable>,
    },
}

/// Queries of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Queries {
    /// Those to learn from, in the order of the file.
    pub usable: Vec<Query>,
    /// The others: line, from 1, and why.
    pub unusable: Vec<(usize, Unusable)>,
}

/// What a line must have; what else it has is for others.
#[derive(Deserialize)]
struct Line {
    image: PathBuf,
    answer: String,
    #[serde(default = "certain")]
    weight: f32,
    source: Option<u64>,
    right: Option<bool>,
}

fn certain() -> f32 {
    1.0
}

impl Queries {
    /// Reads a file; pictures are named relative to it.
    ///
    /// Answers are suspects': whatever they typed. Those that cannot be learned are set aside, anything else that is
    /// wrong refuses the file.
    ///
    /// # Errors
    /// [`QueriesError`] names the line.
    pub fn read(path: &Path) -> Result<Self, QueriesError> {
        let bytes = files::read(path)?;
        let refuse = |line: usize, reason: String| QueriesError::Line {
            path: path.to_owned(),
            line,
            reason,
        };
        let text = std::str::from_utf8(&bytes).map_err(|error| refuse(1, error.to_string()))?;
        let root = files::parent_of(path);
        let mut queries = Self {
            usable: Vec::new(),
            unusable: Vec::new(),
        };
        let mut pictures: HashMap<PathBuf, (usize, Arc<[f32]>)> = HashMap::new();
        for (index, json) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let line = index + 1;
            if line > MAX_QUERIES {
                return Err(refuse(line, format!("more than {MAX_QUERIES} queries")));
            }
            let query: Line = serde_json::from_str(json).map_err(|error| refuse(line, error.to_string()))?;
            if !(0.0..=1.0).contains(&query.weight) {
                return Err(refuse(line, format!("weight {} is not in [0, 1]", query.weight)));
            }
            let classes = match classes(&query.answer) {
                Ok(classes) => classes,
                Err(reason) => {
                    queries.unusable.push((line, reason));
                    continue;
                }
            };
            if !query
                .image
                .components()
                .all(|part| matches!(part, Component::Normal(_)))
            {
                return Err(refuse(line, "the image lies outside the folder".to_owned()));
            }
            let known = pictures.get(&query.image).cloned();
            let (picture, image) = match known {
                Some(known) => known,
                None if pictures.len() == MAX_PICTURES => {
                    return Err(refuse(line, format!("more than {MAX_PICTURES} pictures")));
                }
                None => {
                    let read = read_picture(&root.join(&query.image)).map_err(|source| QueriesError::Picture {
                        path: path.to_owned(),
                        line,
                        source,
                    })?;
                    let read = (pictures.len(), Arc::from(model_input(&read)));
                    pictures.insert(query.image, read.clone());
                    read
                }
            };
            queries.usable.push(Query {
                image,
                picture,
                classes,
                weight: query.weight,
                source: query.source,
                right: query.right,
            });
        }
        if queries.usable.is_empty() {
            return Err(QueriesError::None {
                path: path.to_owned(),
                count: queries.unusable.len(),
                reason: queries.unusable.first().map(|(_, reason)| reason.clone()),
            });
        }
        Ok(queries)
    }
}

/// Classes of an answer as it was typed.
///
/// # Errors
/// [`Unusable`].
pub fn classes(answer: &str) -> Result<Vec<usize>, Unusable> {
    let answer = normalise(answer);
    let length = answer.chars().count();
    match length {
        0 => return Err(Unusable::Empty),
        1..=MAX_LABEL => {}
        _ => return Err(Unusable::Length { length }),
    }
    answer
        .chars()
        .map(|character| class_of(character).ok_or(Unusable::Character { character }))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::{GrayImage, Luma};
    use tempfile::TempDir;

    use super::*;

    fn folder(lines: &str) -> (TempDir, PathBuf) {
        let folder = TempDir::new().unwrap();
        GrayImage::from_pixel(200, 60, Luma([51]))
            .save(folder.path().join("a.png"))
            .unwrap();
        fs::write(folder.path().join("b.png"), "no picture").unwrap();
        let path = folder.path().join("queries.ndjson");
        fs::write(&path, lines).unwrap();
        (folder, path)
    }

    fn read(lines: &str) -> Result<Queries, QueriesError> {
        let (_folder, path) = folder(lines);
        Queries::read(&path)
    }

    #[test]
    fn answers_are_read_as_they_were_typed() {
        let lines = r#"{"image": "a.png", "answer": " a2 f", "weight": 0.75, "source": 3, "right": true, "set": "of interest to others"}

            {"image": "a.png", "answer": "HKLMNP"}"#;
        let queries = read(lines).unwrap();
        let answers: Vec<_> = queries.usable.iter().map(|query| query.classes.clone()).collect();
        let expected = ["A2E", "AYTMMP"].map(|text| text.chars().filter_map(class_of).collect::<Vec<_>>());
        assert_eq!(answers, expected);
        assert_eq!((queries.usable[0].weight, queries.usable[1].weight), (0.75, 1.0));
        assert!(
            Arc::ptr_eq(&queries.usable[0].image, &queries.usable[1].image),
            "one picture"
        );
        assert_eq!((queries.usable[0].picture, queries.usable[1].picture), (0, 0));
        let known: Vec<_> = queries.usable.iter().map(|query| (query.source, query.right)).collect();
        assert_eq!(known, [(Some(3), Some(true)), (None, None)]);
        assert!(
            queries.usable[0].image.len() == 3_000 && queries.usable[0].image.iter().all(|v| (v - 0.2).abs() < 1e-6)
        );
    }

    #[test]
    fn what_cannot_be_learned_is_set_aside() {
        let lines =
            ["", "A2FHKLM", "a#b", "A2FH"].map(|answer| format!(r#"{{"image": "a.png", "answer": "{answer}"}}"#));
        let queries = read(&lines.join("\n")).unwrap();
        assert_eq!(queries.usable.len(), 1);
        let unusable = [
            (1, Unusable::Empty),
            (2, Unusable::Length { length: 7 }),
            (3, Unusable::Character { character: '#' }),
        ];
        assert_eq!(queries.unusable, unusable);
        let error = read(&lines[..3].join("\n")).unwrap_err();
        assert!(matches!(error, QueriesError::None { count: 3, .. }), "{error}");
    }

    #[test]
    fn what_is_wrong_is_refused_with_its_line() {
        let good = r#"{"image": "a.png", "answer": "A2FH"}"#;
        for bad in [
            "{}",
            "no json",
            r#"{"image": "a.png", "answer": "A2FH", "weight": 1.5}"#,
            r#"{"image": "../a.png", "answer": "A2FH"}"#,
            r#"{"image": "/a.png", "answer": "A2FH"}"#,
            r#"{"image": "b.png", "answer": "A2FH"}"#,
            r#"{"image": "none.png", "answer": "A2FH"}"#,
        ] {
            let error = read(&format!("{good}\n{bad}")).unwrap_err().to_string();
            assert!(error.contains("line 2"), "{bad}: {error}");
        }
    }
}
