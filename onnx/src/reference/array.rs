//! Dense row-major arrays.

use crate::graph::{Literal, Values};

/// A dense array of 64 bit floats, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Array {
    /// An array of `shape`; `None` unless there are as many values as places.
    #[must_use]
    pub fn new(shape: &[usize], values: Vec<f64>) -> Option<Self> {
        (shape.iter().product::<usize>() == values.len()).then(|| Self {
            shape: shape.to_vec(),
            values,
        })
    }

    /// An array whose element at each multi-index is `element(index)`.
    #[must_use]
    pub fn from_fn(shape: &[usize], mut element: impl FnMut(&[usize]) -> f64) -> Self {
        let count = shape.iter().product();
        let mut values = Vec::with_capacity(count);
        let mut index = vec![0; shape.len()];
        for _ in 0..count {
            values.push(element(&index));
            for (position, length) in index.iter_mut().zip(shape).rev() {
                *position += 1;
                if *position < *length {
                    break;
                }
                *position = 0;
            }
        }
        Self {
            shape: shape.to_vec(),
            values,
        }
    }

    /// A constant of a graph.
    #[must_use]
    pub fn from_literal(literal: &Literal) -> Self {
        let values = match literal.values() {
            Values::F32(v) => v.iter().map(|x| f64::from(*x)).collect(),
            Values::F16(v) => v.iter().map(|x| f64::from(x.to_f32())).collect(),
            Values::I64(v) => v.iter().map(|x| *x as f64).collect(),
        };
        Self {
            shape: literal.shape().to_vec(),
            values,
        }
    }

    /// Dimensions.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Elements.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Elements, to be changed in place.
    pub fn values_mut(&mut self) -> &mut [f64] {
        &mut self.values
    }

    /// The element at a multi-index; axes of length 1 and missing leading axes repeat, 0 outside the array.
    pub(super) fn at(&self, index: &[usize]) -> f64 {
        let extra = index.len().saturating_sub(self.shape.len());
        let mut place = 0;
        for (length, position) in self.shape.iter().zip(index.iter().skip(extra)) {
            place = place * length + if *length == 1 { 0 } else { *position };
        }
        self.values.get(place).copied().unwrap_or(0.0)
    }

    pub(super) fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self {
            shape: self.shape.clone(),
            values: self.values.iter().map(|x| f(*x)).collect(),
        }
    }
}
