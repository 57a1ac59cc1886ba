//! Ordering image sets from the precompute path.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use parallax_edge_shared::{
    job::{Job, Reason, Refill},
    throttle::Throttle,
};
use worker::Env;

use crate::{
    cluster,
    deployment::Deployment,
    failure::{Failure, log},
    random, single_use, store,
};

/// Name of the binding.
const BINDING: &str = "JOBS";

/// While the store is empty, a set is ordered at most once in this many seconds.
const EMPTY_ORDER_SECONDS: u64 = 60;

/// Sites that are asked for their budget at most: a Worker has a limited number of requests of its own.
const MAX_ASKED: usize = 400;

/// What is ordered; what is absent is decided here.
#[derive(Debug, Clone, Copy, Default)]
pub struct Order {
    /// Pictures; the deployment's set size when absent.
    pub count: Option<u32>,
    /// What they are drawn from; random when absent.
    pub seed: Option<u64>,
}

/// Sends the job and returns what was ordered.
///
/// # Errors
/// [`Failure::Internal`] when the queue does not take it.
pub async fn order(env: &Env, order: Order, reason: Reason, deployment: &Deployment) -> Result<Refill, Failure> {
    let seed = match order.seed {
        Some(seed) => seed,
        None => u64::from_le_bytes(random::bytes()?),
    };
    let refill = Refill {
        budgets: budgets(env, deployment).await,
        ..Refill::new(seed, order.count.unwrap_or(deployment.set_size), reason)
    };
    env.queue(BINDING)?.send(Job::Refill(refill.clone())).await?;
    Ok(refill)
}

/// The budgets that sites have now, all of the product's among them: new sites begin there. One that cannot be asked has what
/// the others have.
async fn budgets(env: &Env, deployment: &Deployment) -> Vec<u8> {
    let asking = deployment.sites.iter().filter(|site| site.routing.asks_people());
    let asked = asking.take(MAX_ASKED).map(|site| cluster::read(site, env));
    let mut budgets = BTreeSet::from([Throttle::default().budget]);
    for risk in join_all(asked).await {
        match risk {
            Ok(risk) => {
                budgets.insert(risk.throttle.budget);
            }
            Err(failure) => drop(log(&failure)),
        }
    }
    budgets.into_iter().rev().collect()
}

/// Orders a set if there is none, once a minute at most, whoever asks.
///
/// # Errors
/// [`Failure::Internal`] when bucket, Durable Object or queue cannot be reached.
pub async fn order_if_empty(env: &Env, deployment: &Deployment, now_ms: u64) -> Result<(), Failure> {
    if store::served(env, now_ms).await?.is_some() {
        return Ok(());
    }
    let now = now_ms / 1000;
    let period = now / EMPTY_ORDER_SECONDS;
    let name = format!("refill-{period}");
    if single_use::spend_named(env, &name, now + EMPTY_ORDER_SECONDS).await? {
        order(env, Order::default(), Reason::Empty, deployment).await?;
    }
    Ok(())
}
