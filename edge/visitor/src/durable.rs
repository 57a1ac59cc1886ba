//! Speaking to a Durable Object: JSON there and back, within a time limit.

use core::time::Duration;

use futures_util::future::{Either, select};
use serde::{Serialize, de::DeserializeOwned};
use worker::{Delay, Env, Method, Request, RequestInit, Response};

use crate::failure::Failure;

/// Sends `ask` to the object `name` of `binding` and reads what it answers.
///
/// # Errors
/// [`Failure::Internal`] when the object is not bound, cannot be reached or answers anything but JSON with status 200.
pub async fn ask<A: Serialize, R: DeserializeOwned>(
    env: &Env,
    binding: &str,
    name: &str,
    ask: &A,
) -> Result<R, Failure> {
    let body = serde_json::to_string(ask).map_err(|e| Failure::Internal(format!("{binding}: {e}")))?;
    let mut response = send(env, binding, name, "/", body.into()).await?;
    serde_json::from_slice(&response.bytes().await?).map_err(|e| Failure::Internal(format!("{binding} answers: {e}")))
}

/// Posts `body` to `path` of the object; the response has status 200.
///
/// # Errors
/// As [`ask`].
pub async fn send(
    env: &Env,
    binding: &str,
    name: &str,
    path: &str,
    body: worker::wasm_bindgen::JsValue,
) -> Result<Response, Failure> {
    let stub = env.durable_object(binding)?.get_by_name(name)?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(body));
    let request = Request::new_with_init(&format!("http://object{path}"), &init)?;
    let response = stub.fetch_with_request(request).await?;
    match response.status_code() {
        200 => Ok(response),
        status => Err(Failure::Internal(format!("{binding}: status {status}"))),
    }
}

/// What `work` comes to, unless it takes longer than `limit_ms`.
///
/// # Errors
/// Those of `work`; [`Failure::Internal`] when it takes longer.
pub async fn within<T>(limit_ms: u64, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let limit = Delay::from(Duration::from_millis(limit_ms));
    match select(core::pin::pin!(work), core::pin::pin!(limit)).await {
        Either::Left((done, _)) => done,
        Either::Right(((), _)) => Err(Failure::Internal(format!("no answer within {limit_ms} ms"))),
    }
}
