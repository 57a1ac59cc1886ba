//! Reductions and the softmax.

use super::layout::distinct;
use super::{Fact, ShapeError, floats, operands};
use crate::graph::{Dim, ElementType, TensorInfo};

pub(super) fn reduce(axes: &[usize], keep: bool, given: &[&TensorInfo]) -> Result<Fact, ShapeError> {
    let [x] = operands(given)?;
    floats(given)?;
    distinct(axes, x.shape.len(), "axes")?;
    let shape = x
        .shape
        .iter()
        .enumerate()
        .filter_map(|(axis, dim)| match (axes.contains(&axis), keep) {
            (false, _) => Some(*dim),
            (true, true) => Some(Dim::Fixed(1)),
            (true, false) => None,
        });
    Ok((ElementType::F32, shape.collect()))
}

pub(super) fn log_softmax(axis: usize, given: &[&TensorInfo]) -> Result<Fact, ShapeError> {
    let [x] = operands(given)?;
    floats(given)?;
    if axis >= x.shape.len() {
        return Err(ShapeError::Attribute("axis"));
    }
    Ok((ElementType::F32, x.shape.clone()))
}
