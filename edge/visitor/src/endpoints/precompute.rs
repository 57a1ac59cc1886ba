//! What only the precompute path can answer: handed on to it, over the service binding.

use worker::{Method, Request, RequestInit, Response, ResponseBuilder, wasm_bindgen::JsValue};

use super::Call;
use crate::failure::Failure;

/// Name of the service binding.
const BINDING: &str = "PRECOMPUTE";

/// Asks the precompute path and passes on what it answers, refusals included; they are in the words of `/admin/v1/*`.
///
/// # Errors
/// [`Failure::Internal`] when it cannot be reached, or fails.
pub async fn send(method: Method, path: &str, body: Option<JsValue>, call: &Call) -> Result<Response, Failure> {
    let mut init = RequestInit::new();
    init.with_method(method).with_body(body);
    let request = Request::new_with_init(&format!("http://precompute{path}"), &init)?;
    let response = call.env.service(BINDING)?.fetch_request(request).await?;
    let status = response.status_code();
    if status >= 500 {
        return Err(Failure::Internal(format!("the precompute path answers {status}")));
    }
    // Its headers are immutable; a fresh response takes over the body.
    let (_, body) = response.into_parts();
    let builder = ResponseBuilder::new()
        .with_status(status)
        .with_header("content-type", "application/json")?
        .with_header("cache-control", "no-store")?;
    Ok(builder.body(body))
}
