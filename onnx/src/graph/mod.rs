//! Graphs as data: tensors with static shapes, nodes, initialisers. No execution, no gradients, no bytes.

mod literal;
mod op;
mod prune;
mod tensor;

use std::collections::BTreeMap;

pub use literal::{Literal, Values};
pub use op::{Binary, Op, Reduction, Scan, Unary};
pub use tensor::{Dim, ElementType, TensorId, TensorInfo, fixed};

use crate::shape::{self, ShapeError};

/// Why a graph cannot be built, or differentiated, as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// An operator does not accept these inputs.
    #[error("{op}: {source}")]
    Shape {
        /// Name of the operator.
        op: &'static str,
        /// What it objects to.
        source: ShapeError,
    },
    /// An id that belongs to another graph.
    #[error("tensor {0:?} is not in this graph")]
    UnknownTensor(TensorId),
    /// A literal whose values do not fill its shape.
    #[error("{elements} elements do not fill the shape {shape:?}")]
    Literal {
        /// Values given.
        elements: usize,
        /// Shape given.
        shape: Vec<usize>,
    },
    /// A fixed shape was needed where the batch is symbolic.
    #[error("the tensor has a symbolic batch, a fixed shape is needed")]
    Symbolic,
    /// Autodiff met an operator without a rule on the way from the output to what is differentiated.
    #[error("no gradient rule for {op}")]
    NoRule {
        /// Name of the operator.
        op: &'static str,
    },
    /// A differentiated tensor does not influence the output.
    #[error("the output does not depend on tensor {0:?}")]
    Independent(TensorId),
}

/// One application of an operator.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What is computed, attributes included.
    pub op: Op,
    /// Operands, in the operator's order.
    pub inputs: Vec<TensorId>,
    /// Results, in the operator's order.
    pub outputs: Vec<TensorId>,
}

/// A list of nodes in an order in which they can run, over tensors whose shapes are known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    tensors: Vec<TensorInfo>,
    nodes: Vec<Node>,
    inputs: Vec<TensorId>,
    outputs: Vec<TensorId>,
    initialisers: BTreeMap<TensorId, Literal>,
}

impl Graph {
    /// An empty graph.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an input that the caller has to provide.
    pub fn input(&mut self, name: &str, element: ElementType, shape: &[Dim]) -> TensorId {
        let id = self.tensor(TensorInfo {
            name: Some(name.to_owned()),
            element,
            shape: shape.to_vec(),
        });
        self.inputs.push(id);
        id
    }

    /// Adds a constant; `name` makes it a weight that can be read back by [`Graph::initialiser`].
    pub fn constant(&mut self, name: Option<&str>, literal: Literal) -> TensorId {
        let shape = literal.shape().iter().copied().map(Dim::Fixed).collect();
        let id = self.tensor(TensorInfo {
            name: name.map(str::to_owned),
            element: literal.element(),
            shape,
        });
        self.initialisers.insert(id, literal);
        id
    }

    /// Adds a node and returns its results.
    ///
    /// # Errors
    /// [`GraphError::Shape`] when the operator does not accept the inputs, [`GraphError::UnknownTensor`].
    pub fn push(&mut self, op: Op, inputs: &[TensorId]) -> Result<Vec<TensorId>, GraphError> {
        let facts = inputs.iter().map(|id| self.info(*id)).collect::<Result<Vec<_>, _>>()?;
        let results = shape::infer(&op, &facts).map_err(|source| GraphError::Shape { op: op.name(), source })?;
        let outputs: Vec<_> = results
            .into_iter()
            .map(|(element, shape)| {
                self.tensor(TensorInfo {
                    name: None,
                    element,
                    shape,
                })
            })
            .collect();
        self.nodes.push(Node {
            op,
            inputs: inputs.to_vec(),
            outputs: outputs.clone(),
        });
        Ok(outputs)
    }

    /// Makes a tensor a result of the graph, under `name`.
    ///
    /// # Errors
    /// [`GraphError::UnknownTensor`].
    pub fn output(&mut self, name: &str, id: TensorId) -> Result<(), GraphError> {
        let info = self.tensors.get_mut(id.index()).ok_or(GraphError::UnknownTensor(id))?;
        info.name = Some(name.to_owned());
        self.outputs.push(id);
        Ok(())
    }

    /// Names a tensor, for readers of the exported graph.
    ///
    /// # Errors
    /// [`GraphError::UnknownTensor`].
    pub fn set_name(&mut self, id: TensorId, name: &str) -> Result<(), GraphError> {
        self.tensors
            .get_mut(id.index())
            .ok_or(GraphError::UnknownTensor(id))?
            .name = Some(name.to_owned());
        Ok(())
    }

    /// Type, shape and name of a tensor.
    ///
    /// # Errors
    /// [`GraphError::UnknownTensor`].
    pub fn info(&self, id: TensorId) -> Result<&TensorInfo, GraphError> {
        self.tensors.get(id.index()).ok_or(GraphError::UnknownTensor(id))
    }

    /// The shape of a tensor without symbolic dimensions.
    ///
    /// # Errors
    /// [`GraphError::Symbolic`], [`GraphError::UnknownTensor`].
    pub fn fixed_shape(&self, id: TensorId) -> Result<Vec<usize>, GraphError> {
        fixed(&self.info(id)?.shape).ok_or(GraphError::Symbolic)
    }

    /// The nodes, in an order in which they can run.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// What the caller provides.
    #[must_use]
    pub fn inputs(&self) -> &[TensorId] {
        &self.inputs
    }

    /// What the caller gets.
    #[must_use]
    pub fn outputs(&self) -> &[TensorId] {
        &self.outputs
    }

    /// All constants.
    pub fn initialisers(&self) -> impl Iterator<Item = (TensorId, &Literal)> {
        self.initialisers.iter().map(|(id, literal)| (*id, literal))
    }

    /// The value of a constant, `None` for any other tensor.
    #[must_use]
    pub fn literal(&self, id: TensorId) -> Option<&Literal> {
        self.initialisers.get(&id)
    }

    /// The weight called `name`.
    #[must_use]
    pub fn initialiser(&self, name: &str) -> Option<&Literal> {
        self.initialisers()
            .find(|(id, _)| self.info(*id).is_ok_and(|info| info.name.as_deref() == Some(name)))
            .map(|(_, literal)| literal)
    }

    /// How many tensors there are; ids run from 0 to this.
    #[must_use]
    pub fn tensor_count(&self) -> usize {
        self.tensors.len()
    }

    fn tensor(&mut self, info: TensorInfo) -> TensorId {
        self.tensors.push(info);
        TensorId::new(self.tensors.len() - 1)
    }
}
