//! The admin's view of an image set: pictures with their answers, from the export.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use parallax_edge_shared::admin::SetList;
use parallax_edge_shared::image_set::SetIndex;
use parallax_edge_shared::pack::Entry;

use crate::edge::Edge;

/// A record of a tar archive, bytes (POSIX.1-2001, "ustar Interchange Format").
const RECORD: usize = 512;

/// An exported set.
#[derive(Debug, Clone)]
pub struct ImageSet {
    /// How it was made.
    pub index: SetIndex,
    /// Its pictures, in order.
    pub pictures: Vec<Picture>,
}

/// A picture of a set.
#[derive(Debug, Clone)]
pub struct Picture {
    /// PNG, as it is served.
    pub image: Vec<u8>,
    /// PNG of the stroke mask.
    pub mask: Vec<u8>,
    /// The right answer.
    pub label: String,
}

impl ImageSet {
    /// Waits until a set is served, then exports it.
    ///
    /// # Panics
    /// When there is none within `limit`.
    #[must_use]
    pub fn wait_for(edge: &Edge, limit: Duration) -> Self {
        Self::wait_until(edge, limit, |sets| !sets.sets.is_empty())
    }

    /// Waits until the list of sets is as asked for, then exports the one that is served.
    ///
    /// # Panics
    /// When it is not within `limit`.
    #[must_use]
    pub fn wait_until(edge: &Edge, limit: Duration, is_there: impl Fn(&SetList) -> bool) -> Self {
        let started = Instant::now();
        while !is_there(&list(edge)) {
            assert!(
                started.elapsed() < limit,
                "no such set after {limit:?}; the log says:\n{}",
                edge.server.log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        Self::export(edge, "current")
    }

    /// Exports set `id`, or the one served for `current`.
    ///
    /// # Panics
    /// When the export is refused or is no archive of the documented form.
    #[must_use]
    pub fn export(edge: &Edge, id: &str) -> Self {
        let files = exported(edge, id);
        let file = |name: &str| {
            let found = files.iter().find(|(found, _)| found == name);
            found.map_or_else(|| panic!("the export has no {name}"), |(_, content)| content.clone())
        };
        let index = serde_json::from_slice(&file("index.json")).expect("index.json is the index of a set");
        let labels = String::from_utf8(file("labels.csv")).expect("labels.csv is text");
        let mut rows = labels.lines();
        assert_eq!(rows.next(), Some("file,label"));
        let pictures = rows.map(|row| {
            let (name, label) = row.split_once(',').expect("a row has two fields");
            Picture {
                image: file(name),
                mask: file(&format!("masks/{name}")),
                label: label.to_owned(),
            }
        });
        Self {
            index,
            pictures: pictures.collect(),
        }
    }

    /// The answer to a picture that was served, byte for byte.
    ///
    /// # Panics
    /// When it is not of this set.
    #[must_use]
    pub fn answer_to(&self, image: &[u8]) -> &str {
        &self.entry_of(image).label
    }

    /// What the index says of a picture that was served, byte for byte.
    ///
    /// # Panics
    /// When it is not of this set.
    #[must_use]
    pub fn entry_of(&self, image: &[u8]) -> &Entry {
        let found = self.pictures.iter().position(|picture| picture.image == image);
        let position = found.expect("the picture served is of the exported set");
        self.index
            .get(position)
            .expect("the index has an entry for each picture")
            .1
    }
}

/// Unpacks the export of set `id`, or of the one served for `current`, in `folder`.
///
/// # Panics
/// When the export is refused or the folder cannot be written.
pub fn unpack(edge: &Edge, id: &str, folder: &Path) {
    for (name, content) in exported(edge, id) {
        let path = folder.join(name);
        let parent = path.parent().expect("a file is in a folder");
        fs::create_dir_all(parent).expect("the folder can be made");
        fs::write(path, content).expect("the folder can be written");
    }
}

fn exported(edge: &Edge, id: &str) -> Vec<(String, Vec<u8>)> {
    let reply = edge
        .client
        .get(&format!("/admin/v1/sets/{id}/export"))
        .bearer(&edge.admin_key)
        .send();
    assert_eq!(reply.status, 200, "{reply:?}");
    untar(&reply.body)
}

/// `GET /admin/v1/sets`
///
/// # Panics
/// When it is refused.
#[must_use]
pub fn list(edge: &Edge) -> SetList {
    let reply = edge.client.get("/admin/v1/sets").bearer(&edge.admin_key).send();
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

/// The regular files of an archive.
fn untar(mut archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    while archive.len() >= RECORD && archive[0] != 0 {
        let (header, rest) = archive.split_at(RECORD);
        assert_eq!(&header[257..262], b"ustar");
        let text = |field: &[u8]| {
            let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
            String::from_utf8_lossy(&field[..end]).trim().to_owned()
        };
        let size = usize::from_str_radix(&text(&header[124..136]), 8).expect("a size in octal digits");
        files.push((text(&header[..100]), rest[..size].to_vec()));
        archive = &rest[size.next_multiple_of(RECORD)..];
    }
    files
}
