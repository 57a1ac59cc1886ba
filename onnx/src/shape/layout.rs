//! Operators that move elements without computing.

use super::{Fact, ShapeError, mismatch, operands};
use crate::graph::{Dim, ElementType, TensorInfo, fixed};

pub(super) fn reshape(shape: &[usize], given: &[&TensorInfo]) -> Result<Fact, ShapeError> {
    let [x] = operands(given)?;
    let old = fixed(&x.shape).ok_or(ShapeError::Symbolic)?;
    let elements = |dims: &[usize]| dims.iter().try_fold(1usize, |product, n| product.checked_mul(*n));
    if elements(&old).is_none() || elements(&old) != elements(shape) {
        return Err(ShapeError::Attribute("shape"));
    }
    Ok((x.element, shape.iter().copied().map(Dim::Fixed).collect()))
}

pub(super) fn transpose(perm: &[usize], given: &[&TensorInfo]) -> Result<Fact, ShapeError> {
    let [x] = operands(given)?;
    let mut sorted = perm.to_vec();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..x.shape.len()) {
        return Err(ShapeError::Attribute("perm"));
    }
    Ok((
        x.element,
        perm.iter().filter_map(|axis| x.shape.get(*axis).copied()).collect(),
    ))
}

pub(super) fn squeeze(axes: &[usize], given: &[&TensorInfo]) -> Result<Fact, ShapeError> {
    let [x] = operands(given)?;
    distinct(axes, x.shape.len(), "axes")?;
    if axes.iter().any(|axis| x.shape.get(*axis) != Some(&Dim::Fixed(1))) {
        return Err(ShapeError::Attribute("axes"));
    }
    let kept = x
        .shape
        .iter()
        .enumerate()
        .filter(|(axis, _)| !axes.contains(axis))
        .map(|(_, dim)| *dim);
    Ok((x.element, kept.collect()))
}

pub(super) fn unsqueeze(axes: &[usize], given: &[&TensorInfo]) -> Result<Fact, ShapeError> {
    let [x] = operands(given)?;
    let rank = x.shape.len() + axes.len();
    distinct(axes, rank, "axes")?;
    let mut old = x.shape.iter().copied();
    let shape = (0..rank).filter_map(|axis| {
        if axes.contains(&axis) {
            Some(Dim::Fixed(1))
        } else {
            old.next()
        }
    });
    Ok((x.element, shape.collect()))
}

/// First index and number of indices of a slice of an axis of `length` (ONNX's rules for negative and too large
/// values); `None` if the step is 0.
#[must_use]
pub fn slice_range(length: usize, start: i64, end: i64, step: i64) -> Option<(usize, usize)> {
    let n = i64::try_from(length).ok()?;
    let from_front = |v: i64| if v < 0 { v.saturating_add(n) } else { v };
    let (start, end) = (from_front(start), from_front(end));
    let (start, span) = match step {
        0 => return None,
        1.. => {
            let start = start.clamp(0, n);
            (start, end.clamp(0, n) - start)
        }
        _ => {
            let start = start.clamp(-1, n - 1);
            (start, start - end.clamp(-1, n - 1))
        }
    };
    let count = if span <= 0 {
        0
    } else {
        (span - 1) / step.checked_abs()? + 1
    };
    Some((usize::try_from(start.max(0)).ok()?, usize::try_from(count).ok()?))
}

pub(super) fn slice(
    axes: &[usize],
    starts: &[i64],
    ends: &[i64],
    steps: &[i64],
    given: &[&TensorInfo],
) -> Result<Fact, ShapeError> {
    let [x] = operands(given)?;
    distinct(axes, x.shape.len(), "axes")?;
    if [starts.len(), ends.len(), steps.len()] != [axes.len(); 3] {
        return Err(ShapeError::Attribute("starts, ends, steps"));
    }
    let mut shape = x.shape.clone();
    for (((axis, start), end), step) in axes.iter().zip(starts).zip(ends).zip(steps) {
        let dim = shape.get_mut(*axis).ok_or(ShapeError::Attribute("axes"))?;
        let length = dim.fixed().ok_or(ShapeError::Symbolic)?;
        let (_, count) = slice_range(length, *start, *end, *step).ok_or(ShapeError::Attribute("steps"))?;
        *dim = Dim::Fixed(count);
    }
    Ok((x.element, shape))
}

pub(super) fn concat(axis: usize, given: &[&TensorInfo]) -> Result<Fact, ShapeError> {
    let first = *given.first().ok_or(ShapeError::Operands { found: 0 })?;
    let mut total = 0usize;
    for (operand, info) in given.iter().enumerate() {
        if info.element != first.element {
            return Err(ShapeError::ElementType {
                operand,
                found: info.element,
            });
        }
        let others = |x: &TensorInfo| -> Vec<Dim> {
            x.shape
                .iter()
                .enumerate()
                .filter(|(i, _)| *i != axis)
                .map(|(_, dim)| *dim)
                .collect()
        };
        if info.shape.len() != first.shape.len() || others(info) != others(first) {
            return Err(mismatch(first, info));
        }
        let dim = info.shape.get(axis).ok_or(ShapeError::Attribute("axis"))?;
        total = total
            .checked_add(dim.fixed().ok_or(ShapeError::Symbolic)?)
            .ok_or(ShapeError::TooLarge)?;
    }
    Ok((first.element, with_axis(&first.shape, axis, total)))
}

pub(super) fn split(axis: usize, sizes: &[usize], given: &[&TensorInfo]) -> Result<Vec<Fact>, ShapeError> {
    let [x] = operands(given)?;
    let length = x
        .shape
        .get(axis)
        .ok_or(ShapeError::Attribute("axis"))?
        .fixed()
        .ok_or(ShapeError::Symbolic)?;
    let total = sizes.iter().try_fold(0usize, |sum, n| sum.checked_add(*n));
    if total != Some(length) || sizes.is_empty() {
        return Err(ShapeError::Attribute("split"));
    }
    Ok(sizes
        .iter()
        .map(|size| (x.element, with_axis(&x.shape, axis, *size)))
        .collect())
}

pub(super) fn pad(before: &[i64], after: &[i64], given: &[&TensorInfo]) -> Result<Fact, ShapeError> {
    let [x] = operands(given)?;
    super::floats(given)?;
    if [before.len(), after.len()] != [x.shape.len(); 2] {
        return Err(ShapeError::Attribute("pads"));
    }
    let changed = x
        .shape
        .iter()
        .zip(before.iter().zip(after))
        .map(|(dim, pads)| match (dim, pads) {
            (dim, (0, 0)) => Ok(*dim),
            (Dim::Batch, _) => Err(ShapeError::Symbolic),
            (Dim::Fixed(n), (before, after)) => {
                let length = i64::try_from(*n)
                    .ok()
                    .and_then(|n| n.checked_add(*before))
                    .ok_or(ShapeError::TooLarge)?;
                let changed = length.checked_add(*after).ok_or(ShapeError::TooLarge)?;
                // Neither side may drop what the other added.
                let is_within = length >= 0 && changed >= 0 && after.saturating_add_unsigned(*n as u64) >= 0;
                let changed = usize::try_from(changed).ok().filter(|_| is_within);
                changed.map(Dim::Fixed).ok_or(ShapeError::Attribute("pads"))
            }
        });
    Ok((ElementType::F32, changed.collect::<Result<_, _>>()?))
}

pub(super) fn resize(scales: &[usize], given: &[&TensorInfo]) -> Result<Fact, ShapeError> {
    let [x] = operands(given)?;
    super::floats(given)?;
    if scales.len() != x.shape.len() || scales.contains(&0) {
        return Err(ShapeError::Attribute("scales"));
    }
    let grown = x.shape.iter().zip(scales).map(|(dim, scale)| match (dim, scale) {
        (dim, 1) => Ok(*dim),
        (Dim::Batch, _) => Err(ShapeError::Symbolic),
        (Dim::Fixed(n), scale) => n.checked_mul(*scale).map(Dim::Fixed).ok_or(ShapeError::TooLarge),
    });
    Ok((ElementType::F32, grown.collect::<Result<_, _>>()?))
}

pub(super) fn gather(axis: usize, given: &[&TensorInfo]) -> Result<Fact, ShapeError> {
    let [x, indices] = operands(given)?;
    if indices.element != ElementType::I64 {
        return Err(ShapeError::ElementType {
            operand: 1,
            found: indices.element,
        });
    }
    let (before, after) = match (x.shape.get(..axis), x.shape.get(axis.saturating_add(1)..)) {
        (Some(before), Some(after)) if axis < x.shape.len() => (before, after),
        _ => return Err(ShapeError::Attribute("axis")),
    };
    Ok((x.element, [before, &indices.shape, after].concat()))
}

fn with_axis(shape: &[Dim], axis: usize, length: usize) -> Vec<Dim> {
    shape
        .iter()
        .enumerate()
        .map(|(i, dim)| if i == axis { Dim::Fixed(length) } else { *dim })
        .collect()
}

pub(super) fn distinct(axes: &[usize], rank: usize, name: &'static str) -> Result<(), ShapeError> {
    let repeated = axes
        .iter()
        .enumerate()
        .any(|(i, axis)| axes.iter().skip(i + 1).any(|other| other == axis));
    if repeated || axes.iter().any(|axis| *axis >= rank) {
        Err(ShapeError::Attribute(name))
    } else {
        Ok(())
    }
}
