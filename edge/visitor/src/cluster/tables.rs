//! The tables of a site's counts: sliding windows of slots, forgotten slot by slot, with a bound on rows.
//!
//! Within one request nothing is awaited between statements, so each slide is counted before the next one is looked at.

use std::cell::Cell;

use parallax_captcha::risk::cluster::{Bin, EntityCounts};
use serde::Deserialize;
use worker::{Result, SqlStorage, SqlStorageValue};

/// A burst is looked for in so many slots of so many milliseconds, the one that runs included.
const BURST_SLOT_MS: u64 = 2000;
const BURST_SLOTS: u64 = 5;
/// An hour likewise.
const HOUR_SLOT_MS: u64 = 600_000;
const HOUR_SLOTS: u64 = 6;

/// Rows of counts a site may have; a slide adds at most [`ROWS_PER_SLIDE`]. About 10 MB.
const MAX_ROWS: u64 = 200_000;
const ROWS_PER_SLIDE: u64 = 11;

/// The site itself, among its entities.
pub const SITE: u64 = 0;

/// What a count is of: slides, equal wrong answers, slides by keyboard, sampled visitors, or (from here on) slides with a
/// duration of one bin.
const SLIDES: u64 = 0;
const ANSWERS: u64 = 1;
const KEYBOARD: u64 = 2;
const SAMPLED: u64 = 3;
const FIRST_BIN: u64 = 16;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS bursts(slot INTEGER, entity INTEGER, count INTEGER NOT NULL,
    PRIMARY KEY(slot, entity)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counts(slot INTEGER, entity INTEGER, what INTEGER, count INTEGER NOT NULL,
    PRIMARY KEY(slot, entity, what)) WITHOUT ROWID;
";

/// The tables.
pub struct Counters {
    sql: SqlStorage,
    /// Rows at most: what was counted last, and what may have been added since.
    rows: Cell<u64>,
}

#[derive(Deserialize)]
struct BurstRow {
    entity: u64,
    count: u32,
}

#[derive(Deserialize)]
struct CountRow {
    entity: u64,
    what: u64,
    count: u32,
}

#[derive(Deserialize)]
struct Total {
    total: u64,
}

fn integer(value: u64) -> SqlStorageValue {
    SqlStorageValue::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

/// `?1, ?2, ...` from `first` on.
fn marks(first: usize, count: usize) -> String {
    let marks: Vec<String> = (first..first + count).map(|i| format!("?{i}")).collect();
    marks.join(", ")
}

impl Counters {
    /// Opens the tables, making them where there are none.
    ///
    /// # Errors
    /// Those of the storage.
    pub fn open(sql: SqlStorage) -> Result<Self> {
        sql.exec(TABLES, None)?;
        let counters = Self {
            sql,
            rows: Cell::new(0),
        };
        counters.rows.set(counters.count_rows()?);
        Ok(counters)
    }

    /// Counts one slide of each of `entities` (the site first), and says how often each was seen.
    ///
    /// # Errors
    /// Those of the storage.
    pub fn slide(&self, entities: &[u64], bin: Option<Bin>, now_ms: u64) -> Result<Vec<EntityCounts>> {
        self.make_room(now_ms)?;
        let (bin, near) = match bin {
            Some(Bin::Duration(number)) => {
                let bin = FIRST_BIN + u64::from(number);
                (Some(bin), vec![bin - 1, bin, bin + 1])
            }
            Some(Bin::Keyboard) => (Some(KEYBOARD), vec![KEYBOARD]),
            None => (None, Vec::new()),
        };
        let named: Vec<u64> = entities.iter().copied().filter(|entity| *entity != SITE).collect();
        let bursts = self.burst(&named, now_ms / BURST_SLOT_MS)?;
        let slot = now_ms / HOUR_SLOT_MS;
        let whats: Vec<u64> = core::iter::once(SLIDES).chain(bin).collect();
        self.add(slot, entities, &whats)?;
        let wanted: Vec<u64> = core::iter::once(SLIDES).chain(near).collect();
        let rows = self.sums(slot, entities, &wanted)?;
        let sum = |entity: u64, is_wanted: fn(u64) -> bool| {
            let counts = rows
                .iter()
                .filter(|r| r.entity == entity && is_wanted(r.what))
                .map(|r| r.count);
            counts.fold(0, u32::saturating_add)
        };
        let counts = entities.iter().map(|&entity| EntityCounts {
            burst: bursts
                .iter()
                .find(|row| row.entity == entity)
                .map_or(0, |row| row.count),
            hour: sum(entity, |what| what == SLIDES),
            same_duration: sum(entity, |what| what >= FIRST_BIN),
            keyboard: sum(entity, |what| what == KEYBOARD),
        });
        Ok(counts.collect())
    }

    /// Counts that an answer was given once more, and says how often it was within the hour.
    ///
    /// # Errors
    /// Those of the storage.
    pub fn answer(&self, entity: u64, now_ms: u64) -> Result<u32> {
        self.count(entity, ANSWERS, now_ms)
    }

    /// Notes a sampled visitor of this network, unless one was noted within the hour; whether it did.
    ///
    /// # Errors
    /// Those of the storage.
    pub fn note_sampled(&self, network: u64, now_ms: u64) -> Result<bool> {
        let rows = self.sums(now_ms / HOUR_SLOT_MS, &[network], &[SAMPLED])?;
        if rows.is_empty() {
            self.count(network, SAMPLED, now_ms)?;
        }
        Ok(rows.is_empty())
    }

    fn count(&self, entity: u64, what: u64, now_ms: u64) -> Result<u32> {
        self.make_room(now_ms)?;
        let slot = now_ms / HOUR_SLOT_MS;
        self.add(slot, &[entity], &[what])?;
        let rows = self.sums(slot, &[entity], &[what])?;
        Ok(rows.first().map_or(0, |row| row.count))
    }

    /// Slides of the site within the hour.
    ///
    /// # Errors
    /// Those of the storage.
    pub fn slides(&self, now_ms: u64) -> Result<u32> {
        let rows = self.sums(now_ms / HOUR_SLOT_MS, &[SITE], &[SLIDES])?;
        Ok(rows.first().map_or(0, |row| row.count))
    }

    /// Rows held.
    ///
    /// # Errors
    /// Those of the storage.
    pub fn count_rows(&self) -> Result<u64> {
        let query = "SELECT (SELECT COUNT(*) FROM counts) + (SELECT COUNT(*) FROM bursts) AS total";
        Ok(self.sql.exec(query, None)?.one::<Total>()?.total)
    }

    /// Forgets what no window reaches any longer.
    ///
    /// # Errors
    /// Those of the storage.
    pub fn forget(&self, now_ms: u64) -> Result<()> {
        let first_burst = (now_ms / BURST_SLOT_MS + 1).saturating_sub(BURST_SLOTS);
        let first_hour = (now_ms / HOUR_SLOT_MS + 1).saturating_sub(HOUR_SLOTS);
        self.sql
            .exec("DELETE FROM bursts WHERE slot < ?1", vec![integer(first_burst)])?;
        self.sql
            .exec("DELETE FROM counts WHERE slot < ?1", vec![integer(first_hour)])?;
        Ok(())
    }

    /// Under a flood of entities that are seen once, forgets those first: what was seen once says least (Manku and Motwani
    /// 2002, "Approximate frequency counts over data streams"). A tenth at a time, so that it is paid for rarely.
    fn make_room(&self, now_ms: u64) -> Result<()> {
        self.rows.set(self.rows.get() + ROWS_PER_SLIDE);
        if self.rows.get() <= MAX_ROWS {
            return Ok(());
        }
        self.forget(now_ms)?;
        let target = MAX_ROWS / 10 * 9;
        for which in ["count = 1 AND entity <> 0", "entity <> 0", "TRUE"] {
            let excess = self.count_rows()?.saturating_sub(target);
            if excess == 0 {
                break;
            }
            self.sql.exec(
                &format!(
                    "DELETE FROM counts WHERE (slot, entity, what) IN \
                     (SELECT slot, entity, what FROM counts WHERE {which} LIMIT ?1)"
                ),
                vec![integer(excess)],
            )?;
        }
        self.rows.set(self.count_rows()?);
        Ok(())
    }

    fn burst(&self, entities: &[u64], slot: u64) -> Result<Vec<BurstRow>> {
        if entities.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<String> = (0..entities.len()).map(|i| format!("(?1, ?{}, 1)", i + 2)).collect();
        let numbers = |first: u64| {
            core::iter::once(first)
                .chain(entities.iter().copied())
                .map(integer)
                .collect::<Vec<_>>()
        };
        self.sql.exec(
            &format!(
                "INSERT INTO bursts(slot, entity, count) VALUES {} ON CONFLICT(slot, entity) DO UPDATE SET count = count + 1",
                rows.join(", ")
            ),
            numbers(slot),
        )?;
        // At most five slots are left by the sweep below, so the range is short.
        let first = (slot + 1).saturating_sub(BURST_SLOTS);
        self.sql
            .exec("DELETE FROM bursts WHERE slot < ?1", vec![integer(first)])?;
        let slots: Vec<u64> = (first..=slot).collect();
        let query = format!(
            "SELECT entity, SUM(count) AS count FROM bursts WHERE slot IN ({}) AND entity IN ({}) GROUP BY entity",
            marks(1, slots.len()),
            marks(slots.len() + 1, entities.len())
        );
        let bindings = slots.iter().chain(entities).copied().map(integer).collect::<Vec<_>>();
        self.sql.exec(&query, bindings)?.to_array()
    }

    fn add(&self, slot: u64, entities: &[u64], whats: &[u64]) -> Result<()> {
        let mut bindings = vec![integer(slot)];
        let mut rows = Vec::new();
        for entity in entities {
            for what in whats {
                bindings.extend([integer(*entity), integer(*what)]);
                rows.push(format!("(?1, ?{}, ?{}, 1)", bindings.len() - 1, bindings.len()));
            }
        }
        self.sql.exec(
            &format!(
                "INSERT INTO counts(slot, entity, what, count) VALUES {} \
                 ON CONFLICT(slot, entity, what) DO UPDATE SET count = count + 1",
                rows.join(", ")
            ),
            bindings,
        )?;
        Ok(())
    }

    fn sums(&self, slot: u64, entities: &[u64], whats: &[u64]) -> Result<Vec<CountRow>> {
        let slots: Vec<u64> = ((slot + 1).saturating_sub(HOUR_SLOTS)..=slot).collect();
        let query = format!(
            "SELECT entity, what, SUM(count) AS count FROM counts \
             WHERE slot IN ({}) AND entity IN ({}) AND what IN ({}) GROUP BY entity, what",
            marks(1, slots.len()),
            marks(slots.len() + 1, entities.len()),
            marks(slots.len() + entities.len() + 1, whats.len())
        );
        let bindings = slots
            .iter()
            .chain(entities)
            .chain(whats)
            .copied()
            .map(integer)
            .collect::<Vec<_>>();
        self.sql.exec(&query, bindings)?.to_array()
    }
}
