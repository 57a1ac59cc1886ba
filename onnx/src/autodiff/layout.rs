//! Rules of operators that move elements.

use super::{Cotangents, Vjp};
use crate::builder::Builder;
use crate::graph::{GraphError, Node, Reduction, TensorId};
use crate::shape::slice_range;

pub(super) fn reshape(v: &Vjp<'_>) -> Cotangents {
    let shape = v.b.shape(v.operand(0)?)?;
    Ok(vec![Some(v.b.reshape(v.dy, &shape)?)])
}

pub(super) fn transpose(v: &Vjp<'_>, perm: &[usize]) -> Cotangents {
    let inverse: Vec<_> = (0..perm.len())
        .filter_map(|axis| perm.iter().position(|p| *p == axis))
        .collect();
    Ok(vec![Some(v.b.transpose(v.dy, &inverse)?)])
}

pub(super) fn slice(v: &Vjp<'_>, axes: &[usize], starts: &[i64], ends: &[i64], steps: &[i64]) -> Cotangents {
    let shape = v.b.shape(v.operand(0)?)?;
    let no_rule = || GraphError::NoRule {
        op: "Slice with a step other than 1 and -1",
    };
    let mut pads = vec![(0i64, 0i64); shape.len()];
    let mut reversed = Vec::new();
    for (((axis, start), end), step) in axes.iter().zip(starts).zip(ends).zip(steps) {
        let (Some(length), Some(pad)) = (shape.get(*axis), pads.get_mut(*axis)) else {
            return Err(no_rule());
        };
        let (first, count) = slice_range(*length, *start, *end, *step).ok_or_else(no_rule)?;
        let lowest = match step {
            1 => first,
            -1 => {
                reversed.push(*axis);
                (first + 1).checked_sub(count).ok_or_else(no_rule)?
            }
            _ => return Err(no_rule()),
        };
        let rest = length.checked_sub(lowest + count).ok_or_else(no_rule)?;
        *pad = (lowest as i64, rest as i64);
    }
    let mut dx = v.dy;
    if !reversed.is_empty() {
        dx = v.b.flip(dx, &reversed)?;
    }
    if pads.iter().any(|pad| *pad != (0, 0)) {
        dx = v.b.pad(dx, &pads)?;
    }
    Ok(vec![Some(dx)])
}

pub(super) fn concat(v: &Vjp<'_>, axis: usize) -> Cotangents {
    let length = |id: &TensorId| Ok(v.b.shape(*id)?.get(axis).copied().unwrap_or(0));
    let sizes = v
        .node
        .inputs
        .iter()
        .map(length)
        .collect::<Result<Vec<_>, GraphError>>()?;
    Ok(v.b.split(v.dy, axis, &sizes)?.into_iter().map(Some).collect())
}

pub(super) fn split(b: &Builder, node: &Node, axis: usize, dy: &[Option<TensorId>]) -> Cotangents {
    let or_zeros = |(cotangent, output): (&Option<TensorId>, &TensorId)| match cotangent {
        Some(cotangent) => Ok(*cotangent),
        None => b.full(&b.shape(*output)?, 0.0),
    };
    let parts = dy
        .iter()
        .zip(&node.outputs)
        .map(or_zeros)
        .collect::<Result<Vec<_>, GraphError>>()?;
    Ok(vec![Some(b.concat(&parts, axis)?)])
}

/// A border's gradient is dropped, what a negative border dropped had none. As Slice and Pad: tract takes a negative pad
/// for a huge one.
pub(super) fn pad(v: &Vjp<'_>, before: &[i64], after: &[i64]) -> Cotangents {
    let shape = v.b.shape(v.dy)?;
    let borders = || shape.iter().zip(before.iter().zip(after)).enumerate();
    let added = |pad: i64| usize::try_from(pad).unwrap_or(0);
    let kept: Vec<_> = borders()
        .filter(|(_, (_, (before, after)))| **before > 0 || **after > 0)
        .map(|(axis, (length, (before, after)))| (axis, added(*before)..length.saturating_sub(added(*after))))
        .collect();
    let dropped: Vec<_> = borders()
        .map(|(_, (_, (before, after)))| ((-before).max(0), (-after).max(0)))
        .collect();
    let mut dx = v.dy;
    if !kept.is_empty() {
        dx = v.b.slices(dx, &kept)?;
    }
    if dropped.iter().any(|pad| *pad != (0, 0)) {
        dx = v.b.pad(dx, &dropped)?;
    }
    Ok(vec![Some(dx)])
}

pub(super) fn resize(v: &Vjp<'_>, scales: &[usize]) -> Cotangents {
    let shape = v.b.shape(v.operand(0)?)?;
    let blocks: Vec<_> = shape.iter().zip(scales).flat_map(|(n, scale)| [*n, *scale]).collect();
    let repeated: Vec<_> = (0..scales.len()).map(|axis| 2 * axis + 1).collect();
    let blocks = v.b.reshape(v.dy, &blocks)?;
    Ok(vec![Some(v.b.reduce(Reduction::Sum, blocks, &repeated)?)])
}
