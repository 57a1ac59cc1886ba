//! Rules of operators that work element by element.

use super::{Cotangents, SATURATE, Vjp};
use crate::builder::Dialect;
use crate::graph::{Binary, GraphError, TensorId, Unary};

pub(super) fn unary(v: &Vjp<'_>, unary: Unary) -> Cotangents {
    let (b, x, y, dy) = (v.b, v.operand(0)?, v.result()?, v.dy);
    let one = b.scalar(1.0);
    let dx = match unary {
        Unary::Identity => dy,
        Unary::Neg => b.neg(dy)?,
        Unary::Exp => b.mul(dy, y)?,
        Unary::Log => b.div(dy, x)?,
        Unary::Sqrt => b.div(b.scale(dy, 0.5)?, y)?,
        Unary::Reciprocal => b.neg(b.mul(dy, b.mul(y, y)?)?)?,
        Unary::Sigmoid => b.mul(dy, b.mul(y, b.sub(one, y)?)?)?,
        Unary::Tanh => b.mul(dy, b.sub(one, b.mul(y, y)?)?)?,
    };
    Ok(vec![Some(dx)])
}

pub(super) fn binary(v: &Vjp<'_>, binary: Binary) -> Cotangents {
    let (b, x, z, dy) = (v.b, v.operand(0)?, v.operand(1)?, v.dy);
    let left = |emit: &dyn Fn() -> Result<TensorId, GraphError>| v.when(0, || unbroadcast(v, emit()?, x));
    let right = |emit: &dyn Fn() -> Result<TensorId, GraphError>| v.when(1, || unbroadcast(v, emit()?, z));
    Ok(match binary {
        Binary::Add => vec![left(&|| Ok(dy))?, right(&|| Ok(dy))?],
        Binary::Sub => vec![left(&|| Ok(dy))?, right(&|| b.neg(dy))?],
        Binary::Mul => vec![left(&|| b.mul(dy, z))?, right(&|| b.mul(dy, x))?],
        Binary::Div => {
            let y = v.result()?;
            vec![left(&|| b.div(dy, z))?, right(&|| b.neg(b.div(b.mul(dy, y)?, z)?))?]
        }
        Binary::Max => {
            let share = |mine, other| {
                let (wins, ties) = (
                    b.compare(Binary::Greater, mine, other)?,
                    b.compare(Binary::Equal, mine, other)?,
                );
                b.mul(dy, b.add(wins, b.scale(ties, 0.5)?)?)
            };
            vec![left(&|| share(x, z))?, right(&|| share(z, x))?]
        }
        // Steps: flat wherever they have a derivative.
        Binary::Equal | Binary::Greater => vec![None, None],
    })
}

pub(super) fn leaky_relu(v: &Vjp<'_>, alpha: f32) -> Cotangents {
    let (b, x) = (v.b, v.operand(0)?);
    let positive = match b.dialect() {
        Dialect::OnnxRuntime => b.compare(Binary::Greater, x, b.scalar(0.0))?,
        Dialect::Tract => b.clip(b.scale(x, SATURATE)?, 0.0, 1.0)?,
    };
    let slope = b.add_scalar(b.scale(positive, 1.0 - alpha)?, alpha)?;
    Ok(vec![Some(b.mul(v.dy, slope)?)])
}

pub(super) fn clip(v: &Vjp<'_>, min: f32, max: f32) -> Cotangents {
    let (b, x) = (v.b, v.operand(0)?);
    let above = b.compare(Binary::Greater, x, b.scalar(min))?;
    let below = b.compare(Binary::Greater, b.scalar(max), x)?;
    Ok(vec![Some(b.mul(v.dy, b.mul(above, below)?)?)])
}

/// Sums `gradient` over the axes along which `operand` was broadcast.
pub(super) fn unbroadcast(v: &Vjp<'_>, gradient: TensorId, operand: TensorId) -> Result<TensorId, GraphError> {
    let (from, to) = (v.b.shape(gradient)?, v.b.shape(operand)?);
    if from == to {
        return Ok(gradient);
    }
    let added = from.len().saturating_sub(to.len());
    let stretched = |axis: usize| axis < added || (to.get(axis - added) == Some(&1) && from.get(axis) != Some(&1));
    let axes: Vec<_> = (0..from.len()).filter(|axis| stretched(*axis)).collect();
    v.b.reshape(v.b.sum(gradient, &axes)?, &to)
}
