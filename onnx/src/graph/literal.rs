//! Constant tensors.

use half::f16;

use super::{ElementType, GraphError};

/// A constant tensor, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Literal {
    shape: Vec<usize>,
    values: Values,
}

/// Elements of a [`Literal`].
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// 32 bit floating point.
    F32(Vec<f32>),
    /// 16 bit floating point.
    F16(Vec<f16>),
    /// 64 bit integers.
    I64(Vec<i64>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::F32(v) => v.len(),
            Self::F16(v) => v.len(),
            Self::I64(v) => v.len(),
        }
    }
}

impl Literal {
    /// A tensor of `shape`.
    ///
    /// # Errors
    /// [`GraphError::Literal`] unless there are as many values as the shape has places.
    pub fn new(shape: &[usize], values: Values) -> Result<Self, GraphError> {
        let places = shape.iter().try_fold(1usize, |product, n| product.checked_mul(*n));
        if places != Some(values.len()) {
            return Err(GraphError::Literal {
                elements: values.len(),
                shape: shape.to_vec(),
            });
        }
        Ok(Self {
            shape: shape.to_vec(),
            values,
        })
    }

    /// A tensor of 32 bit floats.
    ///
    /// # Errors
    /// [`GraphError::Literal`].
    pub fn f32(shape: &[usize], values: Vec<f32>) -> Result<Self, GraphError> {
        Self::new(shape, Values::F32(values))
    }

    /// A scalar.
    #[must_use]
    pub fn scalar(value: f32) -> Self {
        Self {
            shape: vec![],
            values: Values::F32(vec![value]),
        }
    }

    /// A vector of integers.
    #[must_use]
    pub fn indices(values: Vec<i64>) -> Self {
        Self {
            shape: vec![values.len()],
            values: Values::I64(values),
        }
    }

    /// The same numbers rounded to 16 bits, half the size; integers stay as they are.
    #[must_use]
    pub fn to_f16(&self) -> Self {
        let values = match &self.values {
            Values::F32(v) => Values::F16(v.iter().map(|x| f16::from_f32(*x)).collect()),
            other => other.clone(),
        };
        Self {
            shape: self.shape.clone(),
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
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Elements, if they are 32 bit floats.
    #[must_use]
    pub fn as_f32(&self) -> Option<&[f32]> {
        match &self.values {
            Values::F32(v) => Some(v),
            _ => None,
        }
    }

    /// Elements, if they are integers.
    #[must_use]
    pub fn as_i64(&self) -> Option<&[i64]> {
        match &self.values {
            Values::I64(v) => Some(v),
            _ => None,
        }
    }

    /// Type of the elements.
    #[must_use]
    pub fn element(&self) -> ElementType {
        match self.values {
            Values::F32(_) => ElementType::F32,
            Values::F16(_) => ElementType::F16,
            Values::I64(_) => ElementType::I64,
        }
    }
}
