//! The loss that training makes small and attacks make large.

use parallax_onnx::graph::Op;
use parallax_onnx::layers::{CtcTarget, ctc_loss};
use parallax_onnx::{Builder, GraphError, TensorId};

use crate::zoo::head::Alignment;

/// Loss `[N]` of the main head's `scores`, by frames or positions.
pub(super) fn main_loss(
    b: &Builder,
    alignment: Alignment,
    scores: TensorId,
    target: CtcTarget,
) -> Result<TensorId, GraphError> {
    match alignment {
        Alignment::Frames => ctc_loss(b, scores, target),
        Alignment::Positions => cross_entropy(b, scores, target),
    }
}

/// Sum over positions of the cross-entropy of `scores: [P, N, K]`, `[N]`. Behind the end of a label its padding, blank,
/// is what is wanted.
fn cross_entropy(b: &Builder, scores: TensorId, target: CtcTarget) -> Result<TensorId, GraphError> {
    let [_, states, _] = b.dims(target.states)?;
    let log_probabilities = b.transpose(b.log_softmax(scores, 2)?, &[1, 0, 2])?;
    // The characters are every second state of an encoded label.
    let odd = Op::Slice {
        axes: vec![1],
        starts: vec![1],
        ends: vec![i64::try_from(states).unwrap_or(i64::MAX)],
        steps: vec![2],
    };
    let wanted = b.push(odd, &[target.states])?;
    let wanted = wanted.first().copied().ok_or(GraphError::NoRule { op: "Slice" })?;
    b.neg(b.sum(b.mul(log_probabilities, wanted)?, &[1, 2])?)
}
