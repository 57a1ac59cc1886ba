//! What can be spent once: a Durable Object in which one SQL statement decides.
//!
//! Ticket ids are spread over sixteen objects by their first hex digit, names of our own go to objects of their own;
//! each object handles its requests in turn,
//! so of any number of simultaneous attempts exactly one inserts the row.

use std::cell::Cell;

use parallax_captcha::ticket::TicketId;
use serde::{Deserialize, Serialize};
use worker::{
    Date, DurableObject, Env, Error, Method, Request, RequestInit, Response, Result, SqlStorageValue, State,
    durable_object,
};

use crate::failure::Failure;

/// Name of the binding.
const BINDING: &str = "SINGLE_USE";

/// Seconds between two sweeps of what need not be remembered any longer.
const SWEEP_SECONDS: u64 = 600;

/// What is asked of the object.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase")]
enum Ask {
    /// Spend `id`, storing `reply`; or, if it was spent under the same idempotency key, return what was stored.
    Spend {
        id: String,
        /// Unix seconds until which this must be remembered.
        keep_until: u64,
        idempotency_key: Option<String>,
        reply: String,
    },
    /// What was stored when `id` was spent under this idempotency key.
    Recall { id: String, idempotency_key: String },
}

/// The reply stored under `id`, if the caller may have it; `None` when spent before (or, for a recall, not spent).
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    reply: Option<String>,
}

#[derive(Deserialize)]
struct Row {
    reply: String,
}

#[derive(Deserialize)]
struct Count {
    count: u64,
}

/// Spends `id`; true for the first of all calls with it.
///
/// # Errors
/// [`Failure::Internal`] when the object cannot be reached: then nothing may be granted.
pub async fn spend(env: &Env, id: TicketId, keep_until: u64) -> Result<bool, Failure> {
    spend_named(env, &id.to_string(), keep_until).await
}

/// Spends a name of our own, such as "a refill in this minute".
///
/// # Errors
/// As [`spend`].
pub async fn spend_named(env: &Env, name: &str, keep_until: u64) -> Result<bool, Failure> {
    let ask = Ask::Spend {
        id: name.to_owned(),
        keep_until,
        idempotency_key: None,
        reply: String::new(),
    };
    Ok(call(env, name, &ask).await?.is_some())
}

/// Spends `id` and stores `reply` with it: `Some(reply)` for the first call, `Some` of what that one stored for a later
/// call with the same idempotency key, else `None`.
///
/// # Errors
/// As [`spend`].
pub async fn redeem(
    env: &Env,
    id: TicketId,
    keep_until: u64,
    idempotency_key: Option<String>,
    reply: String,
) -> Result<Option<String>, Failure> {
    let name = id.to_string();
    call(
        env,
        &name,
        &Ask::Spend {
            id: name.clone(),
            keep_until,
            idempotency_key,
            reply,
        },
    )
    .await
}

/// What was stored when `id` was spent under this idempotency key.
///
/// # Errors
/// As [`spend`].
pub async fn recall(env: &Env, id: TicketId, idempotency_key: String) -> Result<Option<String>, Failure> {
    let name = id.to_string();
    call(
        env,
        &name,
        &Ask::Recall {
            id: name.clone(),
            idempotency_key,
        },
    )
    .await
}

async fn call(env: &Env, name: &str, ask: &Ask) -> Result<Option<String>, Failure> {
    let internal = |what: &str| Failure::Internal(format!("single use: {what}"));
    let body = serde_json::to_string(ask).map_err(|_| internal("no JSON"))?;
    let shard = name.get(..1).unwrap_or_default();
    let stub = env.durable_object(BINDING)?.get_by_name(shard)?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(body.into()));
    let request = Request::new_with_init("http://single-use/", &init)?;
    let mut response = stub.fetch_with_request(request).await?;
    if response.status_code() != 200 {
        return Err(internal(&format!("status {}", response.status_code())));
    }
    let answer: Answer =
        serde_json::from_slice(&response.bytes().await?).map_err(|_| internal("an answer that is no JSON"))?;
    Ok(answer.reply)
}

/// The Durable Object.
#[durable_object(alarm)]
pub struct SingleUse {
    state: State,
    has_table: Cell<bool>,
    has_alarm: Cell<bool>,
}

impl DurableObject for SingleUse {
    fn new(state: State, _env: Env) -> Self {
        Self {
            state,
            has_table: Cell::new(false),
            has_alarm: Cell::new(false),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let ask = serde_json::from_slice(&request.bytes().await?).map_err(|e| Error::RustError(e.to_string()))?;
        self.prepare()?;
        let reply = match ask {
            Ask::Spend {
                id,
                keep_until,
                idempotency_key,
                reply,
            } => {
                let reply = self.insert(id, keep_until, idempotency_key, reply)?;
                self.ensure_alarm().await?;
                reply
            }
            Ask::Recall { id, idempotency_key } => self.select(id, idempotency_key)?,
        };
        Response::from_json(&Answer { reply })
    }

    async fn alarm(&self) -> Result<Response> {
        self.prepare()?;
        let sql = self.state.storage().sql();
        let now = i64::try_from(Date::now().as_millis() / 1000).unwrap_or(i64::MAX);
        sql.exec(
            "DELETE FROM used WHERE keep_until < ?1",
            vec![SqlStorageValue::Integer(now)],
        )?;
        let left: Count = sql.exec("SELECT COUNT(*) AS count FROM used", None)?.one()?;
        self.has_alarm.set(false);
        if left.count > 0 {
            self.ensure_alarm().await?;
        }
        Response::empty()
    }
}

impl SingleUse {
    fn prepare(&self) -> Result<()> {
        if !self.has_table.get() {
            self.state.storage().sql().exec(
                "CREATE TABLE IF NOT EXISTS used(id TEXT PRIMARY KEY, keep_until INTEGER NOT NULL, \
                 idempotency_key TEXT, reply TEXT NOT NULL) WITHOUT ROWID",
                None,
            )?;
            self.has_table.set(true);
        }
        Ok(())
    }

    /// The statement that decides. A new id is inserted and its reply returned. A known id meets the conflict clause,
    /// whose condition holds only if both keys are there and equal (NULL equals nothing); it changes nothing, but the
    /// stored reply is returned. Otherwise no row comes back: spent.
    fn insert(&self, id: String, keep_until: u64, key: Option<String>, reply: String) -> Result<Option<String>> {
        let rows = self.state.storage().sql().exec(
            "INSERT INTO used(id, keep_until, idempotency_key, reply) VALUES(?1, ?2, ?3, ?4) \
             ON CONFLICT(id) DO UPDATE SET id = id WHERE idempotency_key = excluded.idempotency_key \
             RETURNING reply",
            vec![
                SqlStorageValue::String(id),
                SqlStorageValue::Integer(i64::try_from(keep_until).unwrap_or(i64::MAX)),
                key.map_or(SqlStorageValue::Null, SqlStorageValue::String),
                SqlStorageValue::String(reply),
            ],
        )?;
        Ok(rows.to_array::<Row>()?.into_iter().next().map(|row| row.reply))
    }

    fn select(&self, id: String, key: String) -> Result<Option<String>> {
        let rows = self.state.storage().sql().exec(
            "SELECT reply FROM used WHERE id = ?1 AND idempotency_key = ?2",
            vec![SqlStorageValue::String(id), SqlStorageValue::String(key)],
        )?;
        Ok(rows.to_array::<Row>()?.into_iter().next().map(|row| row.reply))
    }

    async fn ensure_alarm(&self) -> Result<()> {
        if self.has_alarm.get() {
            return Ok(());
        }
        let storage = self.state.storage();
        if storage.get_alarm().await?.is_none() {
            storage
                .set_alarm(core::time::Duration::from_secs(SWEEP_SECONDS))
                .await?;
        }
        self.has_alarm.set(true);
        Ok(())
    }
}
