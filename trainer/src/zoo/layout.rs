//! Where each weight lies in the flat vectors that a training step updates.

use parallax_onnx::{Builder, Graph, GraphError, Literal, TensorId};

/// How a weight begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// Uniform in `[-bound, bound)`.
    Uniform {
        /// The bound.
        bound: f32,
    },
    /// All the same.
    Constant(f32),
}

/// One weight of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Its name in the exported graphs.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// How it begins.
    pub init: Init,
}

impl Spec {
    pub(super) fn new(name: impl Into<String>, shape: &[usize], init: Init) -> Self {
        Self {
            name: name.into(),
            shape: shape.to_vec(),
            init,
        }
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there is no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Which weights a model or a generator has, and where each lies in its flat vectors.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Layout {
    /// Learned weights, in the order of their flat vector.
    pub parameters: Vec<Spec>,
    /// Running statistics, in the order of theirs.
    pub running: Vec<Spec>,
}

impl Layout {
    /// Untrained weights; `uniform` draws from `[0, 1)`, in a fixed order.
    #[must_use]
    pub fn initial_weights(&self, uniform: &mut dyn FnMut() -> f32) -> Weights {
        Weights {
            parameters: initialise(&self.parameters, uniform),
            running: initialise(&self.running, uniform),
        }
    }

    /// The weights of an exported graph that names them all, such as [`Model::recognizer`](super::Model::recognizer)'s.
    ///
    /// # Errors
    /// [`WeightsError`] when the graph is of another model, or has its weights folded, as those for tract have.
    pub fn weights_of(&self, graph: &Graph) -> Result<Weights, WeightsError> {
        Ok(Weights {
            parameters: collect(&self.parameters, graph)?,
            running: collect(&self.running, graph)?,
        })
    }
}

/// What training changes: flat vectors in the order of a [`Layout`].
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Learned by gradient, `[P]`.
    pub parameters: Vec<f32>,
    /// Running means and variances of batch normalisation, `[R]`.
    pub running: Vec<f32>,
}

/// Why weights do not belong to a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// A vector of the wrong length.
    #[error("{found} weights, the model has {expected}")]
    Length {
        /// Weights the model has.
        expected: usize,
        /// Weights given.
        found: usize,
    },
    /// The graph has no such weight.
    #[error("the graph has no weight {0}")]
    Missing(String),
    /// The weight has another shape or element type.
    #[error("weight {0} has another shape or element type")]
    Shape(String),
    /// The model cannot be built in this size.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

/// Elements of all specs together.
pub(super) fn total(specs: &[Spec]) -> usize {
    specs.iter().map(Spec::len).sum()
}

/// First values for `specs`; `uniform` draws from `[0, 1)`.
fn initialise(specs: &[Spec], uniform: &mut dyn FnMut() -> f32) -> Vec<f32> {
    let mut values = Vec::with_capacity(total(specs));
    for spec in specs {
        match spec.init {
            Init::Constant(value) => values.extend(std::iter::repeat_n(value, spec.len())),
            Init::Uniform { bound } => values.extend((0..spec.len()).map(|_| bound * (2.0 * uniform() - 1.0))),
        }
    }
    values
}

/// The flat vector cut into the weights of `specs`.
pub(super) fn cut(specs: &[Spec], flat: &[f32]) -> Result<Vec<Literal>, WeightsError> {
    let expected = total(specs);
    if flat.len() != expected {
        return Err(WeightsError::Length {
            expected,
            found: flat.len(),
        });
    }
    let mut rest = flat;
    let mut weights = Vec::with_capacity(specs.len());
    for spec in specs {
        let (head, tail) = rest.split_at(spec.len());
        weights.push(Literal::f32(&spec.shape, head.to_vec())?);
        rest = tail;
    }
    Ok(weights)
}

/// The weights of `specs` read back from an exported graph, as one flat vector.
fn collect(specs: &[Spec], graph: &Graph) -> Result<Vec<f32>, WeightsError> {
    let mut flat = Vec::with_capacity(total(specs));
    for spec in specs {
        let literal = graph
            .initialiser(&spec.name)
            .ok_or_else(|| WeightsError::Missing(spec.name.clone()))?;
        match literal.as_f32() {
            Some(values) if literal.shape() == spec.shape => flat.extend_from_slice(values),
            _ => return Err(WeightsError::Shape(spec.name.clone())),
        }
    }
    Ok(flat)
}

/// The tensor `flat` of a graph cut into tensors of the shapes of `specs`.
pub(super) fn split(b: &Builder, specs: &[Spec], flat: TensorId) -> Result<Vec<TensorId>, GraphError> {
    let lengths: Vec<_> = specs.iter().map(Spec::len).collect();
    let parts = b.split(flat, 0, &lengths)?;
    parts
        .into_iter()
        .zip(specs)
        .map(|(part, spec)| b.reshape(part, &spec.shape))
        .collect()
}

/// Tensors of a graph as one vector.
pub(super) fn join(b: &Builder, parts: &[TensorId]) -> Result<TensorId, GraphError> {
    let flat = |id: &TensorId| b.reshape(*id, &[b.shape(*id)?.iter().product()]);
    b.concat(&parts.iter().map(flat).collect::<Result<Vec<_>, _>>()?, 0)
}
