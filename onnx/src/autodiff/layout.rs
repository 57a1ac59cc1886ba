//! Rules of operators that move elements.

use super::{Cotangents, Vjp};
use crate::builder::{Builder, Dialect};
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

pub(super) fn pad(v: &Vjp<'_>, before: &[i64], after: &[i64]) -> Cotangents {
    let pads = before.iter().zip(after).map(|(before, after)| (-before, -after));
    let undone = pads.collect::<Vec<_>>();
    if v.b.dialect() == Dialect::OnnxRuntime || undone.iter().any(|(before, after)| *before > 0 || *after > 0) {
        return Ok(vec![Some(v.b.pad(v.dy, &undone)?)]);
    }
    // tract takes a negative pad for a huge one.
    let shape = v.b.shape(v.dy)?;
    let kept = |((axis, length), (before, after)): ((usize, &usize), &(i64, i64))| {
        let dropped = |pad: &i64| usize::try_from(-pad).unwrap_or(0);
        (axis, dropped(before)..length.saturating_sub(dropped(after)))
    };
    let ranges = shape.iter().enumerate().zip(&undone).filter(|(_, pad)| **pad != (0, 0));
    Ok(vec![Some(v.b.slices(v.dy, &ranges.map(kept).collect::<Vec<_>>())?)])
}

pub(super) fn resize(v: &Vjp<'_>, scales: &[usize]) -> Cotangents {
    let shape = v.b.shape(v.operand(0)?)?;
    let blocks: Vec<_> = shape.iter().zip(scales).flat_map(|(n, scale)| [*n, *scale]).collect();
    let repeated: Vec<_> = (0..scales.len()).map(|axis| 2 * axis + 1).collect();
    let blocks = v.b.reshape(v.dy, &blocks)?;
    Ok(vec![Some(v.b.reduce(Reduction::Sum, blocks, &repeated)?)])
}
