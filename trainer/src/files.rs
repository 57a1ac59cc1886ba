//! Writing files and folders so that either everything stands there or nothing does.
//!
//! Whatever is written goes into a temporary sibling first (same file system) and is renamed at the end. What a dropped
//! [`PendingFolder`] held is removed, so an error on the way, a full disk or Ctrl-C leaves no trace.

use std::{
    fs, io,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use tempfile::{NamedTempFile, TempDir};

/// How the names of temporary files and folders begin.
const PREFIX: &str = ".parallax-";

/// Why a file or a folder could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb: `read`, `write`, `create`.
        action: &'static str,
        /// What it was tried on.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file of this name is there already; nothing is overwritten.
    #[error("{} is there already: choose another name or remove it", path.display())]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// The target is there already; nothing is overwritten.
    #[error("{} is there already and not empty: choose another folder or remove it", path.display())]
    Exists {
        /// The target.
        path: PathBuf,
    },
}

/// Attaches what was tried on which path to an I/O error.
pub fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FilesError {
    let path = path.to_owned();
    move |source| FilesError::Io { action, path, source }
}

/// The whole file.
///
/// # Errors
/// [`FilesError::Io`] with the path.
pub fn read(path: &Path) -> Result<Vec<u8>, FilesError> {
    fs::read(path).map_err(io_error("read", path))
}

/// Replaces the file at `path` by `bytes`, in one step for every reader.
///
/// # Errors
/// [`FilesError::Io`]; the file that was there before is then untouched.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FilesError> {
    let mut pending = PendingFile::create(path)?;
    pending.write(bytes)?;
    pending.commit()
}

/// Makes a file that only its owner may read; nothing is overwritten.
///
/// # Errors
/// [`FilesError::Taken`], [`FilesError::Io`]; nothing is then written.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), FilesError> {
    // Temporary files are private, and stay so under their last name.
    let mut pending = tempfile::Builder::new()
        .prefix(PREFIX)
        .tempfile_in(parent_of(path))
        .map_err(io_error("write", path))?;
    pending.write_all(bytes).map_err(io_error("write", path))?;
    pending.as_file().sync_all().map_err(io_error("write", path))?;
    match pending.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(FilesError::Taken { path: path.to_owned() })
        }
        Err(refused) => Err(io_error("write", path)(refused.error)),
    }
}

/// A file that is being written and replaces the one of its name only when it is complete.
#[derive(Debug)]
pub struct PendingFile {
    temporary: BufWriter<NamedTempFile>,
    target: PathBuf,
}

impl PendingFile {
    /// Starts a file that shall be named `target`, in a folder that is there.
    ///
    /// # Errors
    /// [`FilesError::Io`].
    pub fn create(target: &Path) -> Result<Self, FilesError> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX);
        // A temporary file is private by default, but this one becomes the user's: let the umask decide.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let temporary = builder
            .tempfile_in(parent_of(target))
            .map_err(io_error("write", target))?;
        Ok(Self {
            temporary: BufWriter::new(temporary),
            target: target.to_owned(),
        })
    }

    /// Adds to its end.
    ///
    /// # Errors
    /// [`FilesError::Io`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), FilesError> {
        self.temporary.write_all(bytes).map_err(io_error("write", &self.target))
    }

    /// Gives it its name, in one step for every reader.
    ///
    /// # Errors
    /// [`FilesError::Io`]; the file that was there before is then untouched.
    pub fn commit(self) -> Result<(), FilesError> {
        let Self { temporary, target } = self;
        let failed = |error| io_error("write", &target)(error);
        let temporary = temporary.into_inner().map_err(|error| failed(error.into_error()))?;
        temporary.as_file().sync_all().map_err(failed)?;
        temporary.persist(&target).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

/// Whether files can be made in `folder`: so that long work does not find out in the end.
///
/// # Errors
/// [`FilesError::Io`] when none can.
pub fn refuse_unwritable(folder: &Path) -> Result<(), FilesError> {
    let probe = tempfile::Builder::new().prefix(PREFIX).tempfile_in(folder);
    probe.map(drop).map_err(io_error("write in", folder))
}

/// A folder that is being filled and appears under its name only when it is complete.
#[derive(Debug)]
pub struct PendingFolder {
    temporary: TempDir,
    target: PathBuf,
}

impl PendingFolder {
    /// Starts a folder that shall be named `target`, whose parents are made where missing.
    ///
    /// # Errors
    /// [`FilesError::Exists`] when something is there already (an empty folder is not), [`FilesError::Io`].
    pub fn create(target: &Path) -> Result<Self, FilesError> {
        refuse_existing(target)?;
        let parent = parent_of(target);
        fs::create_dir_all(parent).map_err(io_error("create", parent))?;
        let temporary = temporary_folder(parent).map_err(io_error("create a folder in", parent))?;
        Ok(Self {
            temporary,
            target: target.to_owned(),
        })
    }

    /// Where to write meanwhile.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Writes a file of the folder; `name` is relative to it.
    ///
    /// # Errors
    /// [`FilesError::Io`], naming the file as it would have been called.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), FilesError> {
        let target = self.target.join(name);
        fs::write(self.path().join(name), bytes).map_err(io_error("write", &target))
    }

    /// Makes a sub-folder.
    ///
    /// # Errors
    /// [`FilesError::Io`].
    pub fn create_folder(&self, name: &str) -> Result<(), FilesError> {
        let target = self.target.join(name);
        fs::create_dir_all(self.path().join(name)).map_err(io_error("create", &target))
    }

    /// Gives the folder its name.
    ///
    /// # Errors
    /// [`FilesError::Exists`] when somebody else took the name meanwhile, [`FilesError::Io`].
    pub fn commit(self) -> Result<(), FilesError> {
        refuse_existing(&self.target)?;
        fs::rename(self.temporary.path(), &self.target).map_err(io_error("create", &self.target))?;
        // Nothing is left under the temporary name: dropping it must not try to remove it.
        let _ = self.temporary.keep();
        Ok(())
    }
}

/// The path beside `target` whose name is `target`'s with `suffix`, also where `target` ends in a slash.
#[must_use]
pub fn beside(target: &Path, suffix: &str) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    parent_of(target).join(name)
}

/// Refuses a target that something else occupies; an empty folder may be filled.
///
/// # Errors
/// [`FilesError::Exists`], or [`FilesError::Io`] when the target cannot be looked at.
pub fn refuse_existing(target: &Path) -> Result<(), FilesError> {
    let first_entry = fs::read_dir(target).map(|mut entries| entries.next());
    match first_entry {
        Ok(None) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::NotADirectory => Err(io_error("read", target)(error)),
        Ok(Some(_)) | Err(_) => Err(FilesError::Exists {
            path: target.to_owned(),
        }),
    }
}

/// The folder a path lies in; `.` for a bare name.
#[must_use]
pub fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn temporary_folder(parent: &Path) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    // As above.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    builder.tempdir_in(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_slash_at_its_end_has_the_same_neighbours() {
        for target in ["a/out", "a/out/"] {
            assert_eq!(beside(Path::new(target), ".part"), Path::new("a/out.part"), "{target}");
        }
        assert_eq!(beside(Path::new("out"), ".part"), Path::new("./out.part"));
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_appears_when_it_is_complete() {
        let root = TempDir::new().unwrap();
        let target = root.path().join("a/b");
        let pending = PendingFolder::create(&target).unwrap();
        pending.create_folder("masks").unwrap();
        pending.write("masks/0.png", b"x").unwrap();
        assert!(!target.exists());
        pending.commit().unwrap();
        assert_eq!(fs::read(target.join("masks/0.png")).unwrap(), b"x");
        assert_eq!(names(&root.path().join("a")), ["b"]);
    }

    #[test]
    fn a_dropped_folder_leaves_nothing() {
        let root = TempDir::new().unwrap();
        let pending = PendingFolder::create(&root.path().join("a")).unwrap();
        pending.write("0.png", b"x").unwrap();
        drop(pending);
        assert!(names(root.path()).is_empty());
    }

    #[test]
    fn nothing_is_overwritten() {
        let root = TempDir::new().unwrap();
        let (full, empty, file) = (
            root.path().join("full"),
            root.path().join("empty"),
            root.path().join("file"),
        );
        fs::create_dir_all(full.join("x")).unwrap();
        fs::create_dir(&empty).unwrap();
        fs::write(&file, b"kept").unwrap();
        assert!(matches!(PendingFolder::create(&full), Err(FilesError::Exists { .. })));
        assert!(matches!(PendingFolder::create(&file), Err(FilesError::Exists { .. })));
        PendingFolder::create(&empty).unwrap().commit().unwrap();

        let (late, other) = (PendingFolder::create(&empty).unwrap(), empty.join("x"));
        fs::write(&other, b"kept").unwrap();
        assert!(matches!(late.commit(), Err(FilesError::Exists { .. })));
        assert_eq!(fs::read(&other).unwrap(), b"kept");
    }

    #[test]
    fn a_file_appears_when_it_is_complete() {
        let root = TempDir::new().unwrap();
        let path = root.path().join("state");
        let mut pending = PendingFile::create(&path).unwrap();
        pending.write(b"1").unwrap();
        pending.write(b"2").unwrap();
        assert!(!path.exists());
        pending.commit().unwrap();
        assert_eq!(read(&path).unwrap(), b"12");
        drop(PendingFile::create(&path).unwrap());
        assert_eq!(
            (read(&path).unwrap(), names(root.path())),
            (b"12".to_vec(), vec!["state".to_owned()])
        );
    }

    #[test]
    fn secrets_are_private_and_never_overwritten() {
        let root = TempDir::new().unwrap();
        let path = root.path().join("key");
        write_secret(&path, b"1").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(matches!(write_secret(&path, b"2"), Err(FilesError::Taken { .. })));
        assert_eq!(
            (read(&path).unwrap(), names(root.path())),
            (b"1".to_vec(), vec!["key".to_owned()])
        );
    }

    #[test]
    fn files_are_replaced_in_one_step() {
        let root = TempDir::new().unwrap();
        let path = root.path().join("state");
        write(&path, b"1").unwrap();
        write(&path, b"2").unwrap();
        assert_eq!(read(&path).unwrap(), b"2");
        assert_eq!(names(root.path()), ["state"]);
        assert!(write(&root.path().join("missing/state"), b"1").is_err());
    }
}
