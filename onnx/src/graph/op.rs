//! The operators there are: a subset of ONNX, opset 18, with what ONNX passes as constant inputs kept as attributes.

use super::{ElementType, Graph};

/// An operator and its attributes. Names and meaning are those of ONNX.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// One operand, element by element.
    Unary(Unary),
    /// Two operands, element by element, broadcast to each other.
    Binary(Binary),
    /// `x` where positive, `alpha * x` elsewhere.
    LeakyRelu {
        /// Slope of the negative side.
        alpha: f32,
    },
    /// `x` limited to `[min, max]`.
    Clip {
        /// Lower limit.
        min: f32,
        /// Upper limit.
        max: f32,
    },
    /// Another element type.
    Cast {
        /// The type of the result.
        to: ElementType,
    },
    /// Matrix product over the last two axes, earlier ones broadcast.
    MatMul,
    /// `op(A) op(B) + C`, with `C` optional and broadcast, `A`, `B` matrices.
    Gemm {
        /// `A` is given transposed.
        trans_a: bool,
        /// `B` is given transposed.
        trans_b: bool,
    },
    /// Cross-correlation of `[N, C, H, W]` with `[O, C, kh, kw]`, stride 1, optional bias `[O]`.
    Conv {
        /// Zeros added on each side: rows, columns.
        pads: [usize; 2],
    },
    /// Maximum of each window of `[N, C, H, W]`; windows do not overlap, an incomplete last one is dropped.
    MaxPool {
        /// Size of a window, and the step: rows, columns.
        kernel: [usize; 2],
    },
    /// Mean of each window of `[N, C, H, W]`, as [`Op::MaxPool`].
    AveragePool {
        /// Size of a window, and the step: rows, columns.
        kernel: [usize; 2],
    },
    /// `(x - mean) / sqrt(var + epsilon) * scale + bias` per channel; inputs x, scale, bias, mean, var.
    BatchNormalization {
        /// Added to the variance.
        epsilon: f32,
    },
    /// One forward LSTM layer: X `[T, N, I]`, W `[1, 4H, I]`, R `[1, 4H, H]`, B `[1, 8H]`, gates i, o, f, c;
    /// result `[T, 1, N, H]`.
    Lstm {
        /// H.
        hidden: usize,
    },
    /// The same elements in another shape.
    Reshape {
        /// The new shape.
        shape: Vec<usize>,
    },
    /// Axes in another order.
    Transpose {
        /// Axis `i` of the result is axis `perm[i]` of the operand.
        perm: Vec<usize>,
    },
    /// Drops axes of length 1.
    Squeeze {
        /// Which, of the operand.
        axes: Vec<usize>,
    },
    /// Inserts axes of length 1.
    Unsqueeze {
        /// Where, in the result.
        axes: Vec<usize>,
    },
    /// A range of some axes.
    Slice {
        /// Which axes.
        axes: Vec<usize>,
        /// First index of each; negative counts from the end.
        starts: Vec<i64>,
        /// Index after the last of each; negative counts from the end, values beyond it are clamped.
        ends: Vec<i64>,
        /// Distance between two indices of each, not 0.
        steps: Vec<i64>,
    },
    /// Operands one after the other.
    Concat {
        /// Along this axis.
        axis: usize,
    },
    /// The operand cut into pieces.
    Split {
        /// Along this axis.
        axis: usize,
        /// Length of each piece; their sum is the axis.
        sizes: Vec<usize>,
    },
    /// A border of one value; where it is negative, elements are dropped instead.
    Pad {
        /// Elements added before each axis.
        before: Vec<i64>,
        /// Elements added after each axis.
        after: Vec<i64>,
        /// What they are.
        value: f32,
    },
    /// Every element repeated `scales[axis]` times along each axis (nearest neighbour).
    Resize {
        /// Repetitions per axis.
        scales: Vec<usize>,
    },
    /// Rows of the first operand picked by the second, integers.
    Gather {
        /// Along this axis.
        axis: usize,
    },
    /// Axes reduced to one number.
    Reduce {
        /// How.
        reduction: Reduction,
        /// Which axes.
        axes: Vec<usize>,
        /// Axes stay, with length 1.
        keep: bool,
    },
    /// `x - log(sum(exp(x)))` along an axis.
    LogSoftmax {
        /// The axis.
        axis: usize,
    },
    /// A loop over the first axis of some operands.
    Scan(Box<Scan>),
}

/// One operand, element by element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Unary {
    Identity,
    Neg,
    Exp,
    Log,
    Sqrt,
    Reciprocal,
    Sigmoid,
    Tanh,
}

/// Two operands, element by element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Max,
    Equal,
    Greater,
}

/// How axes are reduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// Sum.
    Sum,
    /// Arithmetic mean.
    Mean,
    /// Maximum.
    Max,
    /// Root of the sum of squares.
    L2,
    /// Logarithm of the sum of exponentials.
    LogSumExp,
}

/// A loop. Operands: initial states, then scanned tensors, then captured tensors of the outer graph. The body's
/// inputs are in the same order: states, one slice of each scanned tensor, captured tensors. The body's outputs: next
/// states, then one slice of each scan output. Results: last states, then scan outputs stacked along a new first axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Scan {
    /// One step.
    pub body: Graph,
    /// How many states there are.
    pub states: usize,
    /// How many tensors are scanned.
    pub scanned: usize,
    /// From the last slice to the first, for inputs and outputs alike.
    pub reverse: bool,
}

impl Op {
    /// The operator's name in ONNX.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unary(unary) => unary.name(),
            Self::Binary(binary) => binary.name(),
            Self::LeakyRelu { .. } => "LeakyRelu",
            Self::Clip { .. } => "Clip",
            Self::Cast { .. } => "Cast",
            Self::MatMul => "MatMul",
            Self::Gemm { .. } => "Gemm",
            Self::Conv { .. } => "Conv",
            Self::MaxPool { .. } => "MaxPool",
            Self::AveragePool { .. } => "AveragePool",
            Self::BatchNormalization { .. } => "BatchNormalization",
            Self::Lstm { .. } => "LSTM",
            Self::Reshape { .. } => "Reshape",
            Self::Transpose { .. } => "Transpose",
            Self::Squeeze { .. } => "Squeeze",
            Self::Unsqueeze { .. } => "Unsqueeze",
            Self::Slice { .. } => "Slice",
            Self::Concat { .. } => "Concat",
            Self::Split { .. } => "Split",
            Self::Pad { .. } => "Pad",
            Self::Resize { .. } => "Resize",
            Self::Gather { .. } => "Gather",
            Self::Reduce { reduction, .. } => reduction.name(),
            Self::LogSoftmax { .. } => "LogSoftmax",
            Self::Scan(_) => "Scan",
        }
    }
}

impl Unary {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Identity,
        Self::Neg,
        Self::Exp,
        Self::Log,
        Self::Sqrt,
        Self::Reciprocal,
        Self::Sigmoid,
        Self::Tanh,
    ];

    /// The operator's name in ONNX.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "Identity",
            Self::Neg => "Neg",
            Self::Exp => "Exp",
            Self::Log => "Log",
            Self::Sqrt => "Sqrt",
            Self::Reciprocal => "Reciprocal",
            Self::Sigmoid => "Sigmoid",
            Self::Tanh => "Tanh",
        }
    }
}

impl Binary {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Add,
        Self::Sub,
        Self::Mul,
        Self::Div,
        Self::Max,
        Self::Equal,
        Self::Greater,
    ];

    /// The operator's name in ONNX.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "Add",
            Self::Sub => "Sub",
            Self::Mul => "Mul",
            Self::Div => "Div",
            Self::Max => "Max",
            Self::Equal => "Equal",
            Self::Greater => "Greater",
        }
    }
}

impl Reduction {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Sum, Self::Mean, Self::Max, Self::L2, Self::LogSumExp];

    /// The operator's name in ONNX.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sum => "ReduceSum",
            Self::Mean => "ReduceMean",
            Self::Max => "ReduceMax",
            Self::L2 => "ReduceL2",
            Self::LogSumExp => "ReduceLogSumExp",
        }
    }
}
