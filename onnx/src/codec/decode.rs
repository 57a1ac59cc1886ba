//! From bytes to graphs. Everything here is reached by bytes that others made: no shape, name or count is believed.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;

use super::messages::{DimensionValue, GraphMessage, Model, NodeMessage, ValueInfo};
use super::reader::NodeReader;
use super::{BATCH, IR_VERSION, OPSET, tensors};
use crate::graph::{Dim, ElementType, Graph, GraphError, Literal, Op, Scan, TensorId};

/// Why bytes are not a graph of ours.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// Not a protobuf message of the expected form.
    #[error("not an ONNX model: {0}")]
    Protobuf(#[from] prost::DecodeError),
    /// Another version of the file format or of the operators.
    #[error("IR version {ir} with operator sets {opsets:?}, expected {IR_VERSION} with {OPSET}")]
    Version {
        /// Version of the file format.
        ir: i64,
        /// Versions of the operator sets.
        opsets: Vec<i64>,
    },
    /// More nodes or tensors than any model here has.
    #[error("the graph has more than {MAX_ENTRIES} nodes or tensors")]
    TooLarge,
    /// Loops in loops.
    #[error("a loop inside a loop")]
    Nested,
    /// An operator that is not among ours.
    #[error("operator {0:?} is not allowed")]
    Operator(String),
    /// An attribute that is missing, not known, or of a value that we do not support.
    #[error("{op}: attribute {name}")]
    Attribute {
        /// Name of the operator.
        op: String,
        /// Name of the attribute.
        name: String,
    },
    /// A constant whose type, dimensions and bytes do not go together.
    #[error("constant {0:?} is malformed")]
    Constant(String),
    /// A type without shape, or one that we do not compute with.
    #[error("the type of {0:?} is not supported")]
    Type(String),
    /// A name that nothing before defines.
    #[error("{0:?} is not defined before its use")]
    Undefined(String),
    /// A name that is defined twice.
    #[error("{0:?} is defined twice")]
    Duplicate(String),
    /// What an output declares is not what is computed.
    #[error("output {0:?} is not of the declared type")]
    Output(String),
    /// Shapes that do not fit.
    #[error("node {node:?}: {source}")]
    Graph {
        /// Name of the node.
        node: String,
        /// What is wrong.
        source: GraphError,
    },
}

/// The training step has about 2,000 nodes.
pub const MAX_ENTRIES: usize = 50_000;

/// Reads an ONNX model made of our operators.
///
/// # Errors
/// [`DecodeError`].
pub fn decode(bytes: &[u8]) -> Result<Graph, DecodeError> {
    let model = Model::decode(bytes)?;
    let opsets: Vec<_> = model.opset_import.iter().map(|set| set.version).collect();
    let foreign = model.opset_import.iter().any(|set| !set.domain.is_empty());
    if model.ir_version != IR_VERSION || opsets != [OPSET] || foreign {
        return Err(DecodeError::Version {
            ir: model.ir_version,
            opsets,
        });
    }
    let message = model.graph.unwrap_or_default();
    let (graph, _) = Scope::default().graph(&message)?;
    Ok(graph)
}

/// Names defined so far in one graph, and what surrounds it.
#[derive(Default)]
struct Scope<'a> {
    graph: Graph,
    ids: BTreeMap<String, TensorId>,
    constants: BTreeMap<String, Literal>,
    outer: Option<&'a Scope<'a>>,
    /// Inputs taken from the surrounding graph, and their names there.
    captured: Vec<String>,
}

impl Scope<'_> {
    /// Reads a graph. Returns the names of
    /// what it takes from the graph around it as well.
    fn graph(mut self, message: &GraphMessage) -> Result<(Graph, Vec<String>), DecodeError> {
        if message
            .node
            .len()
            .max(message.initializer.len())
            .max(message.input.len())
            > MAX_ENTRIES
        {
            return Err(DecodeError::TooLarge);
        }
        for tensor in &message.initializer {
            let literal = tensors::decode_literal(tensor).ok_or_else(|| DecodeError::Constant(tensor.name.clone()))?;
            if self.constants.insert(tensor.name.clone(), literal).is_some() {
                return Err(DecodeError::Duplicate(tensor.name.clone()));
            }
        }
        for info in &message.input {
            let (element, shape) = decode_type(info)?;
            let id = self.graph.input(&info.name, element, &shape);
            self.define(&info.name, id)?;
        }
        for node in &message.node {
            self.node(node)?;
        }
        let mut seen = BTreeSet::new();
        for info in &message.output {
            let id = self.tensor(&info.name)?;
            let found = self.graph.info(id).map_err(|source| self.error(&info.name, source))?;
            let declared = decode_type(info)?;
            if (found.element, &found.shape) != (declared.0, &declared.1) || !seen.insert(&info.name) {
                return Err(DecodeError::Output(info.name.clone()));
            }
            self.graph
                .output(&info.name, id)
                .map_err(|source| self.error(&info.name, source))?;
        }
        Ok((self.graph, self.captured))
    }

    fn node(&mut self, message: &NodeMessage) -> Result<(), DecodeError> {
        if !message.domain.is_empty() {
            return Err(DecodeError::Operator(format!("{}.{}", message.domain, message.op_type)));
        }
        let (op, operands) = if message.op_type == "Scan" {
            self.scan(message)?
        } else {
            let mut reader = NodeReader::new(message, &self.constants);
            let op = reader.op()?;
            (op, reader.finish()?)
        };
        let inputs = operands
            .iter()
            .map(|name| self.tensor(name))
            .collect::<Result<Vec<_>, _>>()?;
        let outputs = self
            .graph
            .push(op, &inputs)
            .map_err(|source| self.error(&message.name, source))?;
        if self.graph.tensor_count() > MAX_ENTRIES {
            return Err(DecodeError::TooLarge);
        }
        // Operators of ours have no optional results, save LSTM's last states, which are never used.
        if outputs.len() != message.output.len() {
            return Err(DecodeError::Attribute {
                op: message.op_type.clone(),
                name: "number of outputs".to_owned(),
            });
        }
        for (name, id) in message.output.iter().zip(outputs) {
            self.define(name, id)?;
            if !is_automatic(name) {
                self.graph
                    .set_name(id, name)
                    .map_err(|source| self.error(name, source))?;
            }
        }
        Ok(())
    }

    fn scan(&mut self, message: &NodeMessage) -> Result<(Op, Vec<String>), DecodeError> {
        if self.outer.is_some() {
            return Err(DecodeError::Nested);
        }
        let mut reader = NodeReader::new(message, &self.constants);
        let (body, scanned, reverse) = reader.scan()?;
        let mut operands = reader.finish()?;
        let states = operands
            .len()
            .checked_sub(scanned)
            .ok_or_else(|| reader_error(message, "num_scan_inputs"))?;
        if body.input.len() != operands.len() {
            return Err(reader_error(message, "body"));
        }
        let scope = Scope {
            outer: Some(self),
            ..Scope::default()
        };
        let (body, captured) = scope.graph(body)?;
        operands.extend(captured);
        Ok((
            Op::Scan(Box::new(Scan {
                body,
                states,
                scanned,
                reverse,
            })),
            operands,
        ))
    }

    /// The tensor called `name`; constants enter the graph when they are first used, others of the surrounding graph
    /// as further inputs.
    fn tensor(&mut self, name: &str) -> Result<TensorId, DecodeError> {
        if let Some(id) = self.ids.get(name) {
            return Ok(*id);
        }
        if let Some(literal) = self.constants.get(name) {
            let id = self
                .graph
                .constant((!is_automatic(name)).then_some(name), literal.clone());
            self.ids.insert(name.to_owned(), id);
            return Ok(id);
        }
        let undefined = || DecodeError::Undefined(name.to_owned());
        let (element, shape) = self.outer.and_then(|outer| outer.fact(name)).ok_or_else(undefined)?;
        let id = self.graph.input(name, element, &shape);
        self.ids.insert(name.to_owned(), id);
        self.captured.push(name.to_owned());
        Ok(id)
    }

    /// Type and shape of a tensor that this graph has already.
    fn fact(&self, name: &str) -> Option<(ElementType, Vec<Dim>)> {
        if let Some(id) = self.ids.get(name) {
            return self.graph.info(*id).ok().map(|info| (info.element, info.shape.clone()));
        }
        let literal = self.constants.get(name)?;
        Some((
            literal.element(),
            literal.shape().iter().copied().map(Dim::Fixed).collect(),
        ))
    }

    fn define(&mut self, name: &str, id: TensorId) -> Result<(), DecodeError> {
        let taken = name.is_empty() || self.constants.contains_key(name);
        if taken || self.ids.insert(name.to_owned(), id).is_some() {
            return Err(DecodeError::Duplicate(name.to_owned()));
        }
        Ok(())
    }

    fn error(&self, node: &str, source: GraphError) -> DecodeError {
        DecodeError::Graph {
            node: node.to_owned(),
            source,
        }
    }
}

fn reader_error(message: &NodeMessage, name: &str) -> DecodeError {
    DecodeError::Attribute {
        op: message.op_type.clone(),
        name: name.to_owned(),
    }
}

/// Names that [`super::encode`] gives to tensors without one.
fn is_automatic(name: &str) -> bool {
    name.strip_prefix('_')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

fn decode_type(info: &ValueInfo) -> Result<(ElementType, Vec<Dim>), DecodeError> {
    let unsupported = || DecodeError::Type(info.name.clone());
    let tensor = info
        .r#type
        .as_ref()
        .and_then(|t| t.tensor_type.as_ref())
        .ok_or_else(unsupported)?;
    let element = tensors::element(tensor.elem_type).ok_or_else(unsupported)?;
    let shape = tensor.shape.as_ref().ok_or_else(unsupported)?;
    let dims = shape.dim.iter().map(|dim| match &dim.value {
        Some(DimensionValue::Value(n)) => usize::try_from(*n).ok().map(Dim::Fixed),
        Some(DimensionValue::Param(name)) if name == BATCH => Some(Dim::Batch),
        _ => None,
    });
    Ok((element, dims.collect::<Option<_>>().ok_or_else(unsupported)?))
}
