//! What is known of a tensor before it has values.

/// A tensor of one graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorId(u32);

impl TensorId {
    pub(crate) fn new(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// Position in the graph's list of tensors.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Type of a tensor's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ElementType {
    /// 32 bit floating point: everything that is computed.
    F32,
    /// 16 bit floating point: stored weights, cast before use.
    F16,
    /// 64 bit integers: indices.
    I64,
    /// Results of comparisons.
    Bool,
}

/// One dimension of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dim {
    /// A known number of elements.
    Fixed(usize),
    /// The batch, chosen when the graph runs; the same number wherever it appears.
    Batch,
}

impl Dim {
    /// The number of elements, `None` for the batch.
    #[must_use]
    pub fn fixed(self) -> Option<usize> {
        match self {
            Self::Fixed(n) => Some(n),
            Self::Batch => None,
        }
    }
}

impl From<usize> for Dim {
    fn from(n: usize) -> Self {
        Self::Fixed(n)
    }
}

/// The shape as numbers, `None` when the batch is among it.
#[must_use]
pub fn fixed(shape: &[Dim]) -> Option<Vec<usize>> {
    shape.iter().map(|dim| dim.fixed()).collect()
}

/// Type, shape and name of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Inputs, outputs and weights have a name that outsiders use; others may have none.
    pub name: Option<String>,
    /// Type of the elements.
    pub element: ElementType,
    /// Dimensions, outermost first; empty for a scalar.
    pub shape: Vec<Dim>,
}
