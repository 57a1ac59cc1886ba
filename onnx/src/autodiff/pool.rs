//! Rules of pooling. The maximum's mask is found again by comparing the operand with its stretched maxima.

use super::{Cotangents, SATURATE, Vjp};
use crate::builder::{Builder, Dialect};
use crate::graph::{Binary, GraphError, Literal, TensorId};

pub(super) fn max_pool(v: &Vjp<'_>, kernel: [usize; 2]) -> Cotangents {
    Ok(vec![Some(unpool(v.b, v.operand(0)?, v.result()?, v.dy, kernel)?)])
}

/// `dy` at the places of `x` where its maxima `y` are, zeros elsewhere.
pub(crate) fn unpool(
    b: &Builder,
    x: TensorId,
    y: TensorId,
    dy: TensorId,
    kernel: [usize; 2],
) -> Result<TensorId, GraphError> {
    let ([_, _, h, w], [_, _, rows, columns]) = (b.dims(x)?, b.dims(y)?);
    let covered = [rows * kernel[0], columns * kernel[1]];
    let cropped = if [h, w] == covered {
        x
    } else {
        b.slices(x, &[(2, 0..covered[0]), (3, 0..covered[1])])?
    };
    let dx = match b.dialect() {
        Dialect::OnnxRuntime => by_equality(b, cropped, y, dy, kernel)?,
        Dialect::Tract => by_saturation(b, cropped, y, dy, kernel)?,
    };
    uncrop(b, dx, x)
}

/// Tied maxima share the cotangent evenly.
fn by_equality(
    b: &Builder,
    x: TensorId,
    y: TensorId,
    dy: TensorId,
    kernel: [usize; 2],
) -> Result<TensorId, GraphError> {
    let scales = [1, 1, kernel[0], kernel[1]];
    let mask = b.compare(Binary::Equal, x, b.resize(y, &scales)?)?;
    let ties = b.scale(b.average_pool(mask, kernel)?, (kernel[0] * kernel[1]) as f32)?;
    b.mul(mask, b.resize(b.div(dy, ties)?, &scales)?)
}

/// Tied maxima each get the whole cotangent: with real images ties are padding, and tract compares slowly.
fn by_saturation(
    b: &Builder,
    x: TensorId,
    y: TensorId,
    dy: TensorId,
    kernel: [usize; 2],
) -> Result<TensorId, GraphError> {
    let mask = is_largest(b, x, stretch(b, y, kernel)?)?;
    b.mul(stretch(b, dy, kernel)?, mask)
}

/// 1 where `x` is as large as `largest`, which it never exceeds; 0 elsewhere. No comparison: tract is slow at them.
fn is_largest(b: &Builder, x: TensorId, largest: TensorId) -> Result<TensorId, GraphError> {
    let below = b.sub(x, largest)?;
    b.clip(b.add_scalar(b.scale(below, SATURATE)?, 1.0)?, 0.0, 1.0)
}

pub(super) fn average_pool(v: &Vjp<'_>, kernel: [usize; 2]) -> Cotangents {
    let (b, x) = (v.b, v.operand(0)?);
    let share = b.scale(v.dy, 1.0 / (kernel[0] * kernel[1]) as f32)?;
    let dx = match b.dialect() {
        Dialect::OnnxRuntime => b.resize(share, &[1, 1, kernel[0], kernel[1]])?,
        Dialect::Tract => stretch(b, share, kernel)?,
    };
    Ok(vec![Some(uncrop(b, dx, x)?)])
}

/// `Resize` without `Resize`: columns by a product with a 0/1 matrix, rows by concatenation.
fn stretch(b: &Builder, x: TensorId, kernel: [usize; 2]) -> Result<TensorId, GraphError> {
    let [n, c, rows, columns] = b.dims(x)?;
    let [kh, kw] = kernel;
    let mut wide = x;
    if kw > 1 {
        let mut repeat = vec![0.0; columns * columns * kw];
        for (place, element) in repeat.iter_mut().enumerate() {
            *element = f32::from(place / (columns * kw) == place % (columns * kw) / kw);
        }
        wide = b.matmul(x, b.constant(Literal::f32(&[columns, columns * kw], repeat)?))?;
    }
    let row = b.unsqueeze(wide, &[3])?;
    b.reshape(b.concat(&vec![row; kh], 3)?, &[n, c, rows * kh, columns * kw])
}

/// Zeros for the rows and columns of `like` that the last, incomplete windows dropped.
fn uncrop(b: &Builder, x: TensorId, like: TensorId) -> Result<TensorId, GraphError> {
    let ([_, _, rows, columns], [_, _, h, w]) = (b.dims(x)?, b.dims(like)?);
    if [rows, columns] == [h, w] {
        return Ok(x);
    }
    b.pad(
        x,
        &[
            (0, 0),
            (0, 0),
            (0, h as i64 - rows as i64),
            (0, w as i64 - columns as i64),
        ],
    )
}
