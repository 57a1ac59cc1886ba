//! Folders of labelled pictures: PNG files, `labels.csv` with header `file,label`, stroke masks as `masks/FILE`.

use std::{
    collections::HashSet,
    fs, io,
    path::{Component, Path, PathBuf},
};

use image::{GrayImage, ImageFormat, ImageReader, Limits};
use parallax_captcha::alphabet::{Label, LabelError};

use crate::files::{self, FilesError, PendingFolder};

/// The file that lists a folder's pictures.
pub const LABELS: &str = "labels.csv";

/// The sub-folder of stroke masks.
pub const MASKS: &str = "masks";

/// Pictures larger than this on a side are refused: captchas are 200 x 60.
const MAX_SIDE: u32 = 4_096;

/// Why a folder of pictures could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file is missing, unreadable or unwritable.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// `labels.csv` is not what it should be.
    #[error("{}, line {line}: {reason}", path.display())]
    Labels {
        /// Path of `labels.csv`.
        path: PathBuf,
        /// Line of the file, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The index of an image set is not what it should be.
    #[error("{}: {reason}", path.display())]
    Index {
        /// Path of the index.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A picture cannot be decoded or encoded.
    #[error("{}: {reason}", path.display())]
    Picture {
        /// Path of the picture.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder has no such picture.
    #[error("the folder has {count} pictures, there is no number {index}")]
    NoEntry {
        /// Number of the picture, from 0.
        index: usize,
        /// Pictures in the folder.
        count: usize,
    },
}

/// One line of `labels.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path of the picture, relative to the folder.
    pub file: String,
    /// The text in it.
    pub label: Label,
}

/// A folder of labelled pictures.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
    entries: Vec<Entry>,
}

impl Folder {
    /// Reads `labels.csv`; pictures are read one by one later.
    ///
    /// # Errors
    /// [`FolderError::Files`] when it cannot be read, [`FolderError::Labels`] naming the line whose file name is empty,
    /// leads out of the folder, stands there twice or is missing, or whose label is not over the alphabet.
    pub fn open(root: &Path) -> Result<Self, FolderError> {
        let path = root.join(LABELS);
        let text = files::read(&path)?;
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_slice());
        let labels_error = |line, reason: String| FolderError::Labels {
            path: path.clone(),
            line,
            reason,
        };
        let header = reader.headers().map_err(|error| labels_error(1, csv_reason(&error)))?;
        if header.iter().ne(["file", "label"]) {
            return Err(labels_error(1, "the header is not `file,label`".to_owned()));
        }

        let (mut entries, mut seen) = (Vec::new(), HashSet::new());
        for record in reader.records() {
            let record = record.map_err(|error| {
                let line = error.position().map_or(0, csv::Position::line);
                labels_error(line, csv_reason(&error))
            })?;
            let line = record.position().map_or(0, csv::Position::line);
            let entry = entry(&record, root).map_err(|reason| labels_error(line, reason))?;
            if !seen.insert(entry.file.clone()) {
                return Err(labels_error(line, format!("{} is listed twice", entry.file)));
            }
            entries.push(entry);
        }
        Ok(Self {
            root: root.to_owned(),
            entries,
        })
    }

    /// What `labels.csv` lists, in its order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Entry `index`, from 0.
    ///
    /// # Errors
    /// [`FolderError::NoEntry`].
    pub fn entry(&self, index: usize) -> Result<&Entry, FolderError> {
        let count = self.entries.len();
        self.entries.get(index).ok_or(FolderError::NoEntry { index, count })
    }

    /// The picture of an entry.
    ///
    /// # Errors
    /// [`FolderError::Files`] or [`FolderError::Picture`], naming the file.
    pub fn picture(&self, entry: &Entry) -> Result<GrayImage, FolderError> {
        read_picture(&self.root.join(&entry.file))
    }

    /// The stroke mask of an entry, `None` where there is none.
    ///
    /// # Errors
    /// As [`Folder::picture`], when there is one that cannot be read.
    pub fn mask(&self, entry: &Entry) -> Result<Option<GrayImage>, FolderError> {
        let path = self.root.join(MASKS).join(&entry.file);
        match read_picture(&path) {
            Err(FolderError::Files(FilesError::Io { source, .. })) if source.kind() == io::ErrorKind::NotFound => {
                Ok(None)
            }
            other => other.map(Some),
        }
    }

    /// Writes a CSV file with header `file,label,answer`: what was read in each picture, in the order of the entries.
    ///
    /// # Errors
    /// [`FilesError::Io`]; there is then no such file.
    pub fn write_answers(&self, path: &Path, answers: &[String]) -> Result<(), FilesError> {
        let mut table = csv::Writer::from_writer(Vec::new());
        let lines = self.entries.iter().zip(answers);
        let lines = lines.map(|(entry, answer)| [entry.file.as_str(), entry.label.as_str(), answer]);
        let written = std::iter::once(["file", "label", "answer"])
            .chain(lines)
            .try_for_each(|line| table.write_record(line));
        written.map_err(|error| files::io_error("write", path)(error.into()))?;
        let bytes = table
            .into_inner()
            .map_err(|error| files::io_error("write", path)(io::Error::other(error.to_string())))?;
        files::write(path, &bytes)
    }
}

fn csv_reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

fn entry(record: &csv::StringRecord, root: &Path) -> Result<Entry, String> {
    let (file, label) = match (record.get(0), record.get(1), record.get(2)) {
        (Some(file), Some(label), None) => (file, label),
        _ => return Err(format!("{} fields instead of 2", record.len())),
    };
    let inside = Path::new(file)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if file.is_empty() || !inside {
        return Err(format!("{file:?} is not a file of this folder"));
    }
    let label = Label::new(label).map_err(|error: LabelError| format!("{file}: {error}"))?;
    if !root.join(file).is_file() {
        return Err(format!("{file} is missing"));
    }
    Ok(Entry {
        file: file.to_owned(),
        label,
    })
}

/// A picture of any supported format and size as gray.
///
/// # Errors
/// [`FolderError`], naming the file.
pub fn read_picture(path: &Path) -> Result<GrayImage, FolderError> {
    let bytes = files::read(path)?;
    let picture_error = |reason: String| FolderError::Picture {
        path: path.to_owned(),
        reason,
    };
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    let mut reader = ImageReader::new(io::Cursor::new(bytes))
        .with_guessed_format()
        .map_err(files::io_error("read", path))?;
    reader.limits(limits);
    let picture = reader.decode().map_err(|error| picture_error(error.to_string()))?;
    Ok(picture.into_luma8())
}

/// A folder that is being written and appears when it is complete.
#[derive(Debug)]
pub struct FolderWriter {
    pending: PendingFolder,
    target: PathBuf,
    labels: csv::Writer<Vec<u8>>,
}

impl FolderWriter {
    /// Starts a folder at `target`.
    ///
    /// # Errors
    /// [`FilesError::Exists`] when something is there already, [`FilesError::Io`].
    pub fn create(target: &Path) -> Result<Self, FolderError> {
        let mut writer = Self {
            pending: PendingFolder::create(target)?,
            target: target.to_owned(),
            labels: csv::Writer::from_writer(Vec::new()),
        };
        writer.record(["file", "label"])?;
        Ok(writer)
    }

    /// Adds a picture, and its stroke mask where there is one.
    ///
    /// # Errors
    /// [`FolderError`], naming the file.
    pub fn add(&mut self, entry: &Entry, picture: &GrayImage, mask: Option<&GrayImage>) -> Result<(), FolderError> {
        self.write_picture(Path::new(&entry.file), picture)?;
        if let Some(mask) = mask {
            self.write_picture(&Path::new(MASKS).join(&entry.file), mask)?;
        }
        self.record([&entry.file, entry.label.as_str()])
    }

    /// Writes `labels.csv` and gives the folder its name.
    ///
    /// # Errors
    /// [`FolderError::Files`]; the folder is then not there.
    pub fn commit(self) -> Result<(), FolderError> {
        let path = self.target.join(LABELS);
        let labels = self
            .labels
            .into_inner()
            .map_err(|error| files::io_error("write", &path)(io::Error::other(error.to_string())))?;
        self.pending.write(LABELS, &labels)?;
        Ok(self.pending.commit()?)
    }

    fn record<I: IntoIterator<Item = T>, T: AsRef<[u8]>>(&mut self, fields: I) -> Result<(), FolderError> {
        let path = self.target.join(LABELS);
        self.labels
            .write_record(fields)
            .map_err(|error| FolderError::Files(files::io_error("write", &path)(error.into())))
    }

    fn write_picture(&self, name: &Path, picture: &GrayImage) -> Result<(), FolderError> {
        let target = self.target.join(name);
        let bytes = encode_png(picture).map_err(|error| FolderError::Picture {
            path: target.clone(),
            reason: error.to_string(),
        })?;
        let path = self.pending.path().join(name);
        let folder = files::parent_of(&path);
        fs::create_dir_all(folder).map_err(files::io_error("create a folder for", &target))?;
        Ok(fs::write(path, bytes).map_err(files::io_error("write", &target))?)
    }
}

/// A gray picture as PNG.
///
/// # Errors
/// What the encoder says.
pub fn encode_png(picture: &GrayImage) -> Result<Vec<u8>, image::ImageError> {
    let mut bytes = io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use image::Luma;
    use tempfile::TempDir;

    use super::*;

    fn entry_of(file: &str, label: &str) -> Entry {
        Entry {
            file: file.to_owned(),
            label: Label::new(label).unwrap(),
        }
    }

    fn gradient() -> GrayImage {
        GrayImage::from_fn(20, 6, |x, y| Luma([(x * 7 + y) as u8]))
    }

    #[test]
    fn what_was_written_is_read_back() {
        let root = TempDir::new().unwrap();
        let target = root.path().join("set");
        let entries = [entry_of("0.png", "A236"), entry_of("sub/odd, \"name\".png", "XYBX")];
        let mut writer = FolderWriter::create(&target).unwrap();
        writer.add(&entries[0], &gradient(), Some(&gradient())).unwrap();
        writer.add(&entries[1], &gradient(), None).unwrap();
        writer.commit().unwrap();

        let folder = Folder::open(&target).unwrap();
        assert_eq!(folder.entries(), entries);
        assert_eq!(folder.picture(&entries[1]).unwrap(), gradient());
        assert_eq!(folder.mask(&entries[0]).unwrap(), Some(gradient()));
        assert_eq!(folder.mask(&entries[1]).unwrap(), None);
    }

    #[test]
    fn hostile_lists_are_refused_by_line() {
        let cases = [
            ("name,label\n", "line 1: the header is not `file,label`"),
            ("file,label\n0.png\n", "line 2: 1 fields instead of 2"),
            ("file,label\n0.png,A236,x\n", "line 2: 3 fields instead of 2"),
            (
                "file,label\n0.png,A236\n1.png,A0A0\n",
                "line 3: 1.png: '0' is not in the alphabet",
            ),
            ("file,label\n0.png,A2\n", "line 2: 0.png: a label has 4 to 6 characters"),
            ("file,label\n2.png,A236\n", "line 2: 2.png is missing"),
            (
                "file,label\n../0.png,A236\n",
                "line 2: \"../0.png\" is not a file of this folder",
            ),
            (
                "file,label\n/etc/passwd,A236\n",
                "line 2: \"/etc/passwd\" is not a file of this folder",
            ),
            ("file,label\n,A236\n", "line 2: \"\" is not a file of this folder"),
            ("file,label\n0.png,A236\n0.png,A236\n", "line 3: 0.png is listed twice"),
        ];
        let root = TempDir::new().unwrap();
        for name in ["0.png", "1.png"] {
            gradient().save(root.path().join(name)).unwrap();
        }
        for (text, expected) in cases {
            fs::write(root.path().join(LABELS), text).unwrap();
            let error = Folder::open(root.path()).unwrap_err().to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
        fs::write(root.path().join(LABELS), b"file,label\n\xff.png,A236\n").unwrap();
        assert!(
            Folder::open(root.path())
                .unwrap_err()
                .to_string()
                .contains("line 2: is not UTF-8")
        );
    }

    #[test]
    fn broken_pictures_are_named() {
        let root = TempDir::new().unwrap();
        let path = root.path().join("0.png");
        let mut bytes = encode_png(&gradient()).unwrap();
        bytes.truncate(40);
        fs::write(&path, bytes).unwrap();
        let error = read_picture(&path).unwrap_err().to_string();
        assert!(error.contains("0.png"), "{error}");
        assert!(
            read_picture(&root.path().join("1.png"))
                .unwrap_err()
                .to_string()
                .contains("1.png")
        );
    }
}
