//! Rules of reductions and the softmax.

use super::{Cotangents, Vjp};
use crate::graph::{Binary, Reduction};

pub(super) fn reduce(v: &Vjp<'_>, reduction: Reduction, axes: &[usize]) -> Cotangents {
    let (b, x) = (v.b, v.operand(0)?);
    let shape = b.shape(x)?;
    let kept: Vec<_> = shape
        .iter()
        .enumerate()
        .map(|(i, n)| if axes.contains(&i) { 1 } else { *n })
        .collect();
    let (dy, y) = (b.reshape(v.dy, &kept)?, b.reshape(v.result()?, &kept)?);
    let count: usize = axes.iter().filter_map(|axis| shape.get(*axis)).product();
    let spread = |dy| b.mul(b.full(&shape, 1.0)?, dy);
    let dx = match reduction {
        Reduction::Sum => spread(dy)?,
        Reduction::Mean => spread(b.scale(dy, 1.0 / count as f32)?)?,
        Reduction::Max => {
            let mask = b.compare(Binary::Equal, x, y)?;
            let ties = b.reduce_keep(Reduction::Sum, mask, axes)?;
            b.mul(mask, b.div(dy, ties)?)?
        }
        Reduction::L2 => b.mul(x, b.div(dy, y)?)?,
        Reduction::LogSumExp => b.mul(b.exp(b.sub(x, y)?)?, dy)?,
    };
    Ok(vec![Some(dx)])
}

pub(super) fn log_softmax(v: &Vjp<'_>, axis: usize) -> Cotangents {
    let (b, y, dy) = (v.b, v.result()?, v.dy);
    let total = b.reduce_keep(Reduction::Sum, dy, &[axis])?;
    Ok(vec![Some(b.sub(dy, b.mul(b.exp(y)?, total)?)?)])
}
