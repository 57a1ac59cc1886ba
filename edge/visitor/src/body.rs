//! Reading what was sent, never more of it than allowed.

use futures_util::StreamExt;
use js_sys::Uint8Array;
use parallax_captcha::wire::ErrorCode;
use parallax_edge_shared::admin::AdminErrorCode;
use serde::de::DeserializeOwned;
use worker::{FormData, Request};

use crate::failure::Failure;

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// It is of another type.
    MediaType,
    /// It is longer than allowed.
    TooLarge,
    /// It is not what its type says, lacks a field, or broke off.
    Malformed,
}

impl BodyError {
    /// In the words of `/v1/*`.
    #[must_use]
    pub fn for_visitor(self) -> Failure {
        match self {
            Self::MediaType => Failure::refused(ErrorCode::UnsupportedMediaType, "Send application/json."),
            Self::TooLarge => Failure::refused(ErrorCode::PayloadTooLarge, "The body is too large."),
            Self::Malformed => Failure::refused(ErrorCode::BadRequest, "The body is not of the documented form."),
        }
    }

    /// In the words of `/admin/v1/*`.
    #[must_use]
    pub fn for_admin(self) -> Failure {
        match self {
            Self::MediaType => Failure::admin(AdminErrorCode::UnsupportedMediaType, "Send application/json."),
            Self::TooLarge => Failure::admin(AdminErrorCode::PayloadTooLarge, "The body is too large."),
            Self::Malformed => Failure::admin(AdminErrorCode::BadRequest, "The body is not of the documented form."),
        }
    }
}

/// The media type of a request, lower case, without parameters; empty where none is given.
#[must_use]
pub fn media_type(request: &Request) -> String {
    let header = request.headers().get("content-type").ok().flatten().unwrap_or_default();
    header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// How many bytes a body is said to have.
#[must_use]
pub fn declared_length(request: &Request) -> Option<usize> {
    let header = request.headers().get("content-length").ok().flatten();
    header.and_then(|length| length.parse().ok())
}

/// A JSON body of at most `limit` bytes.
///
/// # Errors
/// [`BodyError`].
pub async fn json<T: DeserializeOwned>(request: &mut Request, limit: usize) -> Result<T, BodyError> {
    if media_type(request) != "application/json" {
        return Err(BodyError::MediaType);
    }
    let bytes = bytes(request, limit).await?;
    serde_json::from_slice(&bytes).map_err(|_| BodyError::Malformed)
}

/// A form, URL-encoded or multipart, of at most `limit` bytes.
///
/// # Errors
/// [`BodyError`].
pub async fn form(request: &mut Request, limit: usize) -> Result<FormData, BodyError> {
    if !matches!(
        &*media_type(request),
        "application/x-www-form-urlencoded" | "multipart/form-data"
    ) {
        return Err(BodyError::MediaType);
    }
    // With its parameters: a multipart body cannot be read without its boundary.
    let content_type = request
        .headers()
        .get("content-type")
        .ok()
        .flatten()
        .ok_or(BodyError::MediaType)?;
    let bytes = bytes(request, limit).await?;
    parse_form(&content_type, &bytes)
        .await
        .map_err(|_| BodyError::Malformed)
}

/// The platform's own parser, given only what [`bytes`] let through.
async fn parse_form(content_type: &str, bytes: &[u8]) -> Result<FormData, worker::Error> {
    let headers = worker::Headers::new();
    headers.set("content-type", content_type)?;
    let mut init = worker::RequestInit::new();
    init.with_method(worker::Method::Post)
        .with_headers(headers)
        .with_body(Some(Uint8Array::from(bytes).into()));
    Request::new_with_init("http://form/", &init)?.form_data().await
}

/// At most `limit` bytes; what is declared longer is not read at all, what turns out longer only up to there.
///
/// # Errors
/// [`BodyError::TooLarge`], [`BodyError::Malformed`] when the connection breaks.
pub async fn bytes(request: &mut Request, limit: usize) -> Result<Vec<u8>, BodyError> {
    let declared = declared_length(request);
    if declared.is_some_and(|length| length > limit) {
        return Err(BodyError::TooLarge);
    }
    let platform: &web_sys::Request = request.inner();
    if platform.body().is_none() {
        return Ok(Vec::new());
    }
    let mut stream = request.stream().map_err(|_| BodyError::Malformed)?;
    let mut read = Vec::with_capacity(declared.unwrap_or(0));
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| BodyError::Malformed)?;
        if read.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge);
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read)
}
