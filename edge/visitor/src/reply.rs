//! What goes back: JSON, errors in the words of each area, headers that every response carries, CORS.

use parallax_captcha::wire::{ErrorBody, ErrorCode, ErrorReply};
use parallax_edge_shared::{
    admin::{AdminError, AdminErrorCode, AdminErrorReply},
    siteverify::Case,
};
use serde::Serialize;
use worker::{Response, ResponseBuilder};

use crate::{
    failure::{Failure, log},
    route::Area,
};

/// Seconds after which a visitor who found no picture may try again.
const NO_IMAGES_RETRY_SECONDS: u32 = 5;

/// `value` as JSON with `status`, never stored by a cache.
///
/// # Errors
/// Those of the platform.
pub fn json<T: Serialize>(status: u16, value: &T) -> worker::Result<Response> {
    ResponseBuilder::new()
        .with_status(status)
        .with_header("cache-control", "no-store")?
        .from_json(value)
}

/// `failure` in the words of `area`.
///
/// # Errors
/// Those of the platform.
pub fn failure(area: Area, failure: &Failure) -> worker::Result<Response> {
    match area {
        Area::Visitor => visitor_failure(failure),
        Area::Admin => admin_failure(failure),
        Area::Demo => {
            let code = match failure {
                Failure::Internal(_) => {
                    log(failure);
                    "internal-error"
                }
                _ => "bad-request",
            };
            json(
                visitor_code(failure).status(),
                &serde_json::json!({ "ok": false, "error-codes": [code] }),
            )
        }
        Area::SiteVerify(dialect) => {
            let case = match failure {
                Failure::Refused { .. } => Case::Malformed,
                _ => {
                    log(failure);
                    Case::Internal
                }
            };
            json(200, &dialect.refused(case, None))
        }
    }
}

fn visitor_failure(failure: &Failure) -> worker::Result<Response> {
    let code = visitor_code(failure);
    let (message, retry_after) = match failure {
        Failure::Refused { message, .. } => ((*message).to_owned(), None),
        Failure::NoImages => ("Pictures are being made.".to_owned(), Some(NO_IMAGES_RETRY_SECONDS)),
        Failure::Admin { .. } | Failure::Internal(_) => (format!("Internal error {}.", log(failure)), None),
    };
    let response = json(
        code.status(),
        &ErrorReply {
            error: ErrorBody {
                code,
                message,
                retry_after,
            },
        },
    )?;
    if let Some(seconds) = retry_after {
        response.headers().set("retry-after", &seconds.to_string())?;
    }
    Ok(response)
}

fn visitor_code(failure: &Failure) -> ErrorCode {
    match failure {
        Failure::Refused { code, .. } => *code,
        Failure::NoImages => ErrorCode::NoImages,
        Failure::Admin { .. } | Failure::Internal(_) => ErrorCode::InternalError,
    }
}

fn admin_failure(failure: &Failure) -> worker::Result<Response> {
    let (code, message, field) = match failure {
        Failure::Admin { code, message, field } => (*code, message.clone(), field.map(str::to_owned)),
        Failure::NoImages => (AdminErrorCode::NotFound, "There is no image set yet.".to_owned(), None),
        Failure::Refused { .. } | Failure::Internal(_) => (
            AdminErrorCode::InternalError,
            format!("Internal error {}.", log(failure)),
            None,
        ),
    };
    let response = json(
        code.status(),
        &AdminErrorReply {
            error: AdminError { code, message, field },
        },
    )?;
    if code == AdminErrorCode::Unauthorized {
        response.headers().set("www-authenticate", "Bearer")?;
    }
    Ok(response)
}

/// Lets a page of `origin`, already found allowed, read `response`.
///
/// # Errors
/// Those of the platform.
pub fn allow_origin(response: &Response, origin: &str) -> worker::Result<()> {
    let headers = response.headers();
    headers.set("access-control-allow-origin", origin)?;
    headers.set("access-control-expose-headers", "retry-after")
}

/// The answer to a preflight request from a page of `origin`, already found allowed.
///
/// # Errors
/// Those of the platform.
pub fn preflight(origin: &str) -> worker::Result<Response> {
    let response = Response::empty()?.with_status(204);
    let headers = response.headers();
    headers.set("access-control-allow-origin", origin)?;
    headers.set("access-control-allow-methods", "GET, POST")?;
    headers.set("access-control-allow-headers", "content-type")?;
    headers.set("access-control-max-age", "7200")?;
    Ok(response)
}

/// What every response carries: it is what its type says, and it differs by origin.
///
/// # Errors
/// Those of the platform.
pub fn harden(response: Response) -> worker::Result<Response> {
    let headers = response.headers();
    headers.set("x-content-type-options", "nosniff")?;
    headers.set("referrer-policy", "no-referrer")?;
    headers.append("vary", "origin")?;
    Ok(response)
}
