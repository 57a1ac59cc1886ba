//! Records of answered challenges, and the pictures they are about: one Durable Object, bounded, paged by id.
//!
//! Pictures are copied from their pack with the first record about them, since sets are replaced hourly and a trainer
//! comes by when it likes.

use std::cell::Cell;

use parallax_edge_shared::{
    digest::Digest,
    pack::{MAX_PNG_BYTES, Pack, Span},
    query::{MAX_PICTURES, MAX_RECORDS, Page, Record},
};
use serde::{Deserialize, Serialize};
use worker::{
    DurableObject, Env, Error, Range, Request, Response, Result, SqlStorage, SqlStorageValue, State, durable_object,
    js_sys::Uint8Array,
};

use crate::{durable, failure::Failure, store};

/// Name of the binding, and of the only object.
const BINDING: &str = "QUERY_LOG";
const NAME: &str = "all";

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS queries(id INTEGER PRIMARY KEY AUTOINCREMENT, pack TEXT NOT NULL, start INTEGER NOT NULL,
    record TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS queries_by_picture ON queries(pack, start);
CREATE TABLE IF NOT EXISTS pictures(id INTEGER PRIMARY KEY AUTOINCREMENT, pack TEXT NOT NULL, start INTEGER NOT NULL,
    png BLOB NOT NULL, UNIQUE(pack, start));
";

/// What is asked of the object, pictures aside: those travel as bytes, on paths of their own.
#[derive(Debug, Serialize, Deserialize)]
enum Ask {
    /// Keep a record: whether its picture is there already.
    Append { record: Box<Record> },
    /// Records after an id, NDJSON.
    Page { after: u64, limit: u32 },
    /// The record of an id, if there is one.
    Get { id: u64 },
    /// Delete all records up to an id: how many there were.
    Delete { through: u64 },
}

/// Records an answer, and its picture with the first answer to it.
///
/// # Errors
/// [`Failure::Internal`] when log or bucket cannot be reached.
pub async fn append(env: &Env, record: Record) -> std::result::Result<(), Failure> {
    let (pack, span) = (record.pack, record.span);
    let ask = Ask::Append {
        record: Box::new(record),
    };
    let has_picture: bool = durable::ask(env, BINDING, NAME, &ask).await?;
    if has_picture {
        return Ok(());
    }
    if let Some(png) = from_pack(env, pack, span).await? {
        let path = format!("/picture/{pack}/{}", span.offset);
        durable::send(env, BINDING, NAME, &path, Uint8Array::from(&*png).into()).await?;
    }
    Ok(())
}

/// A page of records, NDJSON.
///
/// # Errors
/// [`Failure::Internal`] when the log cannot be reached.
pub async fn page(env: &Env, page: Page) -> std::result::Result<Response, Failure> {
    let Page { after, limit } = page;
    let ask = serde_json::to_string(&Ask::Page { after, limit }).map_err(|e| Failure::Internal(e.to_string()))?;
    durable::send(env, BINDING, NAME, "/", ask.into()).await
}

/// Deletes all records up to `through`, and pictures that no record is about any longer; how many records there were.
///
/// # Errors
/// [`Failure::Internal`] when the log cannot be reached.
pub async fn delete(env: &Env, through: u64) -> std::result::Result<u64, Failure> {
    durable::ask(env, BINDING, NAME, &Ask::Delete { through }).await
}

/// The picture that record `id` is about, PNG; `None` when there is no such record, or the picture is gone.
///
/// # Errors
/// [`Failure::Internal`] when log or bucket cannot be reached.
pub async fn picture(env: &Env, id: u64) -> std::result::Result<Option<Vec<u8>>, Failure> {
    let record: Option<Record> = durable::ask(env, BINDING, NAME, &Ask::Get { id }).await?;
    let Some(Record { pack, span, .. }) = record else {
        return Ok(None);
    };
    let path = format!("/kept/{pack}/{}", span.offset);
    let kept = durable::send(env, BINDING, NAME, &path, "".into())
        .await?
        .bytes()
        .await?;
    if kept.is_empty() {
        return from_pack(env, pack, span).await;
    }
    Ok(Some(kept))
}

/// The picture as it lies in its pack; `None` once the pack is deleted.
async fn from_pack(env: &Env, pack: Digest, span: Span) -> std::result::Result<Option<Vec<u8>>, Failure> {
    if span.length > MAX_PNG_BYTES {
        return Ok(None);
    }
    let range = Range::OffsetWithLength {
        offset: span.offset.into(),
        length: span.length.into(),
    };
    let object = store::bucket(env)?.get(Pack::key(pack)).range(range).execute().await?;
    match object.as_ref().and_then(worker::Object::body) {
        Some(body) => Ok(Some(body.bytes().await?)),
        None => Ok(None),
    }
}

/// The Durable Object.
#[durable_object]
pub struct QueryLog {
    state: State,
    has_tables: Cell<bool>,
}

#[derive(Deserialize)]
struct Row {
    id: u64,
    record: String,
}

#[derive(Deserialize)]
struct Total {
    total: u64,
}

fn integer(value: u64) -> SqlStorageValue {
    SqlStorageValue::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

impl DurableObject for QueryLog {
    fn new(state: State, _env: Env) -> Self {
        Self {
            state,
            has_tables: Cell::new(false),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let path = request.path();
        let body = request.bytes().await?;
        let sql = self.tables()?;
        let mut segments = path.split('/').skip(1);
        match (segments.next(), segments.next(), segments.next()) {
            (Some("picture"), Some(pack), Some(start)) => {
                put_picture(&sql, pack, start, body)?;
                Response::ok("")
            }
            (Some("kept"), Some(pack), Some(start)) => Response::from_bytes(get_picture(&sql, pack, start)?),
            _ => answer(&sql, &body),
        }
    }
}

impl QueryLog {
    fn tables(&self) -> Result<SqlStorage> {
        let sql = self.state.storage().sql();
        if !self.has_tables.replace(true) {
            sql.exec(TABLES, None)?;
        }
        Ok(sql)
    }
}

fn answer(sql: &SqlStorage, body: &[u8]) -> Result<Response> {
    let ask = serde_json::from_slice(body).map_err(|e| Error::RustError(e.to_string()))?;
    match ask {
        Ask::Append { record } => Response::from_json(&insert(sql, &record)?),
        Ask::Page { after, limit } => Response::ok(lines(sql, after, limit)?),
        Ask::Get { id } => Response::from_json(&get(sql, id)?),
        Ask::Delete { through } => Response::from_json(&remove(sql, through)?),
    }
}

/// Whether the record's picture is there.
fn insert(sql: &SqlStorage, record: &Record) -> Result<bool> {
    let json = serde_json::to_string(record).map_err(|e| Error::RustError(e.to_string()))?;
    let (pack, start) = (record.pack.to_string(), u64::from(record.span.offset));
    let row = vec![
        SqlStorageValue::String(pack.clone()),
        integer(start),
        SqlStorageValue::String(json),
    ];
    sql.exec("INSERT INTO queries(pack, start, record) VALUES(?1, ?2, ?3)", row)?;
    trim(sql, "queries", MAX_RECORDS)?;
    let query = "SELECT COUNT(*) AS total FROM pictures WHERE pack = ?1 AND start = ?2";
    let found: Total = sql
        .exec(query, vec![SqlStorageValue::String(pack), integer(start)])?
        .one()?;
    Ok(found.total > 0)
}

/// Leaves the newest rows of a table of ours.
fn trim(sql: &SqlStorage, table: &str, most: u64) -> Result<()> {
    let query = format!("DELETE FROM {table} WHERE id <= (SELECT MAX(id) FROM {table}) - ?1");
    sql.exec(&query, vec![integer(most)]).map(drop)
}

fn rows(sql: &SqlStorage, after: u64, limit: u32) -> Result<Vec<Row>> {
    let query = "SELECT id, record FROM queries WHERE id > ?1 ORDER BY id LIMIT ?2";
    sql.exec(query, vec![integer(after), integer(limit.into())])?.to_array()
}

fn lines(sql: &SqlStorage, after: u64, limit: u32) -> Result<String> {
    // A record is an object of ours: its members follow the id.
    let line = |Row { id, record }: Row| Some(format!("{{\"id\":{id},{}\n", record.strip_prefix('{')?));
    Ok(rows(sql, after, limit)?.into_iter().filter_map(line).collect())
}

fn get(sql: &SqlStorage, id: u64) -> Result<Option<Record>> {
    let Some(after) = id.checked_sub(1) else {
        return Ok(None);
    };
    let found = rows(sql, after, 1)?.into_iter().find(|row| row.id == id);
    let parsed = found
        .map(|row| serde_json::from_slice(row.record.as_bytes()))
        .transpose();
    parsed.map_err(|e| Error::RustError(e.to_string()))
}

fn remove(sql: &SqlStorage, through: u64) -> Result<u64> {
    let query = "SELECT COUNT(*) AS total FROM queries WHERE id <= ?1";
    let found: Total = sql.exec(query, vec![integer(through)])?.one()?;
    sql.exec("DELETE FROM queries WHERE id <= ?1", vec![integer(through)])?;
    sql.exec(
        "DELETE FROM pictures WHERE NOT EXISTS \
         (SELECT 1 FROM queries WHERE queries.pack = pictures.pack AND queries.start = pictures.start)",
        None,
    )?;
    Ok(found.total)
}

fn put_picture(sql: &SqlStorage, pack: &str, start: &str, png: Vec<u8>) -> Result<()> {
    let row = vec![
        SqlStorageValue::String(pack.to_owned()),
        SqlStorageValue::String(start.to_owned()),
        SqlStorageValue::Blob(png),
    ];
    let query = "INSERT INTO pictures(pack, start, png) VALUES(?1, CAST(?2 AS INTEGER), ?3) ON CONFLICT DO NOTHING";
    sql.exec(query, row)?;
    trim(sql, "pictures", MAX_PICTURES)
}

/// Empty where it is not kept.
fn get_picture(sql: &SqlStorage, pack: &str, start: &str) -> Result<Vec<u8>> {
    let query = "SELECT png FROM pictures WHERE pack = ?1 AND start = CAST(?2 AS INTEGER)";
    let bindings = vec![
        SqlStorageValue::String(pack.to_owned()),
        SqlStorageValue::String(start.to_owned()),
    ];
    match sql
        .exec(query, bindings)?
        .raw()
        .next()
        .transpose()?
        .and_then(|row| row.into_iter().next())
    {
        Some(SqlStorageValue::Blob(png)) => Ok(png),
        _ => Ok(Vec::new()),
    }
}
