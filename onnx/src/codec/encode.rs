//! From graphs to bytes.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;

use super::attributes::{Encoded, Operand, encode_op};
use super::messages::{
    Attribute, Dimension, DimensionValue, GraphMessage, Model, NodeMessage, OperatorSet, ShapeMessage, TensorType,
    TypeMessage, ValueInfo, attribute_type,
};
use super::tensors::{element_code, encode_literal};
use super::{BATCH, IR_VERSION, OPSET};
use crate::graph::{Dim, Graph, Literal, Op, Scan, TensorId, TensorInfo};

/// The graph as an ONNX model.
#[must_use]
pub fn encode(graph: &Graph) -> Vec<u8> {
    let mut names = Names::default();
    let graph = encode_graph(graph, &BTreeMap::new(), &mut names);
    let model = Model {
        ir_version: IR_VERSION,
        producer_name: "parallax".to_owned(),
        graph: Some(graph),
        opset_import: vec![OperatorSet {
            domain: String::new(),
            version: OPSET,
        }],
    };
    model.encode_to_vec()
}

/// Names in use, over all nested graphs: ONNX wants them different even there.
#[derive(Default)]
struct Names {
    used: BTreeSet<String>,
    /// Tensors without a name so far.
    automatic: usize,
    /// Names given to two tensors so far; counted apart, because a second encoding finds none.
    repeated: usize,
}

impl Names {
    fn claim(&mut self, wished: Option<&str>) -> String {
        if let Some(name) = wished
            && !name.is_empty()
            && self.used.insert(name.to_owned())
        {
            return name.to_owned();
        }
        loop {
            let name = match wished {
                Some(wished) => {
                    self.repeated += 1;
                    format!("{wished}.{}", self.repeated)
                }
                // Recognised and dropped by the decoder.
                None => {
                    self.automatic += 1;
                    format!("_{}", self.automatic)
                }
            };
            if self.used.insert(name.clone()) {
                return name;
            }
        }
    }
}

struct GraphEncoder<'a> {
    graph: &'a Graph,
    ids: BTreeMap<TensorId, String>,
    message: GraphMessage,
    /// Constants made of attributes, and their names.
    constants: Vec<(Literal, String)>,
    /// Constants of the graph that were written already.
    written: BTreeSet<TensorId>,
}

/// `outer` names those inputs of the graph that it takes from the graph around it.
fn encode_graph(graph: &Graph, outer: &BTreeMap<TensorId, String>, names: &mut Names) -> GraphMessage {
    let mut encoder = GraphEncoder {
        graph,
        ids: outer.clone(),
        message: GraphMessage {
            name: "parallax".to_owned(),
            ..GraphMessage::default()
        },
        constants: Vec::new(),
        written: BTreeSet::new(),
    };
    // What outsiders use keeps its name.
    let named = graph
        .outputs()
        .iter()
        .chain(graph.inputs())
        .copied()
        .chain(graph.initialisers().map(|(id, _)| id));
    for id in named.filter(|id| graph.info(*id).is_ok_and(|info| info.name.is_some())) {
        encoder.name(id, names);
    }
    for id in graph.inputs().iter().filter(|id| !outer.contains_key(id)) {
        let info = encoder.value_info(*id, names);
        encoder.message.input.push(info);
    }
    for node in graph.nodes() {
        encoder.node(&node.op, &node.inputs, &node.outputs, names);
    }
    for id in graph.outputs() {
        encoder.operand(*id, names);
        let info = encoder.value_info(*id, names);
        encoder.message.output.push(info);
    }
    encoder.message
}

impl GraphEncoder<'_> {
    fn name(&mut self, id: TensorId, names: &mut Names) -> String {
        if let Some(name) = self.ids.get(&id) {
            return name.clone();
        }
        let name = names.claim(self.graph.info(id).ok().and_then(|info| info.name.as_deref()));
        self.ids.insert(id, name.clone());
        name
    }

    /// The name of something that is read, written first if it is a constant: constants stand in the order of use.
    fn operand(&mut self, id: TensorId, names: &mut Names) -> String {
        let name = self.name(id, names);
        if let Some(literal) = self.graph.literal(id)
            && self.written.insert(id)
        {
            self.message.initializer.push(encode_literal(literal, name.clone()));
        }
        name
    }

    fn value_info(&mut self, id: TensorId, names: &mut Names) -> ValueInfo {
        ValueInfo {
            name: self.name(id, names),
            r#type: self.graph.info(id).ok().map(encode_type),
        }
    }

    fn constant(&mut self, literal: Literal, names: &mut Names) -> String {
        if let Some((_, name)) = self.constants.iter().find(|(known, _)| *known == literal) {
            return name.clone();
        }
        let name = names.claim(None);
        self.message.initializer.push(encode_literal(&literal, name.clone()));
        self.constants.push((literal, name.clone()));
        name
    }

    fn node(&mut self, op: &Op, inputs: &[TensorId], outputs: &[TensorId], names: &mut Names) {
        let encoded = match op {
            Op::Scan(scan) => self.scan(scan, inputs, names),
            other => encode_op(other, inputs),
        };
        let mut input = Vec::with_capacity(encoded.operands.len());
        for operand in encoded.operands {
            input.push(match operand {
                Operand::Tensor(id) => self.operand(id, names),
                Operand::Constant(literal) => self.constant(literal, names),
                Operand::Absent => String::new(),
            });
        }
        let output: Vec<_> = outputs.iter().map(|id| self.name(*id, names)).collect();
        self.message.node.push(NodeMessage {
            name: output.first().cloned().unwrap_or_default(),
            input,
            output,
            op_type: op.name().to_owned(),
            attribute: encoded.attributes,
            domain: String::new(),
        });
    }

    fn scan(&mut self, scan: &Scan, inputs: &[TensorId], names: &mut Names) -> Encoded {
        let own = scan.states + scan.scanned;
        let captured: BTreeMap<_, _> = scan
            .body
            .inputs()
            .iter()
            .zip(inputs)
            .skip(own)
            .map(|(inner, id)| (*inner, self.operand(*id, names)))
            .collect();
        let body = encode_graph(&scan.body, &captured, names);
        let direction = i64::from(scan.reverse);
        let scan_outputs = scan.body.outputs().len().saturating_sub(scan.states);
        let ints = |name: &str, ints| Attribute {
            name: name.to_owned(),
            ints,
            r#type: attribute_type::INTS,
            ..Attribute::default()
        };
        let attributes = vec![
            Attribute {
                name: "body".to_owned(),
                g: Some(Box::new(body)),
                r#type: attribute_type::GRAPH,
                ..Attribute::default()
            },
            Attribute {
                name: "num_scan_inputs".to_owned(),
                i: scan.scanned as i64,
                r#type: attribute_type::INT,
                ..Attribute::default()
            },
            ints("scan_input_directions", vec![direction; scan.scanned]),
            ints("scan_output_directions", vec![direction; scan_outputs]),
        ];
        Encoded {
            operands: inputs.iter().take(own).map(|id| Operand::Tensor(*id)).collect(),
            attributes,
        }
    }
}

fn encode_type(info: &TensorInfo) -> TypeMessage {
    let dim = |dim: &Dim| Dimension {
        value: Some(match dim {
            Dim::Fixed(n) => DimensionValue::Value(*n as i64),
            Dim::Batch => DimensionValue::Param(BATCH.to_owned()),
        }),
    };
    let shape = ShapeMessage {
        dim: info.shape.iter().map(dim).collect(),
    };
    TypeMessage {
        tensor_type: Some(TensorType {
            elem_type: element_code(info.element),
            shape: Some(shape),
        }),
    }
}
