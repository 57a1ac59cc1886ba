//! `GET /v1/challenge/{id}/image`: the picture of a challenge, one ranged read from the bucket.

use parallax_captcha::{
    ticket::{Purpose, TicketError, open},
    wire::ErrorCode,
};
use parallax_edge_shared::{claims::Challenge, pack::Pack};
use worker::{Range, Response, ResponseBuilder};

use super::Call;
use crate::{failure::Failure, store};

/// Answers with a PNG. The platform pipes it from the bucket; no byte of it passes through this module.
pub async fn get(challenge: &str, call: &Call) -> Result<Response, Failure> {
    let ticket = open::<Challenge>(challenge, Purpose::Challenge, &call.deployment.key, call.now());
    let ticket = ticket.map_err(|error| match error {
        TicketError::Expired { .. } => gone(),
        _ => Failure::refused(ErrorCode::ChallengeInvalid, "Not given out here: begin again."),
    })?;
    let Challenge { pack, span, .. } = ticket.body;
    let range = Range::OffsetWithLength {
        offset: span.offset.into(),
        length: span.length.into(),
    };
    let object = store::bucket(&call.env)?
        .get(Pack::key(pack))
        .range(range)
        .execute()
        .await?;
    let object = object.ok_or_else(gone)?;
    let body = object.body().ok_or_else(gone)?.response_body()?;
    let builder = ResponseBuilder::new()
        .with_header("content-type", "image/png")?
        .with_header("cache-control", "no-store")?
        // The widget shows it on the site's page, which may demand this of everything it embeds.
        .with_header("cross-origin-resource-policy", "cross-origin")?;
    Ok(builder.body(body))
}

/// Too late, or the set was replaced and deleted since.
fn gone() -> Failure {
    Failure::refused(ErrorCode::ChallengeExpired, "Too late: begin again.")
}
