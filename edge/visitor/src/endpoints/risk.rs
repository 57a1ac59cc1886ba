//! `/admin/v1/risk` and `/admin/v1/sites/{name}`: what a slide alone is judged to be, and what is held of a site's
//! sessions.

use core::hint::black_box;

use parallax_captcha::risk::{self, similarity::Signature};
use parallax_edge_shared::{
    admin::{AdminErrorCode, ScoreReply, ScoreRequest},
    query,
    site::Site,
};
use worker::{Request, Response};

use super::{Call, queries};
use crate::{body, cluster, failure::Failure, reply};

/// A trace of ten times what a widget sends.
const BODY_LIMIT: usize = 512 * 1024;

/// `POST /admin/v1/risk/score`
pub async fn score(request: &mut Request, _call: &Call) -> Result<Response, Failure> {
    let asked: ScoreRequest = body::json(request, BODY_LIMIT).await.map_err(|e| e.for_admin())?;
    if !(1..=ScoreRequest::MAX_RUNS).contains(&asked.runs) {
        return Err(Failure::Admin {
            code: AdminErrorCode::BadRequest,
            message: format!("runs is not within 1 to {}.", ScoreRequest::MAX_RUNS),
            field: Some("runs"),
        });
    }
    let judge = || {
        let asked = black_box(&asked);
        let verdict = risk::score(&asked.trace, &asked.slider, &asked.environment);
        (verdict, Signature::of(&asked.trace))
    };
    for _ in 1..asked.runs {
        black_box(judge());
    }
    let (verdict, signature) = judge();
    Ok(reply::json(
        200,
        &ScoreReply {
            p_bot: verdict.p_bot,
            reasons: names(&verdict.reasons),
            signature: signature.map(|Signature(words)| words.map(|word| format!("{word:08x}")).concat()),
        },
    )?)
}

/// Reasons as they are written in records and logs.
#[must_use]
pub fn names(reasons: &[risk::Reason]) -> Vec<String> {
    let values = reasons.iter().filter_map(|reason| serde_json::to_value(reason).ok());
    values.filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

/// `GET /admin/v1/sites/{name}/risk`
pub async fn held(site: &str, call: &Call) -> Result<Response, Failure> {
    Ok(reply::json(200, &cluster::read(find(site, call)?, &call.env).await?)?)
}

/// `GET /admin/v1/sites/{name}/traces?after=CURSOR&limit=N`: raw traces of a site that keeps them, NDJSON.
pub async fn traces(site: &str, request: &Request, call: &Call) -> Result<Response, Failure> {
    let page = query::page(queries::parameters(&request.inner().url())).map_err(queries::out_of_range)?;
    queries::ndjson(cluster::kept_traces(find(site, call)?, page.after, page.limit, call).await?).await
}

fn find<'a>(site: &str, call: &'a Call) -> Result<&'a Site, Failure> {
    let found = call.deployment.sites.by_name(site);
    found.ok_or_else(|| Failure::admin(AdminErrorCode::NotFound, "There is no such site."))
}
