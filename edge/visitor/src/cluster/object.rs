//! The Durable Object that counts for one site.

use std::cell::{Cell, RefCell};

use parallax_captcha::{
    risk::{
        cluster::{Counts, EntityCounts, MAX_TRACES, TraceMemory},
        similarity::Signature,
    },
    wire::Trace,
};
use parallax_edge_shared::{
    admin::SiteRisk,
    claims::SESSION_SECONDS,
    digest::Digest,
    throttle::{Level, Throttle},
};
use serde::Deserialize;
use worker::{
    Date, DurableObject, Env, Error, Request, Response, Result, SqlStorage, SqlStorageValue, State, durable_object,
};

use super::{
    Ask, Moved, Observation, SlideReply,
    tables::{Counters, SITE},
};

/// Seconds between two sweeps of what need not be remembered any longer.
const SWEEP_SECONDS: u64 = 600;

/// How long a trace can be recognised, milliseconds: a day, after which a recording counts as new.
const TRACE_MS: u64 = 86_400_000;

/// So many copies of one trace are remembered; more would say nothing new, and crowd out others.
const MAX_COPIES: u32 = 32;

/// Slides that are recognised when they are sent again (a lost answer, a picture that was not there yet): those of a
/// session's life, at 100 a second. In a table, not in memory: the platform puts an object away after seconds of silence.
const MAX_SLIDES: u64 = 65_536;

/// Raw traces a site that opts in has at most, and how long, milliseconds: a week.
const MAX_KEPT: u64 = 1000;
const KEPT_MS: u64 = 7 * 86_400_000;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS traces(id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL,
    a INTEGER NOT NULL, b INTEGER NOT NULL, c INTEGER NOT NULL, d INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS slides(id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL,
    slide TEXT NOT NULL UNIQUE, counts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS throttle(id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS kept(id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, trace TEXT NOT NULL);
";

/// The Durable Object.
#[durable_object(alarm)]
pub struct Cluster {
    state: State,
    opened: RefCell<Option<Opened>>,
    has_alarm: Cell<bool>,
}

/// What is in memory while the object is.
struct Opened {
    sql: SqlStorage,
    counters: Counters,
    traces: TraceMemory,
    throttle: Throttle,
}

#[derive(Deserialize)]
struct SlideRow {
    counts: String,
}

#[derive(Deserialize)]
struct TraceRow {
    at: u64,
    a: u32,
    b: u32,
    c: u32,
    d: u32,
}

#[derive(Deserialize)]
struct KeptRow {
    id: u64,
    at: u64,
    trace: String,
}

#[derive(Deserialize)]
struct ThrottleRow {
    state: String,
}

#[derive(Deserialize)]
struct Total {
    total: u64,
}

fn integer(value: u64) -> SqlStorageValue {
    SqlStorageValue::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

impl DurableObject for Cluster {
    fn new(state: State, _env: Env) -> Self {
        Self {
            state,
            opened: RefCell::new(None),
            has_alarm: Cell::new(false),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let ask = serde_json::from_slice(&request.bytes().await?).map_err(|e| Error::RustError(e.to_string()))?;
        let now_ms = Date::now().as_millis();
        let response = self.with(|opened| match ask {
            Ask::Slide(seen) => Response::from_json(&SlideReply {
                counts: opened.slide(*seen, now_ms)?,
                level: opened.throttle.level,
            }),
            Ask::Answer { entity } => Response::from_json(&opened.counters.answer(entity, now_ms)?),
            Ask::Sampled { network, read, level } => {
                Response::from_json(&opened.sampled(network, read, level, now_ms)?)
            }
            Ask::Read => Response::from_json(&opened.read(now_ms)?),
            Ask::Traces { after, limit } => Response::ok(opened.kept(after, limit)?),
        })?;
        self.ensure_alarm().await?;
        Ok(response)
    }

    async fn alarm(&self) -> Result<Response> {
        let now_ms = Date::now().as_millis();
        let is_empty = self.with(|opened| opened.forget(now_ms))?;
        self.has_alarm.set(false);
        if !is_empty {
            self.ensure_alarm().await?;
        }
        Response::empty()
    }
}

impl Cluster {
    /// Runs `work`, which awaits nothing: requests are counted one after the other.
    fn with<T>(&self, work: impl FnOnce(&mut Opened) -> Result<T>) -> Result<T> {
        let mut slot = self
            .opened
            .try_borrow_mut()
            .map_err(|e| Error::RustError(e.to_string()))?;
        let opened = match slot.take() {
            Some(opened) => opened,
            None => Opened::open(self.state.storage().sql())?,
        };
        // A storage that failed may have changed without the memory: it is then read anew.
        let mut opened = opened;
        let done = work(&mut opened)?;
        *slot = Some(opened);
        Ok(done)
    }

    async fn ensure_alarm(&self) -> Result<()> {
        if self.has_alarm.replace(true) {
            return Ok(());
        }
        let storage = self.state.storage();
        if storage.get_alarm().await?.is_none() {
            storage
                .set_alarm(core::time::Duration::from_secs(SWEEP_SECONDS))
                .await?;
        }
        Ok(())
    }
}

impl Opened {
    fn open(sql: SqlStorage) -> Result<Self> {
        sql.exec(TABLES, None)?;
        let counters = Counters::open(sql.clone())?;
        let mut traces = TraceMemory::default();
        let query = "SELECT at, a, b, c, d FROM traces ORDER BY id";
        for TraceRow { at, a, b, c, d } in sql.exec(query, None)?.to_array()? {
            traces.push(at, Signature([a, b, c, d]));
        }
        let rows: Vec<ThrottleRow> = sql.exec("SELECT state FROM throttle", None)?.to_array()?;
        let throttle = rows
            .first()
            .and_then(|row| serde_json::from_slice(row.state.as_bytes()).ok());
        Ok(Self {
            sql,
            counters,
            traces,
            throttle: throttle.unwrap_or_default(),
        })
    }

    /// Where a sampled visitor moved the level. A network counts once an hour.
    fn sampled(&mut self, network: u64, read: bool, level: Level, now_ms: u64) -> Result<Option<Moved>> {
        // What does not count is not noted either: else a busy network would count only once.
        if level != self.throttle.level || !self.counters.note_sampled(network, now_ms)? {
            return Ok(None);
        }
        let before = self.throttle.observe(read, level);
        let json = serde_json::to_string(&self.throttle).map_err(|e| Error::RustError(e.to_string()))?;
        self.sql.exec(
            "INSERT INTO throttle(id, state) VALUES(1, ?1) ON CONFLICT(id) DO UPDATE SET state = ?1",
            vec![SqlStorageValue::String(json)],
        )?;
        Ok(before.map(|before| Moved {
            before,
            now: self.throttle.level,
        }))
    }

    fn slide(&mut self, mut seen: Observation, now_ms: u64) -> Result<Counts> {
        let kept = seen.kept.take();
        // Session and slide: else another slide, sent while the session is not spent yet, would pass for this one.
        let json = serde_json::to_vec(&seen).map_err(|e| Error::RustError(e.to_string()))?;
        let slide = Digest::of(&json);
        if let Some(counts) = self.counted_before(slide)? {
            return Ok(counts);
        }
        let (near_traces, traces) = match seen.signature {
            Some(signature) => self.compare(signature, now_ms)?,
            None => (0, 0),
        };
        let named = [seen.address, seen.account, seen.device];
        let entities: Vec<u64> = core::iter::once(SITE).chain(named.into_iter().flatten()).collect();
        let counted = self.counters.slide(&entities, seen.bin, now_ms)?;
        let of = |entity: Option<u64>| {
            let found = entities.iter().zip(&counted).find(|(known, _)| Some(**known) == entity);
            found.map(|(_, counts)| *counts)
        };
        let counts = Counts {
            site: counted.first().copied().unwrap_or(EntityCounts::default()),
            address: of(seen.address),
            account: of(seen.account),
            device: of(seen.device),
            near_traces,
            traces,
        };
        if let Some(trace) = kept {
            self.keep(&trace, now_ms)?;
        }
        let json = serde_json::to_string(&counts).map_err(|e| Error::RustError(e.to_string()))?;
        let row = vec![
            integer(now_ms),
            SqlStorageValue::String(slide.to_string()),
            SqlStorageValue::String(json),
        ];
        self.sql
            .exec("INSERT INTO slides(at, slide, counts) VALUES(?1, ?2, ?3)", row)?;
        self.trim("slides", MAX_SLIDES)?;
        Ok(counts)
    }

    /// What was said when this slide of this session was counted.
    fn counted_before(&self, slide: Digest) -> Result<Option<Counts>> {
        let query = "SELECT counts FROM slides WHERE slide = ?1";
        let bindings = vec![SqlStorageValue::String(slide.to_string())];
        let rows: Vec<SlideRow> = self.sql.exec(query, bindings)?.to_array()?;
        let parsed = rows.first().map(|row| serde_json::from_slice(row.counts.as_bytes()));
        parsed.transpose().map_err(|e| Error::RustError(e.to_string()))
    }

    /// Compares a trace with those before it, then remembers it.
    fn compare(&mut self, signature: Signature, now_ms: u64) -> Result<(u32, u32)> {
        self.traces.forget_before(now_ms.saturating_sub(TRACE_MS));
        let (near, all) = self.traces.near(signature);
        if near < MAX_COPIES {
            let [a, b, c, d] = signature.0;
            let row = [now_ms, a.into(), b.into(), c.into(), d.into()].map(integer);
            self.sql.exec(
                "INSERT INTO traces(at, a, b, c, d) VALUES(?1, ?2, ?3, ?4, ?5)",
                row.to_vec(),
            )?;
            self.trim("traces", MAX_TRACES as u64)?;
            self.traces.push(now_ms, signature);
        }
        Ok((near, all))
    }

    fn keep(&self, trace: &Trace, now_ms: u64) -> Result<()> {
        let json = serde_json::to_string(trace).map_err(|e| Error::RustError(e.to_string()))?;
        let row = vec![integer(now_ms), SqlStorageValue::String(json)];
        self.sql.exec("INSERT INTO kept(at, trace) VALUES(?1, ?2)", row)?;
        self.trim("kept", MAX_KEPT)
    }

    /// Leaves the newest rows of a table of ours.
    fn trim(&self, table: &str, most: u64) -> Result<()> {
        let query = format!("DELETE FROM {table} WHERE id <= (SELECT MAX(id) FROM {table}) - ?1");
        self.sql.exec(&query, vec![integer(most)]).map(drop)
    }

    /// One line a trace: `{"id":1,"at":...,"trace":{...}}`.
    fn kept(&self, after: u64, limit: u32) -> Result<String> {
        let query = "SELECT id, at, trace FROM kept WHERE id > ?1 ORDER BY id LIMIT ?2";
        let rows: Vec<KeptRow> = self
            .sql
            .exec(query, vec![integer(after), integer(limit.into())])?
            .to_array()?;
        let lines = rows
            .iter()
            .map(|KeptRow { id, at, trace }| format!("{{\"id\":{id},\"time\":{},\"trace\":{trace}}}\n", at / 1000));
        Ok(lines.collect())
    }

    fn read(&self, now_ms: u64) -> Result<SiteRisk> {
        let kept: Total = self.sql.exec("SELECT COUNT(*) AS total FROM kept", None)?.one()?;
        Ok(SiteRisk {
            slides: self.counters.slides(now_ms)?,
            counters: self.counters.count_rows()?,
            signatures: self.traces.len() as u64,
            kept_traces: kept.total,
            throttle: self.throttle,
        })
    }

    /// Forgets what is too old; whether nothing is left.
    fn forget(&mut self, now_ms: u64) -> Result<bool> {
        self.counters.forget(now_ms)?;
        let (traces_from, kept_from) = (now_ms.saturating_sub(TRACE_MS), now_ms.saturating_sub(KEPT_MS));
        self.traces.forget_before(traces_from);
        self.sql
            .exec("DELETE FROM traces WHERE at < ?1", vec![integer(traces_from)])?;
        self.sql
            .exec("DELETE FROM kept WHERE at < ?1", vec![integer(kept_from)])?;
        let slides_from = now_ms.saturating_sub(SESSION_SECONDS * 1000);
        self.sql
            .exec("DELETE FROM slides WHERE at < ?1", vec![integer(slides_from)])?;
        let held = self.read(now_ms)?;
        Ok(held.counters == 0 && held.signatures == 0 && held.kept_traces == 0)
    }
}
