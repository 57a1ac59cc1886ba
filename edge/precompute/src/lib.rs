//! The precompute path of the edge: draws captchas, perturbs them with gradients of the solver, and writes them as image
//! sets for the visitor path to serve. Driven by the queue; nobody outside reaches it.
//!
//! The solver is loaded when the first job arrives, never while the module starts: that would cost every start of an
//! isolate a second, and the platform allows global scope less than that.

mod admin;
mod body;
mod checkpoint;
mod failure;
mod gradient;
mod model;
mod plan;
mod png;
mod publish;
mod recipe;
mod refill;
mod store;

use parallax_edge_shared::job::Job;
use worker::{Context, Env, MessageBatch, MessageExt, Request, Response, console_error, console_log, event};

use crate::failure::Failure;

/// Carries out orders. One that fails is delivered again by the platform, a few times.
#[event(queue)]
async fn queue(batch: MessageBatch<Job>, env: Env, _context: Context) -> worker::Result<()> {
    // Message by message: decoded as a batch, one that is no order would hold up all the others.
    for message in batch.raw_iter() {
        let refill = match serde_wasm_bindgen::from_value(message.body()) {
            Ok(Job::Refill(refill)) => refill,
            Err(error) => {
                console_error!("not an order of ours: {error}");
                message.ack();
                continue;
            }
        };
        match refill::carry_out(refill, &env).await {
            Ok(done) => {
                console_log!("{done}");
                message.ack();
            }
            Err(failure @ Failure::Refused(_)) => {
                console_error!("{failure}");
                message.ack();
            }
            Err(failure) => {
                console_error!("{failure}");
                message.retry();
            }
        }
    }
    Ok(())
}

/// Answers the visitor path's admin API, over a service binding.
#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> worker::Result<Response> {
    admin::answer(request, &env).await
}
