//! A naive interpreter in 64 bit arithmetic: slow, simple, and therefore what everything else is checked against.
//!
//! Every element type is held as `f64`, which represents 16 and 32 bit floats and all indices in use exactly.

mod array;
mod elementwise;
mod layout;
mod linear;
mod recurrent;
mod reduce;

use std::collections::{BTreeMap, HashMap};

pub use array::Array;

use crate::graph::{Dim, Graph, Op, TensorId};

/// Why a graph cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// An input was not given.
    #[error("input {0:?} is missing")]
    Missing(String),
    /// An array of another shape than the graph or the operator wants.
    #[error("{0}: wrong shape")]
    Shape(String),
}

/// Computes all outputs of `graph` from `inputs`, both by name. A symbolic batch takes the size that inputs have.
///
/// # Errors
/// [`ReferenceError`] when inputs are missing or of the wrong shape.
pub fn run(graph: &Graph, inputs: &BTreeMap<String, Array>) -> Result<BTreeMap<String, Array>, ReferenceError> {
    let name = |id: TensorId| {
        graph
            .info(id)
            .ok()
            .and_then(|info| info.name.clone())
            .unwrap_or_default()
    };
    let mut given = Vec::new();
    for id in graph.inputs() {
        let name = name(*id);
        let array = inputs.get(&name).ok_or_else(|| ReferenceError::Missing(name.clone()))?;
        if !graph.info(*id).is_ok_and(|info| fits(&info.shape, array)) {
            return Err(ReferenceError::Shape(name));
        }
        given.push(array.clone());
    }
    let results = run_positional(graph, given)?;
    Ok(graph.outputs().iter().map(|id| name(*id)).zip(results).collect())
}

/// As [`run`], inputs and outputs in the graph's order.
fn run_positional(graph: &Graph, inputs: Vec<Array>) -> Result<Vec<Array>, ReferenceError> {
    let mut values: HashMap<TensorId, Array> = graph.inputs().iter().copied().zip(inputs).collect();
    values.extend(
        graph
            .initialisers()
            .map(|(id, literal)| (id, Array::from_literal(literal))),
    );
    let missing = |id: &TensorId| ReferenceError::Missing(format!("{id:?}"));
    for node in graph.nodes() {
        let operands = node.inputs.iter().map(|id| values.get(id).ok_or_else(|| missing(id)));
        let results = evaluate(&node.op, &operands.collect::<Result<Vec<_>, _>>()?)
            .filter(|results| as_inferred(graph, &node.outputs, results))
            .ok_or_else(|| ReferenceError::Shape(node.op.name().to_owned()))?;
        values.extend(node.outputs.iter().copied().zip(results));
    }
    graph
        .outputs()
        .iter()
        .map(|id| values.get(id).cloned().ok_or_else(|| missing(id)))
        .collect()
}

/// Whether results have the shapes that inference gave them: every graph that is run checks that inference as well.
fn as_inferred(graph: &Graph, ids: &[TensorId], results: &[Array]) -> bool {
    let same = |(id, array): (&TensorId, &Array)| graph.info(*id).is_ok_and(|info| fits(&info.shape, array));
    ids.len() == results.len() && ids.iter().zip(results).all(same)
}

/// Whether the array has this shape, for some size of the batch.
fn fits(shape: &[Dim], array: &Array) -> bool {
    let equal = |(dim, n): (&Dim, &usize)| dim.fixed().is_none_or(|dim| dim == *n);
    shape.len() == array.shape().len() && shape.iter().zip(array.shape()).all(equal)
}

/// Results of one operator, `None` when the operands do not fit it.
fn evaluate(op: &Op, x: &[&Array]) -> Option<Vec<Array>> {
    let first = *x.first()?;
    Some(match op {
        Op::Unary(unary) => vec![elementwise::unary(*unary, first)],
        Op::Binary(binary) => vec![elementwise::binary(*binary, first, x.get(1)?)?],
        Op::LeakyRelu { alpha } => vec![first.map(|v| if v > 0.0 { v } else { f64::from(*alpha) * v })],
        Op::Clip { min, max } => vec![first.map(|v| v.max(f64::from(*min)).min(f64::from(*max)))],
        Op::Cast { to } => vec![elementwise::cast(*to, first)],
        Op::MatMul => vec![linear::matmul(first, x.get(1)?)?],
        Op::Gemm { trans_a, trans_b } => {
            vec![linear::gemm(first, x.get(1)?, x.get(2).copied(), *trans_a, *trans_b)?]
        }
        Op::Conv { pads } => vec![linear::conv(first, x.get(1)?, x.get(2).copied(), *pads)?],
        Op::MaxPool { kernel } => vec![linear::pool(first, *kernel, |w| {
            w.iter().copied().fold(f64::MIN, f64::max)
        })?],
        Op::AveragePool { kernel } => {
            vec![linear::pool(first, *kernel, |w| {
                w.iter().sum::<f64>() / w.len() as f64
            })?]
        }
        Op::BatchNormalization { epsilon } => vec![linear::batch_normalization(x, f64::from(*epsilon))?],
        Op::Lstm { hidden } => vec![recurrent::lstm(x, *hidden)?],
        Op::Scan(scan) => recurrent::scan(scan, x)?,
        Op::Reshape { shape } => vec![Array::new(shape, first.values().to_vec())?],
        Op::Transpose { perm } => vec![layout::transpose(first, perm)?],
        Op::Squeeze { axes } => vec![layout::squeeze(first, axes)?],
        Op::Unsqueeze { axes } => vec![layout::unsqueeze(first, axes)?],
        Op::Slice {
            axes,
            starts,
            ends,
            steps,
        } => vec![layout::slice(first, axes, starts, ends, steps)?],
        Op::Concat { axis } => vec![layout::concat(x, *axis)?],
        Op::Split { axis, sizes } => layout::split(first, *axis, sizes)?,
        Op::Pad { before, after, value } => vec![layout::pad(first, before, after, f64::from(*value))?],
        Op::Resize { scales } => vec![layout::resize(first, scales)?],
        Op::Gather { axis } => vec![layout::gather(first, x.get(1)?, *axis)?],
        Op::Reduce { reduction, axes, keep } => vec![reduce::reduce(*reduction, first, axes, *keep)?],
        Op::LogSoftmax { axis } => vec![reduce::log_softmax(first, *axis)?],
    })
}
