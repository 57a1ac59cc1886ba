//! `/admin/v1/queries`: records of answered challenges for the trainer, read, looked at and deleted.

use parallax_edge_shared::{
    admin::AdminErrorCode,
    query::{self, Deleted, ParameterError},
};
use worker::{Request, Response, ResponseBuilder};

use super::Call;
use crate::{failure::Failure, query_log, reply};

/// `GET /admin/v1/queries?after=CURSOR&limit=N`: NDJSON; the id of the last line is the next cursor, an empty page is the
/// end.
pub async fn list(request: &Request, call: &Call) -> Result<Response, Failure> {
    let page = query::page(parameters(&request.inner().url())).map_err(out_of_range)?;
    ndjson(query_log::page(&call.env, page).await?).await
}

/// `DELETE /admin/v1/queries?through=CURSOR`
pub async fn delete(request: &Request, call: &Call) -> Result<Response, Failure> {
    let through = query::through(parameters(&request.inner().url())).map_err(out_of_range)?;
    let deleted = query_log::delete(&call.env, through).await?;
    Ok(reply::json(200, &Deleted { deleted })?)
}

/// `GET /admin/v1/queries/{id}/image`: PNG.
pub async fn picture(id: &str, call: &Call) -> Result<Response, Failure> {
    let missing = || {
        Failure::admin(
            AdminErrorCode::NotFound,
            "There is no such record, or its picture is gone.",
        )
    };
    let id = query::cursor(id, "id").map_err(|_| missing())?;
    let png = query_log::picture(&call.env, id).await?.ok_or_else(missing)?;
    let builder = ResponseBuilder::new()
        .with_header("content-type", "image/png")?
        .with_header("cache-control", "no-store")?;
    Ok(builder.fixed(png))
}

/// `name=value` pairs as they stand: no value that is taken needs percent-encoding.
pub fn parameters(url: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = url
        .split('#')
        .next()
        .and_then(|url| url.split_once('?'))
        .map_or("", |(_, query)| query);
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// The refusal of a parameter.
pub fn out_of_range(error: ParameterError) -> Failure {
    Failure::Admin {
        code: AdminErrorCode::BadRequest,
        message: "A parameter is missing, unknown or out of range.".to_owned(),
        field: Some(error.field),
    }
}

/// A Durable Object's response has immutable headers; a fresh one takes over its text.
///
/// # Errors
/// Those of the platform.
pub async fn ndjson(mut lines: Response) -> Result<Response, Failure> {
    let builder = ResponseBuilder::new()
        .with_header("content-type", "application/x-ndjson")?
        .with_header("cache-control", "no-store")?;
    Ok(builder.fixed(lines.bytes().await?))
}
