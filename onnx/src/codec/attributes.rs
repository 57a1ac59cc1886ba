//! Attributes of operators as ONNX writes them: some as attributes, some as constant inputs.

use super::messages::{Attribute, attribute_type};
use super::tensors::element_code;
use crate::graph::{Literal, Op, TensorId};

/// What stands at one place in a node's list of inputs.
pub(super) enum Operand {
    Tensor(TensorId),
    Constant(Literal),
    Absent,
}

/// A node's inputs and attributes.
pub(super) struct Encoded {
    pub operands: Vec<Operand>,
    pub attributes: Vec<Attribute>,
}

pub(super) fn encode_op(op: &Op, inputs: &[TensorId]) -> Encoded {
    let mut operands: Vec<_> = inputs.iter().map(|id| Operand::Tensor(*id)).collect();
    let mut attributes = Vec::new();
    match op {
        // `Scan` is written by the encoder itself, which knows the names around its body.
        Op::Unary(_) | Op::Binary(_) | Op::MatMul | Op::Scan(_) => {}
        Op::LeakyRelu { alpha } => attributes.push(float("alpha", *alpha)),
        Op::Clip { min, max } => operands.extend([*min, *max].map(|v| Operand::Constant(Literal::scalar(v)))),
        Op::Cast { to } => attributes.push(int("to", i64::from(element_code(*to)))),
        Op::Gemm { trans_a, trans_b } => {
            attributes.extend([int("transA", i64::from(*trans_a)), int("transB", i64::from(*trans_b))]);
        }
        Op::Conv { pads } => attributes.push(ints("pads", &[pads[0], pads[1], pads[0], pads[1]])),
        Op::MaxPool { kernel } | Op::AveragePool { kernel } => {
            attributes.extend([ints("kernel_shape", kernel), ints("strides", kernel)]);
        }
        Op::BatchNormalization { epsilon } => attributes.push(float("epsilon", *epsilon)),
        Op::Lstm { hidden } => attributes.push(int("hidden_size", *hidden as i64)),
        Op::Reshape { shape } => operands.push(index_list(shape)),
        Op::Transpose { perm } => attributes.push(ints("perm", perm)),
        Op::Squeeze { axes } | Op::Unsqueeze { axes } => operands.push(index_list(axes)),
        Op::Slice {
            axes,
            starts,
            ends,
            steps,
        } => {
            let list = |v: &[i64]| Operand::Constant(Literal::indices(v.to_vec()));
            operands.extend([list(starts), list(ends), index_list(axes), list(steps)]);
        }
        Op::Concat { axis } | Op::Gather { axis } | Op::LogSoftmax { axis } => {
            attributes.push(int("axis", *axis as i64));
        }
        Op::Split { axis, sizes } => {
            operands.push(index_list(sizes));
            attributes.push(int("axis", *axis as i64));
        }
        Op::Pad { before, after, value } => {
            operands.push(Operand::Constant(Literal::indices([before.as_slice(), after].concat())));
            operands.push(Operand::Constant(Literal::scalar(*value)));
        }
        Op::Resize { scales } => {
            let scales: Vec<_> = scales.iter().map(|n| *n as f32).collect();
            operands.push(Operand::Absent);
            operands.extend(Literal::f32(&[scales.len()], scales).ok().map(Operand::Constant));
            attributes.extend([
                string("mode", "nearest"),
                string("nearest_mode", "floor"),
                string("coordinate_transformation_mode", "asymmetric"),
            ]);
        }
        Op::Reduce { axes, keep, .. } => {
            operands.push(index_list(axes));
            attributes.push(int("keepdims", i64::from(*keep)));
        }
    }
    Encoded { operands, attributes }
}

fn index_list(values: &[usize]) -> Operand {
    Operand::Constant(Literal::indices(values.iter().map(|n| *n as i64).collect()))
}

fn int(name: &str, i: i64) -> Attribute {
    Attribute {
        name: name.to_owned(),
        i,
        r#type: attribute_type::INT,
        ..Attribute::default()
    }
}

fn float(name: &str, f: f32) -> Attribute {
    Attribute {
        name: name.to_owned(),
        f,
        r#type: attribute_type::FLOAT,
        ..Attribute::default()
    }
}

fn string(name: &str, s: &str) -> Attribute {
    Attribute {
        name: name.to_owned(),
        s: s.into(),
        r#type: attribute_type::STRING,
        ..Attribute::default()
    }
}

fn ints(name: &str, values: &[usize]) -> Attribute {
    let ints = values.iter().map(|n| *n as i64).collect();
    Attribute {
        name: name.to_owned(),
        ints,
        r#type: attribute_type::INTS,
        ..Attribute::default()
    }
}
