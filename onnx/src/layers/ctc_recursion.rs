//! The forward recursion of CTC in the log domain, in the form each runtime is fast on.

use super::CtcTarget;
use crate::builder::{Builder, Dialect};
use crate::ctc::IMPOSSIBLE;
use crate::graph::{GraphError, Literal, Op, Reduction, Scan, TensorId};

/// Forward variables `[T, M, S]` of `emissions: [T, M, S]`.
pub(super) fn recursion(b: &Builder, emissions: TensorId, target: CtcTarget) -> Result<TensorId, GraphError> {
    match b.dialect() {
        Dialect::OnnxRuntime => unrolled(b, emissions, target),
        Dialect::Tract => scanned(b, emissions, target),
    }
}

/// The three states a path can come from are gathered side by side: three operators a step.
fn unrolled(b: &Builder, emissions: TensorId, target: CtcTarget) -> Result<TensorId, GraphError> {
    let [steps, rows, states] = b.dims(emissions)?;
    let padding = b.full(&[rows, 2], IMPOSSIBLE)?;
    // With two impossible states in front, state s stays at s + 2, came from s + 1 or skipped from s.
    let predecessors = [2, 1, 0]
        .iter()
        .flat_map(|back| (0..states).map(move |s| (s + back) as i64))
        .collect();
    let predecessors = b.constant(Literal::new(&[3, states], crate::graph::Values::I64(predecessors))?);
    let always = b.full(&[rows, 2, states], 0.0)?;
    let allowed = b.concat(&[always, b.unsqueeze(target.skip, &[1])?], 1)?;
    let mut variables: Vec<TensorId> = Vec::with_capacity(steps);
    for emission in b.split(emissions, 0, &vec![1; steps])? {
        let emission = b.squeeze(emission, &[0])?;
        let next = match variables.last() {
            Some(last) => {
                let from = b.gather(b.concat(&[padding, *last], 1)?, predecessors, 1)?;
                b.add(b.reduce(Reduction::LogSumExp, b.add(from, allowed)?, &[1])?, emission)?
            }
            None => b.add(emission, target.start)?,
        };
        variables.push(next);
    }
    b.reshape(b.concat(&variables, 0)?, &[steps, rows, states])
}

/// `skip` travels as a state that does not change: tract takes weights from the outer graph, not inputs.
fn scanned(b: &Builder, emissions: TensorId, target: CtcTarget) -> Result<TensorId, GraphError> {
    let [steps, rows, states] = b.dims(emissions)?;
    let body = Builder::new(b.dialect());
    let [last, skip] = [body.input("last", &[rows, states]), body.input("skip", &[rows, states])];
    let emission = body.input("emission", &[rows, states]);
    let next = body.add(body_step(&body, last, skip, states)?, emission)?;
    body.output("next", body.identity(next)?)?;
    body.output("next_skip", body.identity(skip)?)?;
    body.output("variables", body.identity(next)?)?;
    let first = b.add(b.slice(emissions, 0, 0..1)?, b.unsqueeze(target.start, &[0])?)?;
    let scan = Scan {
        body: body.finish(),
        states: 2,
        scanned: 1,
        reverse: false,
    };
    let operands = [b.squeeze(first, &[0])?, target.skip, b.slice(emissions, 0, 1..steps)?];
    let rest = b
        .scan(scan, &operands)?
        .get(2)
        .copied()
        .ok_or(GraphError::NoRule { op: "Scan" })?;
    b.concat(&[first, rest], 0)
}

fn body_step(body: &Builder, last: TensorId, skip: TensorId, states: usize) -> Result<TensorId, GraphError> {
    let pad = Op::Pad {
        before: vec![0, 2],
        after: vec![0, 0],
        value: IMPOSSIBLE,
    };
    let padded = body
        .push(pad, &[last])?
        .first()
        .copied()
        .ok_or(GraphError::NoRule { op: "Pad" })?;
    let came = body.slice(padded, 1, 1..states + 1)?;
    let skipped = body.add(body.slice(padded, 1, 0..states)?, skip)?;
    let largest = body.max(body.max(last, came)?, skipped)?;
    let share = |id| body.exp(body.sub(id, largest)?);
    let sum = body.add(body.add(share(last)?, share(came)?)?, share(skipped)?)?;
    body.add(body.log(sum)?, largest)
}
