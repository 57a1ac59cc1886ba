//! Connectionist temporal classification in closed form (Graves et al. 2006, section 4): the loss is the negative
//! logarithm of the probability of all paths that spell the label, its gradient the softmax minus the posterior.

use super::ctc_recursion::recursion;
use crate::builder::{Builder, Rule};
use crate::graph::{GraphError, Reduction, TensorId};

/// Labels as tensors, for N of them with S states each; made by [`crate::ctc::Target`].
#[derive(Debug, Clone, Copy)]
pub struct CtcTarget {
    /// One-hot class of each state, `[N, S, K]`.
    pub states: TensorId,
    /// 0 where a path may start, very negative elsewhere, `[2N, S]`: labels, then labels read backwards.
    pub start: TensorId,
    /// 0 where a path may come from two states before, very negative elsewhere, `[2N, S]`, as `start`.
    pub skip: TensorId,
}

impl CtcTarget {
    /// The same labels once more after themselves, for the logits of a second head.
    ///
    /// # Errors
    /// [`GraphError`] when the tensors are not of the documented shapes.
    pub fn twice(self, b: &Builder) -> Result<Self, GraphError> {
        let both_ways = |id| {
            let [forward, backward] = b.split_even(id, 0)?;
            b.concat(&[forward, forward, backward, backward], 0)
        };
        Ok(Self {
            states: b.concat(&[self.states, self.states], 0)?,
            start: both_ways(self.start)?,
            skip: both_ways(self.skip)?,
        })
    }
}

/// Losses `[N]` of `logits: [T, N, K]`, class 0 being the blank.
///
/// # Errors
/// [`GraphError`] when the shapes do not fit.
pub fn ctc_loss(b: &Builder, logits: TensorId, target: CtcTarget) -> Result<TensorId, GraphError> {
    let [steps, batch, classes] = b.dims(logits)?;
    let [_, states, _] = b.dims(target.states)?;
    let outputs = b.region(&[logits], |b| {
        let log_probabilities = b.log_softmax(logits, 2)?;
        let by_label = b.transpose(log_probabilities, &[1, 0, 2])?;
        // Log probability of each state's class at each step, [N, T, S].
        let emissions = b.matmul(by_label, b.transpose(target.states, &[0, 2, 1])?)?;
        // Backward variables are forward variables of the reversed label over reversed time: one recursion for both.
        let both = b.transpose(b.concat(&[emissions, b.flip(emissions, &[1, 2])?], 0)?, &[1, 0, 2])?;
        let variables = b.reshape(recursion(b, both, target)?, &[steps, 2, batch, states])?;
        let [alpha, beta] = b.split_even(variables, 1)?;
        let beta = b.flip(beta, &[0, 3])?;
        let emissions = b.reshape(b.transpose(emissions, &[1, 0, 2])?, &[steps, 1, batch, states])?;
        // Log probability of all paths through a state at a step; the emission is in both variables.
        let through = b.sub(b.add(alpha, beta)?, emissions)?;
        let total = log_sum_exp(b, b.slice(through, 0, 0..1)?)?; // [1, 1, N, 1]: any one step sees every path.
        let loss = b.neg(b.reshape(total, &[batch])?)?;
        let saved = Saved {
            log_probabilities,
            through,
            total,
            states: target.states,
        };
        Ok((vec![loss], rule(saved, [steps, batch, classes, states])))
    })?;
    outputs.first().copied().ok_or(GraphError::NoRule { op: "CTC" })
}

/// Over the last axis, keeping it. Written out: the maximum is taken along an axis of its own, which both runtimes do
/// fast.
fn log_sum_exp(b: &Builder, x: TensorId) -> Result<TensorId, GraphError> {
    let axis = b.rank(x)?.saturating_sub(1);
    let largest = b.reduce_keep(Reduction::Max, x, &[axis])?;
    let sum = b.reduce_keep(Reduction::Sum, b.exp(b.sub(x, largest)?)?, &[axis])?;
    b.add(b.log(sum)?, largest)
}

struct Saved {
    log_probabilities: TensorId,
    through: TensorId,
    total: TensorId,
    states: TensorId,
}

fn rule(saved: Saved, [steps, batch, classes, states]: [usize; 4]) -> Rule {
    Box::new(move |b, dy, _| {
        let Some(dy) = dy.first().copied().flatten() else {
            return Ok(vec![None]);
        };
        let of_states = b.exp(b.sub(saved.through, saved.total)?)?;
        let of_states = b.transpose(b.reshape(of_states, &[steps, batch, states])?, &[1, 0, 2])?;
        let of_classes = b.transpose(b.matmul(of_states, saved.states)?, &[1, 0, 2])?;
        let dlogits = b.sub(b.exp(saved.log_probabilities)?, of_classes)?;
        debug_assert_eq!(b.shape(dlogits)?, [steps, batch, classes]);
        Ok(vec![Some(b.mul(dlogits, b.reshape(dy, &[1, batch, 1])?)?)])
    })
}
