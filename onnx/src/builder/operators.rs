//! One method per operator.

use std::ops::Range;

use super::{Builder, Result1};
use crate::graph::{Binary, ElementType, GraphError, Op, Reduction, Scan, TensorId, Unary};

/// Declares builder methods for operators without attributes.
macro_rules! operators {
    ($($(#[$doc:meta])* $method:ident($($operand:ident),+) = $op:expr;)+) => {
        impl Builder {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// [`GraphError::Shape`] when the shapes do not fit.
                pub fn $method(&self, $($operand: TensorId),+) -> Result1 {
                    self.one($op, &[$($operand),+])
                }
            )+
        }
    };
}

operators! {
    /// `-x`.
    neg(x) = Op::Unary(Unary::Neg);
    /// `e^x`.
    exp(x) = Op::Unary(Unary::Exp);
    /// Natural logarithm.
    log(x) = Op::Unary(Unary::Log);
    /// Square root.
    sqrt(x) = Op::Unary(Unary::Sqrt);
    /// `1 / x`.
    reciprocal(x) = Op::Unary(Unary::Reciprocal);
    /// Logistic function.
    sigmoid(x) = Op::Unary(Unary::Sigmoid);
    /// Hyperbolic tangent.
    tanh(x) = Op::Unary(Unary::Tanh);
    /// The same tensor under another id.
    identity(x) = Op::Unary(Unary::Identity);
    /// `a + b`, broadcast.
    add(a, b) = Op::Binary(Binary::Add);
    /// `a - b`, broadcast.
    sub(a, b) = Op::Binary(Binary::Sub);
    /// `a * b`, broadcast.
    mul(a, b) = Op::Binary(Binary::Mul);
    /// `a / b`, broadcast.
    div(a, b) = Op::Binary(Binary::Div);
    /// The larger of both, broadcast.
    max(a, b) = Op::Binary(Binary::Max);
    /// Matrix product of the last two axes.
    matmul(a, b) = Op::MatMul;
    /// `a b + c`.
    gemm(a, b, c) = Op::Gemm { trans_a: false, trans_b: false };
    /// `a^T b`.
    matmul_ta(a, b) = Op::Gemm { trans_a: true, trans_b: false };
    /// `a b^T`.
    matmul_tb(a, b) = Op::Gemm { trans_a: false, trans_b: true };
    /// `a b^T + c`.
    gemm_tb(a, b, c) = Op::Gemm { trans_a: false, trans_b: true };
}

impl Builder {
    /// `x + value`.
    ///
    /// # Errors
    /// [`GraphError::Shape`], here and below.
    pub fn add_scalar(&self, x: TensorId, value: f32) -> Result1 {
        self.add(x, self.scalar(value))
    }

    /// `x * value`.
    pub fn scale(&self, x: TensorId, value: f32) -> Result1 {
        self.mul(x, self.scalar(value))
    }

    /// `a == b` or `a > b` as numbers, 1 where it holds and 0 elsewhere.
    pub fn compare(&self, comparison: Binary, a: TensorId, b: TensorId) -> Result1 {
        let holds = self.one(Op::Binary(comparison), &[a, b])?;
        self.one(Op::Cast { to: ElementType::F32 }, &[holds])
    }

    /// [`Op::LeakyRelu`].
    pub fn leaky_relu(&self, x: TensorId, alpha: f32) -> Result1 {
        self.one(Op::LeakyRelu { alpha }, &[x])
    }

    /// [`Op::Clip`].
    pub fn clip(&self, x: TensorId, min: f32, max: f32) -> Result1 {
        self.one(Op::Clip { min, max }, &[x])
    }

    /// [`Op::Cast`] to 32 bit floats.
    pub fn to_f32(&self, x: TensorId) -> Result1 {
        self.one(Op::Cast { to: ElementType::F32 }, &[x])
    }

    /// [`Op::Conv`] without bias.
    pub fn conv(&self, x: TensorId, weight: TensorId, pads: [usize; 2]) -> Result1 {
        self.one(Op::Conv { pads }, &[x, weight])
    }

    /// [`Op::Conv`] with bias.
    pub fn conv_bias(&self, x: TensorId, weight: TensorId, bias: TensorId, pads: [usize; 2]) -> Result1 {
        self.one(Op::Conv { pads }, &[x, weight, bias])
    }

    /// [`Op::MaxPool`].
    pub fn max_pool(&self, x: TensorId, kernel: [usize; 2]) -> Result1 {
        self.one(Op::MaxPool { kernel }, &[x])
    }

    /// [`Op::AveragePool`].
    pub fn average_pool(&self, x: TensorId, kernel: [usize; 2]) -> Result1 {
        self.one(Op::AveragePool { kernel }, &[x])
    }

    /// [`Op::BatchNormalization`].
    pub fn batch_normalization(&self, operands: [TensorId; 5], epsilon: f32) -> Result1 {
        self.one(Op::BatchNormalization { epsilon }, &operands)
    }

    /// [`Op::Lstm`].
    pub fn lstm(&self, operands: [TensorId; 4], hidden: usize) -> Result1 {
        self.one(Op::Lstm { hidden }, &operands)
    }

    /// [`Op::Reshape`].
    pub fn reshape(&self, x: TensorId, shape: &[usize]) -> Result1 {
        self.one(Op::Reshape { shape: shape.to_vec() }, &[x])
    }

    /// [`Op::Transpose`].
    pub fn transpose(&self, x: TensorId, perm: &[usize]) -> Result1 {
        self.one(Op::Transpose { perm: perm.to_vec() }, &[x])
    }

    /// [`Op::Squeeze`].
    pub fn squeeze(&self, x: TensorId, axes: &[usize]) -> Result1 {
        self.one(Op::Squeeze { axes: axes.to_vec() }, &[x])
    }

    /// [`Op::Unsqueeze`].
    pub fn unsqueeze(&self, x: TensorId, axes: &[usize]) -> Result1 {
        self.one(Op::Unsqueeze { axes: axes.to_vec() }, &[x])
    }

    /// Elements `range` of an axis.
    pub fn slice(&self, x: TensorId, axis: usize, range: Range<usize>) -> Result1 {
        self.slices(x, &[(axis, range)])
    }

    /// Elements of a range of each of some axes.
    pub fn slices(&self, x: TensorId, ranges: &[(usize, Range<usize>)]) -> Result1 {
        let bound = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let op = Op::Slice {
            axes: ranges.iter().map(|(axis, _)| *axis).collect(),
            starts: ranges.iter().map(|(_, range)| bound(range.start)).collect(),
            ends: ranges.iter().map(|(_, range)| bound(range.end)).collect(),
            steps: vec![1; ranges.len()],
        };
        self.one(op, &[x])
    }

    /// Some axes back to front.
    pub fn flip(&self, x: TensorId, axes: &[usize]) -> Result1 {
        let shape = self.shape(x)?;
        // Counted from the end, "one before the first element" is -(length + 1).
        let ends = axes
            .iter()
            .map(|axis| -1 - i64::try_from(shape.get(*axis).copied().unwrap_or(0)).unwrap_or(0));
        let op = Op::Slice {
            axes: axes.to_vec(),
            starts: vec![-1; axes.len()],
            ends: ends.collect(),
            steps: vec![-1; axes.len()],
        };
        self.one(op, &[x])
    }

    /// [`Op::Concat`].
    pub fn concat(&self, parts: &[TensorId], axis: usize) -> Result1 {
        self.one(Op::Concat { axis }, parts)
    }

    /// [`Op::Split`].
    pub fn split(&self, x: TensorId, axis: usize, sizes: &[usize]) -> Result<Vec<TensorId>, GraphError> {
        self.push(
            Op::Split {
                axis,
                sizes: sizes.to_vec(),
            },
            &[x],
        )
    }

    /// [`Op::Split`] into `N` equal parts.
    pub fn split_even<const N: usize>(&self, x: TensorId, axis: usize) -> Result<[TensorId; N], GraphError> {
        let length = self.shape(x)?.get(axis).copied().unwrap_or(0);
        let parts = self.split(x, axis, &[length / N.max(1); N])?;
        let source = crate::shape::ShapeError::Attribute("split");
        parts.try_into().map_err(|_| GraphError::Shape { op: "Split", source })
    }

    /// [`Op::Pad`] with zeros: `pads[axis] = (before, after)`.
    pub fn pad(&self, x: TensorId, pads: &[(i64, i64)]) -> Result1 {
        let (before, after) = pads.iter().copied().unzip();
        self.one(
            Op::Pad {
                before,
                after,
                value: 0.0,
            },
            &[x],
        )
    }

    /// [`Op::Resize`].
    pub fn resize(&self, x: TensorId, scales: &[usize]) -> Result1 {
        self.one(
            Op::Resize {
                scales: scales.to_vec(),
            },
            &[x],
        )
    }

    /// [`Op::Gather`].
    pub fn gather(&self, x: TensorId, indices: TensorId, axis: usize) -> Result1 {
        self.one(Op::Gather { axis }, &[x, indices])
    }

    /// [`Op::Reduce`], dropping the axes.
    pub fn reduce(&self, reduction: Reduction, x: TensorId, axes: &[usize]) -> Result1 {
        self.one(
            Op::Reduce {
                reduction,
                axes: axes.to_vec(),
                keep: false,
            },
            &[x],
        )
    }

    /// [`Op::Reduce`], keeping the axes with length 1.
    pub fn reduce_keep(&self, reduction: Reduction, x: TensorId, axes: &[usize]) -> Result1 {
        self.one(
            Op::Reduce {
                reduction,
                axes: axes.to_vec(),
                keep: true,
            },
            &[x],
        )
    }

    /// Sum over `axes`, which are dropped.
    pub fn sum(&self, x: TensorId, axes: &[usize]) -> Result1 {
        self.reduce(Reduction::Sum, x, axes)
    }

    /// [`Op::LogSoftmax`].
    pub fn log_softmax(&self, x: TensorId, axis: usize) -> Result1 {
        self.one(Op::LogSoftmax { axis }, &[x])
    }

    /// [`Op::Scan`].
    pub fn scan(&self, scan: Scan, inputs: &[TensorId]) -> Result<Vec<TensorId>, GraphError> {
        self.push(Op::Scan(Box::new(scan)), inputs)
    }
}
