//! Matrix products, convolution, pooling, normalisation.

use super::elementwise::broadcast;
use super::{Fact, ShapeError, axes, fixed_axes, floats, mismatch, operands};
use crate::graph::{Dim, ElementType, TensorInfo};

const F32: ElementType = ElementType::F32;

pub(super) fn matmul(given: &[&TensorInfo]) -> Result<Fact, ShapeError> {
    let [a, b] = operands(given)?;
    floats(given)?;
    let ([a_batch @ .., rows, inner_a], [b_batch @ .., inner_b, columns]) = (a.shape.as_slice(), b.shape.as_slice())
    else {
        return Err(mismatch(a, b));
    };
    let mut shape = broadcast(a_batch, b_batch).ok_or_else(|| mismatch(a, b))?;
    if inner_a != inner_b || *inner_a == Dim::Batch {
        return Err(mismatch(a, b));
    }
    shape.extend([*rows, *columns]);
    Ok((F32, shape))
}

pub(super) fn gemm(transposed: [bool; 2], given: &[&TensorInfo]) -> Result<Fact, ShapeError> {
    let (a, b) = match given {
        [a, b] | [a, b, _] => (*a, *b),
        _ => return Err(ShapeError::Operands { found: given.len() }),
    };
    floats(given)?;
    let orient = |dims: [Dim; 2], transposed| if transposed { [dims[1], dims[0]] } else { dims };
    let [rows, inner_a] = orient(axes(0, a)?, transposed[0]);
    let [inner_b, columns] = orient(axes(1, b)?, transposed[1]);
    if inner_a != inner_b || inner_a == Dim::Batch {
        return Err(mismatch(a, b));
    }
    let shape = vec![rows, columns];
    if let Some(c) = given.get(2)
        && broadcast(&c.shape, &shape).as_ref() != Some(&shape)
    {
        return Err(mismatch(c, a));
    }
    Ok((F32, shape))
}

pub(super) fn conv(pads: [usize; 2], given: &[&TensorInfo]) -> Result<Fact, ShapeError> {
    let (x, w) = match given {
        [x, w] | [x, w, _] => (*x, *w),
        _ => return Err(ShapeError::Operands { found: given.len() }),
    };
    floats(given)?;
    let [n, c, h, width] = axes(0, x)?;
    let [filters, channels, kh, kw] = fixed_axes(1, w)?;
    let (Some(c), Some(h), Some(width)) = (c.fixed(), h.fixed(), width.fixed()) else {
        return Err(ShapeError::Symbolic);
    };
    if c != channels || kh == 0 || kw == 0 {
        return Err(mismatch(x, w));
    }
    if let Some(bias) = given.get(2)
        && fixed_axes::<1>(2, bias)? != [filters]
    {
        return Err(mismatch(bias, w));
    }
    let size = |length: usize, pad: usize, kernel: usize| {
        pad.checked_mul(2)?
            .checked_add(length)?
            .checked_add(1)?
            .checked_sub(kernel)
            .filter(|length| *length > 0)
            .map(Dim::Fixed)
    };
    match (size(h, pads[0], kh), size(width, pads[1], kw)) {
        (Some(rows), Some(columns)) => Ok((F32, vec![n, Dim::Fixed(filters), rows, columns])),
        _ => Err(ShapeError::Attribute("pads")),
    }
}

pub(super) fn pool(kernel: [usize; 2], given: &[&TensorInfo]) -> Result<Fact, ShapeError> {
    let [x] = operands(given)?;
    floats(given)?;
    let [n, c, h, w] = axes(0, x)?;
    let (Some(h), Some(w)) = (h.fixed(), w.fixed()) else {
        return Err(ShapeError::Symbolic);
    };
    match (h.checked_div(kernel[0]), w.checked_div(kernel[1])) {
        (Some(rows), Some(columns)) if rows > 0 && columns > 0 => Ok((F32, vec![n, c, rows.into(), columns.into()])),
        _ => Err(ShapeError::Attribute("kernel")),
    }
}

pub(super) fn batch_normalization(given: &[&TensorInfo]) -> Result<Fact, ShapeError> {
    let [x, scale, bias, mean, variance] = operands(given)?;
    floats(given)?;
    let [_, channels, ..] = x.shape.as_slice() else {
        return Err(ShapeError::Rank {
            operand: 0,
            found: x.shape.len(),
        });
    };
    match [scale, bias, mean, variance].iter().find(|v| v.shape != [*channels]) {
        Some(vector) => Err(mismatch(x, vector)),
        None => Ok((F32, x.shape.clone())),
    }
}
