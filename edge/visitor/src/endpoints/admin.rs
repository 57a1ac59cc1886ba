//! `/admin/v1`: image sets, listed and replaced; what the solver computes. The export has its own file.

use parallax_edge_shared::{
    admin::{AdminErrorCode, GradientRequest, RefreshReply, RefreshRequest, SetList, SetState, SetSummary},
    digest::Digest,
    image_set::SetIndex,
    job::{MAX_COUNT, Reason, SEED_LIMIT},
};
use worker::{Method, Request, Response};

use super::{Call, precompute};
use crate::{body, deployment::Deployment, failure::Failure, refill, reply, store};

const BODY_LIMIT: usize = 4 * 1024;

/// Checks the bearer key.
///
/// # Errors
/// `unauthorized`.
pub fn authorise(request: &Request, deployment: &Deployment) -> Result<(), Failure> {
    let header = request.headers().get("authorization")?.unwrap_or_default();
    let key = header
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match key {
        Some((_, key)) if deployment.is_admin(key.trim()) => Ok(()),
        _ => Err(Failure::admin(
            AdminErrorCode::Unauthorized,
            "Send the admin key as a bearer token.",
        )),
    }
}

/// `GET /admin/v1/sets`
pub async fn list(call: &Call) -> Result<Response, Failure> {
    let bucket = store::bucket(&call.env)?;
    let current = store::current(&bucket).await?;
    let active = current.active.iter().map(|id| (*id, SetState::Active));
    let retired = current.retired.iter().map(|id| (*id, SetState::Retired));
    let mut sets = Vec::new();
    for (id, state) in active.chain(retired) {
        if let Some(set) = store::index(&bucket, id).await? {
            sets.push(summary(id, state, set));
        }
    }
    Ok(reply::json(200, &SetList { sets })?)
}

fn summary(id: Digest, state: SetState, set: SetIndex) -> SetSummary {
    let bytes = set.packs.iter().map(|p| u64::from(p.bytes)).sum();
    SetSummary {
        id,
        state,
        created: set.created,
        count: set.count(),
        bytes,
        strengths: set.strengths(),
        levels: set.levels(),
        recipe: set.recipe,
    }
}

/// `POST /admin/v1/sets/refresh`
pub async fn refresh(request: &mut Request, call: &Call) -> Result<Response, Failure> {
    let asked: RefreshRequest = if body::media_type(request).is_empty() {
        RefreshRequest::default()
    } else {
        body::json(request, BODY_LIMIT).await.map_err(|e| e.for_admin())?
    };
    let order = refill::Order {
        count: in_range(asked.count, 1..=MAX_COUNT, "count")?,
        seed: in_range(asked.seed, 0..=SEED_LIMIT - 1, "seed")?,
        levels: asked.levels,
    };
    let refill = refill::order(&call.env, order, Reason::Admin, &call.deployment).await?;
    Ok(reply::json(
        202,
        &RefreshReply {
            count: refill.count,
            seed: refill.seed,
            levels: refill.levels,
        },
    )?)
}

/// `POST /admin/v1/sets/gradient`: checked here, computed by the precompute path.
pub async fn gradient(request: &mut Request, call: &Call) -> Result<Response, Failure> {
    let asked: GradientRequest = body::json(request, BODY_LIMIT).await.map_err(|e| e.for_admin())?;
    in_range(Some(asked.seed), 0..=SEED_LIMIT - 1, "seed")?;
    in_range(asked.label_seed, 0..=SEED_LIMIT - 1, "label_seed")?;
    in_range(Some(asked.runs), 1..=GradientRequest::MAX_RUNS, "runs")?;
    let json = serde_json::to_string(&asked).map_err(|e| Failure::Internal(e.to_string()))?;
    precompute::send(Method::Post, "/gradient", Some(json.into()), call).await
}

fn in_range<T: PartialOrd + core::fmt::Display + Copy>(
    value: Option<T>,
    range: core::ops::RangeInclusive<T>,
    field: &'static str,
) -> Result<Option<T>, Failure> {
    match value {
        Some(outside) if !range.contains(&outside) => Err(Failure::Admin {
            code: AdminErrorCode::BadRequest,
            message: format!("{field} is not within {} to {}.", range.start(), range.end()),
            field: Some(field),
        }),
        fine => Ok(fine),
    }
}
