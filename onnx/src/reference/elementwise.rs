//! Element by element.

use half::f16;

use super::Array;
use crate::graph::{Binary, ElementType, Unary};

pub(super) fn unary(unary: Unary, x: &Array) -> Array {
    x.map(match unary {
        Unary::Identity => |v| v,
        Unary::Neg => |v: f64| -v,
        Unary::Exp => f64::exp,
        Unary::Log => f64::ln,
        Unary::Sqrt => f64::sqrt,
        Unary::Reciprocal => f64::recip,
        Unary::Sigmoid => |v: f64| 1.0 / (1.0 + (-v).exp()),
        Unary::Tanh => f64::tanh,
    })
}

pub(super) fn binary(binary: Binary, a: &Array, b: &Array) -> Option<Array> {
    let f: fn(f64, f64) -> f64 = match binary {
        Binary::Add => |x, y| x + y,
        Binary::Sub => |x, y| x - y,
        Binary::Mul => |x, y| x * y,
        Binary::Div => |x, y| x / y,
        Binary::Max => f64::max,
        Binary::Equal => |x, y| f64::from(x == y),
        Binary::Greater => |x, y| f64::from(x > y),
    };
    let shape = broadcast(a.shape(), b.shape())?;
    Some(Array::from_fn(&shape, |index| f(a.at(index), b.at(index))))
}

pub(super) fn cast(to: ElementType, x: &Array) -> Array {
    match to {
        // Not rounded to 32 bits: this interpreter computes in 64.
        ElementType::F32 => x.clone(),
        ElementType::F16 => x.map(|v| f16::from_f64(v).to_f64()),
        ElementType::I64 => x.map(f64::trunc),
        ElementType::Bool => x.map(|v| f64::from(v != 0.0)),
    }
}

/// Numpy's rules, written a second time on purpose: shape inference is checked against this.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let (longer, shorter) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    let mut shape = longer.to_vec();
    for (n, m) in shape.iter_mut().rev().zip(shorter.iter().rev()) {
        match (*n, *m) {
            (x, y) if x == y => {}
            (1, y) => *n = y,
            (_, 1) => {}
            _ => return None,
        }
    }
    Some(shape)
}
