//! Round trips, refusals, and bytes that are not ours.

use super::{DecodeError, decode, encode};
use crate::builder::{Builder, Dialect};
use crate::ctc::Target;
use crate::graph::{Dim, Graph, Literal};
use crate::layers::{ConvBlock, CtcTarget, LstmWeights, conv_block, ctc_loss, lstm};
use crate::{autodiff, reference};

/// A small model that uses nearly every operator, with its gradient.
fn model(dialect: Dialect) -> Graph {
    let b = Builder::new(dialect);
    let x = b.input("x", &[2, 1, 6, 6]);
    let weight = |name: &str, shape: &[usize]| {
        let values = (0..shape.iter().product())
            .map(|i: usize| (i as f32 * 0.7).sin())
            .collect();
        b.weight(name, Literal::f32(shape, values).unwrap())
    };
    let (filters, scale, bias) = (
        weight("conv", &[2, 1, 3, 3]),
        weight("scale", &[2]),
        weight("bias", &[2]),
    );
    let block = ConvBlock {
        weight: filters,
        scale,
        bias,
        pads: [1, 1],
        pool: [6, 1],
    };
    let mut y = b.leaky_relu(conv_block(&b, x, block).unwrap().output, 0.1).unwrap();
    y = b.transpose(b.squeeze(y, &[2]).unwrap(), &[2, 0, 1]).unwrap();
    let half = b
        .to_f32(b.weight("half", Literal::f32(&[2, 12], vec![0.1; 24]).unwrap().to_f16()))
        .unwrap();
    let weights = LstmWeights {
        input: half,
        recurrent: weight("r", &[3, 12]),
        bias: weight("b", &[12]),
    };
    let logits = lstm(&b, y, weights).unwrap();
    let label = Target::encode(&[1, 2], 2, 3).unwrap();
    let target = Target::batch(&[label.clone(), label]).unwrap();
    let constant = |shape: &[usize], v: &[f32]| b.constant(Literal::f32(shape, v.to_vec()).unwrap());
    let target = CtcTarget {
        states: constant(&[2, 5, 3], &target.target),
        start: constant(&[4, 5], &target.start),
        skip: constant(&[4, 5], &target.skip),
    };
    let loss = b.sum(ctc_loss(&b, logits, target).unwrap(), &[0]).unwrap();
    let dx = autodiff::gradients(&b, loss, &[x]).unwrap()[0];
    b.output("loss", loss).unwrap();
    b.output("dx", dx).unwrap();
    b.finish()
}

#[test]
fn a_graph_comes_back_as_it_was_written() {
    for dialect in [Dialect::OnnxRuntime, Dialect::Tract] {
        let graph = model(dialect);
        let bytes = encode(&graph);
        let read = decode(&bytes).unwrap();
        assert!(encode(&read) == bytes, "{dialect:?}: other bytes the second time");
        let x = reference::Array::from_fn(&[2, 1, 6, 6], |i| ((7 * i[0] + 3 * i[2] + i[3]) as f64).sin());
        let inputs = [("x".to_owned(), x)].into();
        assert_eq!(
            reference::run(&read, &inputs).unwrap(),
            reference::run(&graph, &inputs).unwrap(),
            "{dialect:?}"
        );
    }
}

#[test]
fn weights_and_the_symbolic_batch_survive() {
    let b = Builder::new(Dialect::OnnxRuntime);
    let x = b.input_with_batch("x", &[Dim::Batch, Dim::Fixed(2)]);
    let w = b.weight("w", Literal::f32(&[2, 1], vec![1.5, -2.0]).unwrap());
    b.output("y", b.matmul(x, w).unwrap()).unwrap();
    let read = decode(&encode(&b.finish())).unwrap();
    assert_eq!(
        read.initialiser("w").and_then(Literal::as_f32),
        Some([1.5, -2.0].as_slice())
    );
    assert_eq!(read.info(read.outputs()[0]).unwrap().shape, [Dim::Batch, Dim::Fixed(1)]);
}

#[test]
fn damaged_bytes_are_refused_or_read_but_never_panic() {
    let bytes = encode(&model(Dialect::Tract));
    let mut state = 1u64;
    let mut next = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..2_000 {
        let mut damaged = bytes.clone();
        for _ in 0..=next(4) {
            let place = next(damaged.len());
            match next(3) {
                0 => damaged[place] = next(256) as u8,
                1 => damaged.truncate(place.max(1)),
                _ => damaged[place] ^= 1 << next(8),
            }
        }
        if let Ok(graph) = decode(&damaged) {
            // What is accepted is a graph that can be written again.
            assert!(decode(&encode(&graph)).is_ok());
        }
    }
}

#[test]
fn what_is_not_ours_is_refused_with_the_reason() {
    use super::messages::{GraphMessage, Model, NodeMessage, OperatorSet};
    use prost::Message;
    let model = |version: i64, node: Vec<NodeMessage>| {
        let opset_import = vec![OperatorSet {
            domain: String::new(),
            version,
        }];
        let graph = GraphMessage {
            node,
            ..GraphMessage::default()
        };
        let model = Model {
            ir_version: super::IR_VERSION,
            graph: Some(graph),
            opset_import,
            ..Model::default()
        };
        decode(&model.encode_to_vec())
    };
    let node = |op_type: &str, input: &[&str]| NodeMessage {
        op_type: op_type.to_owned(),
        input: input.iter().map(|name| (*name).to_owned()).collect(),
        output: vec!["y".to_owned()],
        ..NodeMessage::default()
    };
    assert!(matches!(decode(b"no model"), Err(DecodeError::Protobuf(_))));
    assert!(matches!(model(17, vec![]), Err(DecodeError::Version { .. })));
    assert_eq!(
        model(18, vec![node("Loop", &[])]),
        Err(DecodeError::Operator("Loop".to_owned()))
    );
    assert_eq!(
        model(18, vec![node("Exp", &["x"])]),
        Err(DecodeError::Undefined("x".to_owned()))
    );
    let alpha = DecodeError::Attribute {
        op: "LeakyRelu".to_owned(),
        name: "alpha".to_owned(),
    };
    assert_eq!(model(18, vec![node("LeakyRelu", &["x"])]), Err(alpha));
}
