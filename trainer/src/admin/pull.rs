//! Fetching suspects' answers, page by page, each with its picture.
//!
//! ```text
//! queries.ndjson    {"image": "images/7.png", "answer": "A2FK", "weight": 0.97, "edge": ..., "id": 7, ...}
//! images/7.png      the picture that answer 7 is about, and later answers about the same one
//! ```

use std::{collections::HashSet, fs, path::PathBuf, str};

use serde::{Deserialize, Serialize};

use super::{
    AdminError, Client,
    answers::{self, Answer, AnswersFile, Picture, Recorded},
};
use crate::{
    files::{self, io_error},
    interrupt,
};

/// Records of one page, and how long a page may be: the edge's longest record is a kilobyte or two.
const PAGE: usize = 200;
const MAX_PAGE_BYTES: u64 = 4 << 20;

/// The largest picture.
const MAX_PICTURE_BYTES: u64 = 64 * 1024;

/// Records fetched in one run: what an edge keeps at most. One that records faster than this reads would never end.
const MAX_RECORDS: u64 = 200_000;

/// How a PNG begins (its specification, section 5.2).
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What is fetched where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullConfig {
    /// The folder, made where missing, gone on with where not.
    pub out: PathBuf,
    /// What becomes of the records at the edge.
    pub fetched: Fetched,
}

/// What becomes of records that were fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// The edge keeps them until it needs the room.
    Kept,
    /// They are deleted when they are safely here.
    Deleted,
}

/// What was fetched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pulled {
    /// Answers added.
    pub added: u64,
    /// Answers whose picture was gone, left out.
    pub skipped: u64,
    /// Answers that are there now.
    pub total: u64,
    /// Records deleted at the edge.
    pub deleted: u64,
}

#[derive(Deserialize)]
struct Deleted {
    deleted: u64,
}

/// Fetches what was recorded since the last line that is there. `observe` sees how it goes on.
///
/// # Errors
/// [`AdminError`]; what was fetched until then is there, whole, and the next run goes on after it.
pub fn pull(client: &Client, config: &PullConfig, observe: impl FnMut(&Pulled)) -> Result<Pulled, AdminError> {
    let images = config.out.join("images");
    fs::create_dir_all(&images).map_err(io_error("create", &images))?;
    let file = AnswersFile::open(&config.out, client.edge())?;
    let mut run = Run {
        client,
        config,
        seen: file.last_id,
        file,
        gone: HashSet::new(),
        pulled: Pulled::default(),
    };
    let ended = run.pages(observe);
    let Run {
        file, seen, mut pulled, ..
    } = run;
    pulled.total = file.count;
    file.commit()?;
    ended?;
    if config.fetched == Fetched::Deleted && seen > 0 {
        let path = format!("/admin/v1/queries?through={seen}");
        pulled.deleted = client.delete::<Deleted>(&path)?.deleted;
    }
    Ok(pulled)
}

struct Run<'a> {
    client: &'a Client,
    config: &'a PullConfig,
    file: AnswersFile,
    /// Id of the last record looked at.
    seen: u64,
    /// Pictures that are gone: asked for once, not with every answer to them.
    gone: HashSet<Picture>,
    pulled: Pulled,
}

impl Run<'_> {
    fn pages(&mut self, mut observe: impl FnMut(&Pulled)) -> Result<(), AdminError> {
        while self.pulled.added + self.pulled.skipped < MAX_RECORDS {
            let path = format!("/admin/v1/queries?after={}&limit={PAGE}", self.seen);
            let page = self.client.get(&path, MAX_PAGE_BYTES)?;
            let page = str::from_utf8(&page).map_err(|error| AdminError::unexpected(&path, error))?;
            if page.is_empty() {
                break;
            }
            for line in page.lines() {
                if interrupt::requested() {
                    return Err(AdminError::Interrupted);
                }
                let recorded: Recorded =
                    serde_json::from_str(line).map_err(|error| AdminError::unexpected(&path, error))?;
                // Else it would go round in circles.
                if recorded.id <= self.seen {
                    return Err(AdminError::unexpected(&path, "ids do not rise"));
                }
                if !(0.0..=1.0).contains(&recorded.p_bot) {
                    return Err(AdminError::unexpected(&path, "a probability that is none"));
                }
                if let Some(name) = recorded.reserved() {
                    return Err(AdminError::unexpected(
                        &path,
                        format!("a record with a member {name:?}"),
                    ));
                }
                self.record(recorded)?;
                observe(&self.pulled);
            }
        }
        Ok(())
    }

    fn record(&mut self, recorded: Recorded) -> Result<(), AdminError> {
        let id = recorded.id;
        match self.image(&recorded)? {
            Some(image) => {
                let Recorded {
                    answer, p_bot, rest, ..
                } = recorded;
                self.file.add(&Answer {
                    image,
                    answer,
                    weight: p_bot,
                    edge: self.client.edge().to_owned(),
                    id,
                    rest,
                })?;
                self.pulled.added += 1;
            }
            None => self.pulled.skipped += 1,
        }
        self.seen = id;
        Ok(())
    }

    /// Where the picture of a record is, fetched when it is not here yet; `None` when it is gone.
    fn image(&mut self, recorded: &Recorded) -> Result<Option<String>, AdminError> {
        let picture = answers::picture(&recorded.rest);
        if let Some(picture) = &picture {
            if let Some(image) = self.file.images.get(picture) {
                return Ok(Some(image.clone()));
            }
            if self.gone.contains(picture) {
                return Ok(None);
            }
        }
        let path = format!("/admin/v1/queries/{}/image", recorded.id);
        let png = match self.client.get(&path, MAX_PICTURE_BYTES) {
            Ok(png) => png,
            Err(AdminError::Refused { status: 404, .. }) => {
                self.gone.extend(picture);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if !png.starts_with(PNG) {
            return Err(AdminError::unexpected(&path, "no PNG"));
        }
        let image = format!("images/{}.png", recorded.id);
        files::write(&self.config.out.join(&image), &png)?;
        Ok(Some(image))
    }
}
