//! The visitor path of the edge: sessions, slides, answers, pictures, siteverify, the admin API and the demo's server
//! side. No solver in here: pictures were made beforehand by the precompute path and lie in the bucket.
//!
//! A request travels through three layers: [`route`] names the endpoint, `endpoints` does the work and answers with a
//! response or a [`failure::Failure`], and [`reply`] turns that into what the caller reads.

mod body;
mod cluster;
mod deployment;
mod durable;
mod endpoints;
mod failure;
#[allow(missing_docs, reason = "the macro of Durable Objects writes methods without them")]
mod query_log;
mod random;
mod refill;
mod reply;
mod route;
#[allow(missing_docs, reason = "the macro of Durable Objects writes methods without them")]
mod single_use;
mod store;

pub use cluster::Cluster;
pub use query_log::QueryLog;
pub use single_use::SingleUse;

use parallax_edge_shared::job::Reason;
use worker::{Context, Env, Request, Response, ScheduleContext, ScheduledEvent, event};

use crate::{deployment::Deployment, failure::log};

/// Answers a request; whatever goes wrong is an answer too.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    endpoints::answer(request, env, context).await
}

/// The clock: replaces the image set.
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    let sent = match Deployment::of(&env) {
        Ok(deployment) => refill::order(&env, refill::Order::default(), Reason::Schedule, &deployment)
            .await
            .map(drop),
        Err(error) => Err(error),
    };
    if let Err(failure) = sent {
        log(&failure);
    }
}
