//! Building graphs: one method per operator, constants shared, regions with a gradient rule of their own.

mod operators;

use std::cell::RefCell;
use std::ops::Range;

use crate::graph::{Dim, ElementType, Graph, GraphError, Literal, Op, TensorId};

/// Which runtime a graph is for: both are right everywhere, each is fast on one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Unrolled recurrences, batched products, equality masks.
    OnnxRuntime,
    /// `Scan`, products instead of resizing, saturating arithmetic instead of comparisons.
    Tract,
}

/// The gradient of a region: from the cotangents of its outputs (`None` where nothing depends on one) and which inputs
/// are wanted, the cotangents of its inputs.
pub type Rule = Box<dyn Fn(&Builder, &[Option<TensorId>], &[bool]) -> Result<Vec<Option<TensorId>>, GraphError>>;

/// Nodes that are differentiated as one, like JAX's `custom_vjp`.
pub(crate) struct Region {
    pub(crate) nodes: Range<usize>,
    pub(crate) inputs: Vec<TensorId>,
    pub(crate) outputs: Vec<TensorId>,
    pub(crate) rule: Rule,
}

/// A graph under construction. Methods take `&self` so that calls nest: `b.add(b.mul(x, y)?, z)?`.
pub struct Builder {
    dialect: Dialect,
    graph: RefCell<Graph>,
    shared: RefCell<Vec<(Literal, TensorId)>>,
    regions: RefCell<Vec<Region>>,
}

type Result1 = Result<TensorId, GraphError>;

/// Literals up to this many elements are stored once however often they are asked for.
const SHARED_ELEMENTS: usize = 64;

impl Builder {
    /// An empty graph for `dialect`.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            graph: RefCell::new(Graph::new()),
            shared: RefCell::default(),
            regions: RefCell::default(),
        }
    }

    /// The runtime this graph is for.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The graph, without what no output needs.
    #[must_use]
    pub fn finish(self) -> Graph {
        self.graph.into_inner().pruned()
    }

    /// A 32 bit float input of fixed shape.
    pub fn input(&self, name: &str, shape: &[usize]) -> TensorId {
        let shape: Vec<_> = shape.iter().copied().map(Dim::Fixed).collect();
        self.input_with_batch(name, &shape)
    }

    /// A 32 bit float input whose shape may contain the symbolic batch.
    pub fn input_with_batch(&self, name: &str, shape: &[Dim]) -> TensorId {
        self.graph.borrow_mut().input(name, ElementType::F32, shape)
    }

    /// Makes `tensor` a result of the graph.
    ///
    /// # Errors
    /// [`GraphError::UnknownTensor`].
    pub fn output(&self, name: &str, tensor: TensorId) -> Result<(), GraphError> {
        self.graph.borrow_mut().output(name, tensor)
    }

    /// A named constant that can be read back from the exported graph.
    pub fn weight(&self, name: &str, literal: Literal) -> TensorId {
        self.graph.borrow_mut().constant(Some(name), literal)
    }

    /// A constant; small ones are stored once.
    pub fn constant(&self, literal: Literal) -> TensorId {
        let small = literal.shape().iter().product::<usize>() <= SHARED_ELEMENTS;
        let known = self
            .shared
            .borrow()
            .iter()
            .find(|(other, _)| *other == literal)
            .map(|(_, id)| *id);
        if let (true, Some(id)) = (small, known) {
            return id;
        }
        let id = self.graph.borrow_mut().constant(None, literal.clone());
        if small {
            self.shared.borrow_mut().push((literal, id));
        }
        id
    }

    /// A scalar constant.
    pub fn scalar(&self, value: f32) -> TensorId {
        self.constant(Literal::scalar(value))
    }

    /// A constant of `shape`, all `value`.
    ///
    /// # Errors
    /// [`GraphError::Literal`] if the shape overflows.
    pub fn full(&self, shape: &[usize], value: f32) -> Result1 {
        Ok(self.constant(Literal::f32(shape, vec![value; shape.iter().product()])?))
    }

    /// The shape of a tensor.
    ///
    /// # Errors
    /// [`GraphError::Symbolic`], [`GraphError::UnknownTensor`].
    pub fn shape(&self, tensor: TensorId) -> Result<Vec<usize>, GraphError> {
        self.graph.borrow().fixed_shape(tensor)
    }

    /// The shape of a tensor that must have `N` axes.
    ///
    /// # Errors
    /// As [`Builder::shape`]; [`GraphError::Shape`] for another number of axes.
    pub fn dims<const N: usize>(&self, tensor: TensorId) -> Result<[usize; N], GraphError> {
        let shape = self.shape(tensor)?;
        let found = shape.len();
        let source = crate::shape::ShapeError::Rank { operand: 0, found };
        shape.try_into().map_err(|_| GraphError::Shape { op: "shape", source })
    }

    /// Number of axes of a tensor.
    ///
    /// # Errors
    /// [`GraphError::UnknownTensor`].
    pub fn rank(&self, tensor: TensorId) -> Result<usize, GraphError> {
        Ok(self.graph.borrow().info(tensor)?.shape.len())
    }

    /// Any operator.
    ///
    /// # Errors
    /// [`GraphError::Shape`] when it does not accept the inputs.
    pub fn push(&self, op: Op, inputs: &[TensorId]) -> Result<Vec<TensorId>, GraphError> {
        self.graph.borrow_mut().push(op, inputs)
    }

    /// Runs `build`, which emits nodes that compute outputs from `inputs` and returns them with their gradient rule;
    /// autodiff will use the rule instead of looking inside.
    ///
    /// # Errors
    /// Those of `build`.
    pub fn region<F>(&self, inputs: &[TensorId], build: F) -> Result<Vec<TensorId>, GraphError>
    where
        F: FnOnce(&Self) -> Result<(Vec<TensorId>, Rule), GraphError>,
    {
        let start = self.graph.borrow().nodes().len();
        let (outputs, rule) = build(self)?;
        let end = self.graph.borrow().nodes().len();
        let region = Region {
            nodes: start..end,
            inputs: inputs.to_vec(),
            outputs: outputs.clone(),
            rule,
        };
        self.regions.borrow_mut().push(region);
        Ok(outputs)
    }

    pub(crate) fn with_graph<T>(&self, read: impl FnOnce(&Graph) -> T) -> T {
        read(&self.graph.borrow())
    }

    pub(crate) fn take_regions(&self) -> Vec<Region> {
        self.regions.take()
    }

    pub(crate) fn restore_regions(&self, regions: Vec<Region>) {
        // Regions that rules opened while regions were taken out stay, after the older ones.
        let newer = self.regions.replace(regions);
        self.regions.borrow_mut().extend(newer);
    }

    fn one(&self, op: Op, inputs: &[TensorId]) -> Result1 {
        let name = op.name();
        let results = self.push(op, inputs)?;
        let source = crate::shape::ShapeError::Operands { found: inputs.len() };
        results.first().copied().ok_or(GraphError::Shape { op: name, source })
    }
}
