//! Ordering image sets from the precompute path.

use parallax_edge_shared::job::{Job, Reason, Refill};
use worker::Env;

use crate::{deployment::Deployment, failure::Failure, random, single_use, store};

/// Name of the binding.
const BINDING: &str = "JOBS";

/// While the store is empty, a set is ordered at most once in this many seconds.
const EMPTY_ORDER_SECONDS: u64 = 60;

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
    let refill = Refill::new(seed, order.count.unwrap_or(deployment.set_size), reason);
    env.queue(BINDING)?.send(Job::Refill(refill.clone())).await?;
    Ok(refill)
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
