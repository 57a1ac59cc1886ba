//! Shape inference: what an operator makes of its operands' types and shapes, one file per family.

mod elementwise;
mod layout;
mod linear;
mod recurrent;
mod reduce;
#[cfg(test)]
mod tests;

use crate::graph::{Dim, ElementType, Op, TensorInfo, fixed};

/// Type and shape of a result.
pub type Fact = (ElementType, Vec<Dim>);

/// More elements than this in one tensor are refused: no model here comes near, and products stay far from overflow.
pub const MAX_ELEMENTS: usize = 1 << 31;

/// The most axes a tensor may have: files cannot make shapes themselves large.
pub const MAX_RANK: usize = 8;

/// Why an operator does not accept its operands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// Wrong number of operands.
    #[error("{found} operands")]
    Operands {
        /// Operands given.
        found: usize,
    },
    /// An operand of the wrong type.
    #[error("operand {operand} has the wrong element type {found:?}")]
    ElementType {
        /// Which operand.
        operand: usize,
        /// Its type.
        found: ElementType,
    },
    /// An operand with too few or too many axes.
    #[error("operand {operand} has {found} axes")]
    Rank {
        /// Which operand.
        operand: usize,
        /// Its axes.
        found: usize,
    },
    /// Shapes that do not go together.
    #[error("shapes {left:?} and {right:?} do not fit")]
    Mismatch {
        /// One shape.
        left: Vec<Dim>,
        /// The other.
        right: Vec<Dim>,
    },
    /// The operator is not defined over a symbolic batch.
    #[error("the batch is symbolic along an axis that has to be fixed")]
    Symbolic,
    /// An attribute does not fit the operands.
    #[error("attribute {0} does not fit the operands")]
    Attribute(&'static str),
    /// The result would have more than [`MAX_ELEMENTS`], or more than [`MAX_RANK`] axes.
    #[error("the result would be too large")]
    TooLarge,
}

/// Types and shapes of the results of `op`.
///
/// # Errors
/// [`ShapeError`] when the operator does not accept the operands.
pub fn infer(op: &Op, operands: &[&TensorInfo]) -> Result<Vec<Fact>, ShapeError> {
    let facts = match op {
        Op::Unary(_) | Op::LeakyRelu { .. } | Op::Clip { .. } => vec![elementwise::same(operands)?],
        Op::Binary(binary) => vec![elementwise::binary(*binary, operands)?],
        Op::Cast { to } => vec![elementwise::cast(*to, operands)?],
        Op::MatMul => vec![linear::matmul(operands)?],
        Op::Gemm { trans_a, trans_b } => vec![linear::gemm([*trans_a, *trans_b], operands)?],
        Op::Conv { pads } => vec![linear::conv(*pads, operands)?],
        Op::MaxPool { kernel } | Op::AveragePool { kernel } => vec![linear::pool(*kernel, operands)?],
        Op::BatchNormalization { .. } => vec![linear::batch_normalization(operands)?],
        Op::Lstm { hidden } => vec![recurrent::lstm(*hidden, operands)?],
        Op::Scan(scan) => recurrent::scan(scan, operands)?,
        Op::Reshape { shape } => vec![layout::reshape(shape, operands)?],
        Op::Transpose { perm } => vec![layout::transpose(perm, operands)?],
        Op::Squeeze { axes } => vec![layout::squeeze(axes, operands)?],
        Op::Unsqueeze { axes } => vec![layout::unsqueeze(axes, operands)?],
        Op::Slice {
            axes,
            starts,
            ends,
            steps,
        } => vec![layout::slice(axes, starts, ends, steps, operands)?],
        Op::Concat { axis } => vec![layout::concat(*axis, operands)?],
        Op::Split { axis, sizes } => layout::split(*axis, sizes, operands)?,
        Op::Pad { before, after, .. } => vec![layout::pad(before, after, operands)?],
        Op::Resize { scales } => vec![layout::resize(scales, operands)?],
        Op::Gather { axis } => vec![layout::gather(*axis, operands)?],
        Op::Reduce { axes, keep, .. } => vec![reduce::reduce(axes, *keep, operands)?],
        Op::LogSoftmax { axis } => vec![reduce::log_softmax(*axis, operands)?],
    };
    facts.iter().try_for_each(|(_, shape)| check_size(shape))?;
    Ok(facts)
}

pub use layout::slice_range;

fn check_size(shape: &[Dim]) -> Result<(), ShapeError> {
    if shape.len() > MAX_RANK {
        return Err(ShapeError::TooLarge);
    }
    let mut elements = 1usize;
    for dim in shape {
        elements = elements.saturating_mul(dim.fixed().unwrap_or(1));
    }
    if elements > MAX_ELEMENTS {
        Err(ShapeError::TooLarge)
    } else {
        Ok(())
    }
}

/// The operands, if there are `N`.
fn operands<'a, const N: usize>(given: &[&'a TensorInfo]) -> Result<[&'a TensorInfo; N], ShapeError> {
    <[&TensorInfo; N]>::try_from(given).map_err(|_| ShapeError::Operands { found: given.len() })
}

/// The dimensions of operand `operand`, if it has `N` of them.
fn axes<const N: usize>(operand: usize, info: &TensorInfo) -> Result<[Dim; N], ShapeError> {
    <[Dim; N]>::try_from(info.shape.as_slice()).map_err(|_| ShapeError::Rank {
        operand,
        found: info.shape.len(),
    })
}

/// The dimensions of operand `operand`, if it has `N` of them and none is symbolic.
fn fixed_axes<const N: usize>(operand: usize, info: &TensorInfo) -> Result<[usize; N], ShapeError> {
    let shape = fixed(&info.shape).ok_or(ShapeError::Symbolic)?;
    <[usize; N]>::try_from(shape.as_slice()).map_err(|_| ShapeError::Rank {
        operand,
        found: info.shape.len(),
    })
}

/// Floating point operands only.
fn floats(given: &[&TensorInfo]) -> Result<(), ShapeError> {
    match given
        .iter()
        .enumerate()
        .find(|(_, info)| info.element != ElementType::F32)
    {
        Some((operand, info)) => Err(ShapeError::ElementType {
            operand,
            found: info.element,
        }),
        None => Ok(()),
    }
}

fn mismatch(left: &TensorInfo, right: &TensorInfo) -> ShapeError {
    ShapeError::Mismatch {
        left: left.shape.clone(),
        right: right.shape.clone(),
    }
}
