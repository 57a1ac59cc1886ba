//! `/admin/v1/checkpoints`: models sent, listed and promoted. All of it is the precompute path's, which has the solver:
//! here, no more of a body is passed on than allowed.

use parallax_edge_shared::{admin::AdminErrorCode, checkpoint::MAX_BODY_BYTES, digest::Digest};
use worker::{Method, Request, Response};

use super::{Call, precompute};
use crate::{
    body::{self, BodyError},
    failure::Failure,
};

/// `GET /admin/v1/checkpoints`
pub async fn list(call: &Call) -> Result<Response, Failure> {
    precompute::send(Method::Get, "/checkpoints", None, call).await
}

/// `POST /admin/v1/checkpoints`: a checkpoint in one piece, piped through: it is megabytes.
pub async fn push(request: &Request, call: &Call) -> Result<Response, Failure> {
    if body::media_type(request) != "application/json" {
        return Err(BodyError::MediaType.for_admin());
    }
    if body::declared_length(request).is_some_and(|length| length > MAX_BODY_BYTES) {
        return Err(BodyError::TooLarge.for_admin());
    }
    let platform: &web_sys::Request = request.inner();
    let stream = platform.body().ok_or_else(|| BodyError::Malformed.for_admin())?;
    precompute::send(Method::Post, "/checkpoints", Some(stream.into()), call).await
}

/// `POST /admin/v1/checkpoints/{digest}/promote`
pub async fn promote(digest: &str, call: &Call) -> Result<Response, Failure> {
    let missing = |_| Failure::admin(AdminErrorCode::NotFound, "There is no such checkpoint.");
    let digest = Digest::parse(digest).map_err(missing)?;
    precompute::send(Method::Post, &format!("/checkpoints/{digest}/promote"), None, call).await
}
