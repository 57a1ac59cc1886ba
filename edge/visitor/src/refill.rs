//! Ordering image sets from the precompute path.

use std::collections::BTreeSet;

use parallax_edge_shared::{
    job::{Job, Reason, Refill},
    throttle::Level,
};
use worker::{Date, Env, console_error};

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

/// Sites that are asked for their level at most: a Worker has a limited number of requests of its own. Others come first the
/// next time.
const MAX_ASKED: usize = 400;

/// No site is asked any more after this time, milliseconds.
const MOST_ASKING_MS: u64 = 20_000;

/// What is ordered; what is absent is decided here.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// Pictures; the deployment's set size when absent.
    pub count: Option<u32>,
    /// What they are drawn from; random when absent.
    pub seed: Option<u64>,
    /// Lower levels to make as well; those that sites have when absent.
    pub levels: Option<BTreeSet<Level>>,
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
    let mut levels = match (order.levels, reason) {
        (Some(levels), _) => levels,
        // Somebody waits for it.
        (None, Reason::Empty) => BTreeSet::new(),
        (None, _) => levels_of_sites(env, deployment).await?,
    };
    levels.remove(&Level::default());
    let lower = levels.into_iter().rev().collect();
    let refill = Refill::new(seed, order.count.unwrap_or(deployment.set_size), reason).with_levels(lower);
    env.queue(BINDING)?.send(Job::Refill(refill.clone())).await?;
    Ok(refill)
}

/// The levels that sites have now. A site that cannot be asked gets pictures of the nearest level.
async fn levels_of_sites(env: &Env, deployment: &Deployment) -> Result<BTreeSet<Level>, Failure> {
    let sites: Vec<_> = deployment.sites.iter().filter(|site| !site.is_test()).collect();
    let first = random::below(sites.len())?;
    if sites.len() > MAX_ASKED {
        console_error!("levels: {} of {} sites are asked", MAX_ASKED, sites.len());
    }
    let asked = sites.iter().cycle().skip(first).take(sites.len().min(MAX_ASKED));
    let started = Date::now().as_millis();
    let mut levels = BTreeSet::new();
    for site in asked {
        if Date::now().as_millis().saturating_sub(started) > MOST_ASKING_MS {
            console_error!("levels: not all sites answered in time");
            break;
        }
        match cluster::read(site, env).await {
            Ok(risk) => {
                levels.insert(risk.throttle.level);
            }
            Err(failure) => drop(log(&failure)),
        }
    }
    Ok(levels)
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
