//! `POST /siteverify` and its aliases: a site's server redeems a token.

use parallax_captcha::wire::ErrorCode;
use parallax_edge_shared::siteverify::{self, Check, Context, Dialect, Reply};
use worker::{FormData, Request, Response};

use super::Call;
use crate::{body, failure::Failure, reply, single_use};

const BODY_LIMIT: usize = 16 * 1024;

/// Answers with the verdict, HTTP 200 whatever it is.
pub async fn post(request: &mut Request, dialect: Dialect, call: &Call) -> Result<Response, Failure> {
    let asked = read(request).await?;
    let deployment = &call.deployment;
    let context = Context {
        sites: &deployment.sites,
        key: &deployment.key,
        test_keys: deployment.test_keys,
        now: call.now(),
    };
    let verdict = match siteverify::check(&asked, dialect, context) {
        Check::Settled(reply) => reply,
        Check::Recall {
            id,
            idempotency_key,
            otherwise,
        } => {
            let stored = single_use::recall(&call.env, id, idempotency_key).await?;
            stored.map(|json| parse(&json)).transpose()?.unwrap_or(otherwise)
        }
        Check::Redeem {
            id,
            keep_until,
            idempotency_key,
            reply,
            spent,
        } => {
            let json = serde_json::to_string(&reply).map_err(|e| Failure::Internal(e.to_string()))?;
            let stored = single_use::redeem(&call.env, id, keep_until, idempotency_key, json).await?;
            stored.map(|json| parse(&json)).transpose()?.unwrap_or(spent)
        }
    };
    Ok(reply::json(200, &verdict)?)
}

fn parse(json: &str) -> Result<Reply, Failure> {
    serde_json::from_slice(json.as_bytes()).map_err(|e| Failure::Internal(format!("stored reply: {e}")))
}

async fn read(request: &mut Request) -> Result<siteverify::Request, Failure> {
    let malformed = |_| Failure::refused(ErrorCode::BadRequest, "The request cannot be read.");
    if body::media_type(request) == "application/json" {
        return body::json(request, BODY_LIMIT).await.map_err(malformed);
    }
    let form = body::form(request, BODY_LIMIT).await.map_err(malformed)?;
    let field = |name: &str| FormData::get_field(&form, name);
    Ok(siteverify::Request {
        secret: field("secret"),
        response: field("response"),
        remoteip: field("remoteip"),
        idempotency_key: field("idempotency_key"),
        sitekey: field("sitekey"),
    })
}
