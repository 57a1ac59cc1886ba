//! Image sets as the visitor path sees them: which one is served, and its index, kept in the isolate for a moment.

use std::{cell::RefCell, rc::Rc};

use parallax_edge_shared::{
    digest::Digest,
    image_set::{CURRENT_KEY, Current, SetIndex},
};
use worker::{Bucket, Env, console_error};

use crate::failure::Failure;

/// Name of the binding.
pub const BINDING: &str = "SETS";

/// How long what was read is believed, milliseconds: a refreshed set is served everywhere this much later.
const BELIEVED_MS: u64 = 5_000;

thread_local! {
    static KNOWN: RefCell<Option<Known>> = const { RefCell::new(None) };
}

#[derive(Clone)]
struct Known {
    read_at_ms: u64,
    set: Rc<SetIndex>,
}

/// The bucket.
///
/// # Errors
/// [`Failure::Internal`] when it is not bound.
pub fn bucket(env: &Env) -> Result<Bucket, Failure> {
    Ok(env.bucket(BINDING)?)
}

/// The set that is served at `now_ms`, or `None` while there is none.
///
/// When the newest set cannot be read, the one before it is served: pictures a little too old beat none.
///
/// # Errors
/// [`Failure::Internal`] when the bucket cannot be reached.
pub async fn served(env: &Env, now_ms: u64) -> Result<Option<Rc<SetIndex>>, Failure> {
    let known = KNOWN.with_borrow(Clone::clone);
    if let Some(known) = &known
        && now_ms.saturating_sub(known.read_at_ms) < BELIEVED_MS
    {
        return Ok(Some(Rc::clone(&known.set)));
    }
    let bucket = bucket(env)?;
    let current = match (current(&bucket).await, &known) {
        (Ok(current), _) => current,
        (Err(failure), Some(known)) => {
            console_error!("serving on: {failure}");
            return Ok(Some(Rc::clone(&known.set)));
        }
        (Err(failure), None) => return Err(failure),
    };
    for id in current.active.iter().chain(&current.retired) {
        let set = match &known {
            Some(known) if known.set.id == *id => Some(Rc::clone(&known.set)),
            _ => index(&bucket, *id).await?.map(Rc::new),
        };
        if let Some(set) = set {
            KNOWN.set(Some(Known {
                read_at_ms: now_ms,
                set: Rc::clone(&set),
            }));
            return Ok(Some(set));
        }
    }
    Ok(None)
}

/// Which sets there are; none when nothing was ever made.
///
/// # Errors
/// [`Failure::Internal`] when the bucket cannot be reached, or holds something else under that key.
pub async fn current(bucket: &Bucket) -> Result<Current, Failure> {
    match read(bucket, CURRENT_KEY).await? {
        Some(json) => Current::decode(&json).map_err(|e| Failure::Internal(format!("{CURRENT_KEY}: {e}"))),
        None => Ok(Current::default()),
    }
}

/// The index of a set; `None` when it is gone or not believed (the log says why).
///
/// # Errors
/// [`Failure::Internal`] when the bucket cannot be reached.
pub async fn index(bucket: &Bucket, id: Digest) -> Result<Option<SetIndex>, Failure> {
    let key = SetIndex::key(id);
    let Some(json) = read(bucket, &key).await? else {
        console_error!("{key} is named but not there");
        return Ok(None);
    };
    match SetIndex::decode(&json) {
        Ok(set) => Ok(Some(set)),
        Err(error) => {
            console_error!("{key}: {error}");
            Ok(None)
        }
    }
}

/// A whole object.
///
/// # Errors
/// [`Failure::Internal`] when the bucket cannot be reached.
pub async fn read(bucket: &Bucket, key: &str) -> Result<Option<Vec<u8>>, Failure> {
    let Some(object) = bucket.get(key).execute().await? else {
        return Ok(None);
    };
    match object.body() {
        Some(body) => Ok(Some(body.bytes().await?)),
        None => Ok(None),
    }
}
