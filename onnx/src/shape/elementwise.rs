//! Element by element: the result has the operands' shape, after broadcasting.

use super::{Fact, ShapeError, floats, mismatch, operands};
use crate::graph::{Binary, Dim, ElementType, TensorInfo};

pub(super) fn same(given: &[&TensorInfo]) -> Result<Fact, ShapeError> {
    let [x] = operands(given)?;
    floats(given)?;
    Ok((x.element, x.shape.clone()))
}

pub(super) fn cast(to: ElementType, given: &[&TensorInfo]) -> Result<Fact, ShapeError> {
    let [x] = operands(given)?;
    Ok((to, x.shape.clone()))
}

pub(super) fn binary(binary: Binary, given: &[&TensorInfo]) -> Result<Fact, ShapeError> {
    let [a, b] = operands(given)?;
    floats(given)?;
    let shape = broadcast(&a.shape, &b.shape).ok_or_else(|| mismatch(a, b))?;
    let element = match binary {
        Binary::Equal | Binary::Greater => ElementType::Bool,
        _ => ElementType::F32,
    };
    Ok((element, shape))
}

/// The shape that both broadcast to, `None` if there is none (numpy's rules).
pub(super) fn broadcast(a: &[Dim], b: &[Dim]) -> Option<Vec<Dim>> {
    let rank = a.len().max(b.len());
    let dim = |shape: &[Dim], axis: usize| {
        (axis + shape.len())
            .checked_sub(rank)
            .and_then(|i| shape.get(i).copied())
            .unwrap_or(Dim::Fixed(1))
    };
    (0..rank)
        .map(|axis| match (dim(a, axis), dim(b, axis)) {
            (x, y) if x == y => Some(x),
            (Dim::Fixed(1), y) => Some(y),
            (x, Dim::Fixed(1)) => Some(x),
            _ => None,
        })
        .collect()
}
