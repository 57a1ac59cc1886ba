//! Reverse-mode autodiff: one rule per operator that emits graph nodes. Rules live in the files of their families;
//! regions of [`Builder::region`] bring their own.

mod elementwise;
mod layout;
mod linear;
pub(crate) mod pool;
mod reduce;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::builder::{Builder, Region};
use crate::graph::{ElementType, GraphError, Node, Op, TensorId};

/// Large enough to drive a product into the limits of a Clip, small enough not to overflow.
pub(crate) const SATURATE: f32 = 1e30;

/// What a rule sees: the node, the cotangent of its (first) result, and which operands' cotangents are wanted.
struct Vjp<'a> {
    b: &'a Builder,
    node: &'a Node,
    dy: TensorId,
    wants: &'a [bool],
}

type Cotangents = Result<Vec<Option<TensorId>>, GraphError>;

impl Vjp<'_> {
    /// Operand `position` of the node.
    fn operand(&self, position: usize) -> Result<TensorId, GraphError> {
        self.node.inputs.get(position).copied().ok_or(GraphError::NoRule {
            op: self.node.op.name(),
        })
    }

    /// The node's first result.
    fn result(&self) -> Result<TensorId, GraphError> {
        self.node.outputs.first().copied().ok_or(GraphError::NoRule {
            op: self.node.op.name(),
        })
    }

    fn wants(&self, position: usize) -> bool {
        self.wants.get(position).copied().unwrap_or(false)
    }

    /// `emit` if the cotangent of operand `position` is wanted.
    fn when<F>(&self, position: usize, emit: F) -> Result<Option<TensorId>, GraphError>
    where
        F: FnOnce() -> Result<TensorId, GraphError>,
    {
        if self.wants(position) {
            emit().map(Some)
        } else {
            Ok(None)
        }
    }
}

/// Emits nodes that compute the gradient of the sum of `output` with respect to each of `wrt`.
///
/// # Errors
/// [`GraphError::NoRule`] for an operator on the way that has no rule, [`GraphError::Independent`] for a tensor that
/// `output` does not depend on.
pub fn gradients(b: &Builder, output: TensorId, wrt: &[TensorId]) -> Result<Vec<TensorId>, GraphError> {
    let regions = b.take_regions();
    let result = Sweep::new(b, output, wrt).and_then(|sweep| sweep.run(&regions, wrt));
    b.restore_regions(regions);
    result
}

/// The state of one walk over the nodes, last to first.
struct Sweep<'b> {
    b: &'b Builder,
    nodes: Vec<Node>,
    /// Tensors on a way from `wrt`.
    depends: Vec<bool>,
    cotangents: HashMap<TensorId, TensorId>,
}

impl<'b> Sweep<'b> {
    fn new(b: &'b Builder, output: TensorId, wrt: &[TensorId]) -> Result<Self, GraphError> {
        let (nodes, tensors) = b.with_graph(|graph| (graph.nodes().to_vec(), graph.tensor_count()));
        let mut depends: Vec<bool> = (0..tensors)
            .map(|index| wrt.iter().any(|id| id.index() == index))
            .collect();
        for node in &nodes {
            if node.inputs.iter().any(|id| depends.get(id.index()) == Some(&true)) {
                for id in &node.outputs {
                    if let Some(slot) = depends.get_mut(id.index()) {
                        *slot = true;
                    }
                }
            }
        }
        let seed = b.full(&b.shape(output)?, 1.0)?;
        Ok(Self {
            b,
            nodes,
            depends,
            cotangents: HashMap::from([(output, seed)]),
        })
    }

    fn run(mut self, regions: &[Region], wrt: &[TensorId]) -> Result<Vec<TensorId>, GraphError> {
        let nodes = std::mem::take(&mut self.nodes);
        let mut end = nodes.len();
        while let Some(node) = end.checked_sub(1).and_then(|last| nodes.get(last)) {
            if let Some(region) = regions.iter().find(|region| region.nodes.contains(&(end - 1))) {
                self.visit(&region.inputs, &region.outputs, |b, dy, wants| {
                    (region.rule)(b, dy, wants)
                })?;
                end = region.nodes.start;
            } else {
                self.visit(&node.inputs, &node.outputs, |b, dy, wants| rule(b, node, dy, wants))?;
                end -= 1;
            }
        }
        wrt.iter()
            .map(|id| self.cotangents.get(id).copied().ok_or(GraphError::Independent(*id)))
            .collect()
    }

    /// Passes the cotangents of `outputs` on to `inputs`.
    fn visit<F>(&mut self, inputs: &[TensorId], outputs: &[TensorId], rule: F) -> Result<(), GraphError>
    where
        F: FnOnce(&Builder, &[Option<TensorId>], &[bool]) -> Cotangents,
    {
        let dy: Vec<_> = outputs.iter().map(|id| self.cotangents.get(id).copied()).collect();
        let wants: Vec<_> = inputs
            .iter()
            .map(|id| self.depends.get(id.index()) == Some(&true))
            .collect();
        if dy.iter().all(Option::is_none) || !wants.contains(&true) {
            return Ok(());
        }
        let dx = rule(self.b, &dy, &wants)?;
        for ((id, cotangent), wanted) in inputs.iter().zip(dx).zip(wants) {
            if let (Some(cotangent), true) = (cotangent, wanted) {
                let sum = match self.cotangents.get(id) {
                    Some(earlier) => self.b.add(*earlier, cotangent)?,
                    None => cotangent,
                };
                self.cotangents.insert(*id, sum);
            }
        }
        Ok(())
    }
}

/// The table: cotangents of a node's operands from those of its results.
fn rule(b: &Builder, node: &Node, dy: &[Option<TensorId>], wants: &[bool]) -> Cotangents {
    if let Op::Split { axis, .. } = &node.op {
        return layout::split(b, node, *axis, dy);
    }
    let no_rule = || GraphError::NoRule { op: node.op.name() };
    let dy = dy.first().copied().flatten().ok_or_else(no_rule)?;
    let v = Vjp { b, node, dy, wants };
    match &node.op {
        Op::Unary(unary) => elementwise::unary(&v, *unary),
        Op::Binary(binary) => elementwise::binary(&v, *binary),
        Op::LeakyRelu { alpha } => elementwise::leaky_relu(&v, *alpha),
        Op::Clip { min, max } => elementwise::clip(&v, *min, *max),
        Op::MatMul => linear::matmul(&v),
        Op::Gemm { trans_a, trans_b } => linear::gemm(&v, *trans_a, *trans_b),
        Op::Conv { pads } => linear::conv(&v, *pads),
        Op::MaxPool { kernel } => pool::max_pool(&v, *kernel),
        Op::AveragePool { kernel } => pool::average_pool(&v, *kernel),
        Op::Reshape { .. } | Op::Squeeze { .. } | Op::Unsqueeze { .. } => layout::reshape(&v),
        Op::Transpose { perm } => layout::transpose(&v, perm),
        Op::Slice {
            axes,
            starts,
            ends,
            steps,
        } => layout::slice(&v, axes, starts, ends, steps),
        Op::Concat { axis } => layout::concat(&v, *axis),
        Op::Pad { before, after, .. } => layout::pad(&v, before, after),
        Op::Resize { scales } => layout::resize(&v, scales),
        Op::Reduce { reduction, axes, .. } => reduce::reduce(&v, *reduction, axes),
        Op::LogSoftmax { axis } => reduce::log_softmax(&v, *axis),
        // Where a comparison becomes a number, it is flat.
        Op::Cast { to: ElementType::F32 } if is_comparison(b, node)? => Ok(vec![None]),
        // Integer indices, statistics and loops appear only in regions, or not on the way to what is differentiated.
        Op::Split { .. } | Op::Gather { .. } | Op::BatchNormalization { .. } => Err(no_rule()),
        Op::Cast { .. } | Op::Lstm { .. } | Op::Scan(_) => Err(no_rule()),
    }
}

/// Whether the node's operand is a truth value.
fn is_comparison(b: &Builder, node: &Node) -> Result<bool, GraphError> {
    let operand = node
        .inputs
        .first()
        .copied()
        .ok_or(GraphError::NoRule { op: node.op.name() })?;
    b.with_graph(|graph| Ok(graph.info(operand)?.element == ElementType::Bool))
}
