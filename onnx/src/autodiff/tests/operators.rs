//! One case or more per operator.

use super::{BOTH, check};
use crate::builder::{Builder, Dialect};
use crate::graph::{Binary, GraphError, Op, Reduction, TensorId, Unary};

type Build = Box<dyn Fn(&Builder, &[TensorId]) -> Result<TensorId, GraphError>>;
type Inputs = Vec<(&'static [usize], [f64; 2])>;

const ANY: [f64; 2] = [-1.0, 1.0];
const POSITIVE: [f64; 2] = [0.5, 2.0];

fn one(op: Op) -> Build {
    Box::new(move |b, x| Ok(b.push(op.clone(), x)?[0]))
}

fn check_all(cases: Vec<(&str, Inputs, Build)>) {
    for (name, inputs, build) in cases {
        for dialect in BOTH {
            check(name, dialect, &inputs, &*build);
        }
    }
}

#[test]
fn elementwise() {
    for unary in Unary::ALL {
        check_all(vec![(unary.name(), vec![(&[2, 3], POSITIVE)], one(Op::Unary(unary)))]);
    }
    let shapes: [[&'static [usize]; 2]; 4] = [[&[2, 3], &[2, 3]], [&[2, 3], &[3]], [&[2, 1], &[1, 3]], [&[], &[2]]];
    for [left, right] in shapes {
        for binary in [Binary::Add, Binary::Sub, Binary::Mul, Binary::Div, Binary::Max] {
            let op = one(Op::Binary(binary));
            check_all(vec![(binary.name(), vec![(left, POSITIVE), (right, POSITIVE)], op)]);
        }
    }
    check_all(vec![
        ("LeakyRelu", vec![(&[3, 4], ANY)], one(Op::LeakyRelu { alpha: 0.1 })),
        ("Clip", vec![(&[3, 4], ANY)], one(Op::Clip { min: -0.5, max: 0.25 })),
        (
            "square, one tensor twice",
            vec![(&[3], ANY)],
            Box::new(|b, x| b.mul(x[0], x[0])),
        ),
    ]);
}

#[test]
fn products() {
    check_all(vec![
        ("MatMul", vec![(&[2, 3], ANY), (&[3, 4], ANY)], one(Op::MatMul)),
        (
            "MatMul, batched",
            vec![(&[2, 1, 2, 3], ANY), (&[5, 3, 2], ANY)],
            one(Op::MatMul),
        ),
    ]);
    for (trans_a, trans_b) in [(false, false), (true, false), (false, true), (true, true)] {
        let a: &'static [usize] = if trans_a { &[3, 2] } else { &[2, 3] };
        let b: &'static [usize] = if trans_b { &[4, 3] } else { &[3, 4] };
        let op = || one(Op::Gemm { trans_a, trans_b });
        check_all(vec![
            ("Gemm", vec![(a, ANY), (b, ANY)], op()),
            ("Gemm with C", vec![(a, ANY), (b, ANY), (&[4], ANY)], op()),
        ]);
    }
}

#[test]
fn convolution_and_pooling() {
    let x: &'static [usize] = &[2, 2, 5, 4];
    check_all(vec![
        (
            "Conv",
            vec![(x, ANY), (&[3, 2, 3, 3], ANY)],
            one(Op::Conv { pads: [1, 1] }),
        ),
        (
            "Conv with bias",
            vec![(x, ANY), (&[3, 2, 3, 3], ANY), (&[3], ANY)],
            one(Op::Conv { pads: [1, 1] }),
        ),
        (
            "Conv, flat kernel",
            vec![(x, ANY), (&[3, 2, 1, 3], ANY)],
            one(Op::Conv { pads: [0, 1] }),
        ),
        (
            "Conv without pads",
            vec![(x, ANY), (&[1, 2, 3, 2], ANY)],
            one(Op::Conv { pads: [0, 0] }),
        ),
        (
            "MaxPool, a row left over",
            vec![(x, ANY)],
            one(Op::MaxPool { kernel: [2, 2] }),
        ),
        (
            "MaxPool of columns",
            vec![(x, ANY)],
            one(Op::MaxPool { kernel: [2, 1] }),
        ),
        ("AveragePool", vec![(x, ANY)], one(Op::AveragePool { kernel: [2, 2] })),
    ]);
}

#[test]
fn tied_maxima_share_the_cotangent() {
    let b = Builder::new(Dialect::OnnxRuntime);
    let x = b.input("x", &[1, 1, 2, 2]);
    let loss = b.sum(b.max_pool(x, [2, 2]).unwrap(), &[0, 1, 2, 3]).unwrap();
    let dx = super::gradients(&b, loss, &[x]).unwrap()[0];
    b.output("dx", dx).unwrap();
    let input = crate::reference::Array::new(&[1, 1, 2, 2], vec![1.0, 3.0, 3.0, 2.0]).unwrap();
    let result = crate::reference::run(&b.finish(), &[("x".to_owned(), input)].into()).unwrap();
    assert_eq!(result["dx"].values(), [0.0, 0.5, 0.5, 0.0]);
}

#[test]
fn layout() {
    let slice = |axes: &[usize], starts: &[i64], ends: &[i64], steps: &[i64]| {
        one(Op::Slice {
            axes: axes.to_vec(),
            starts: starts.to_vec(),
            ends: ends.to_vec(),
            steps: steps.to_vec(),
        })
    };
    let x: &'static [usize] = &[2, 3, 4];
    check_all(vec![
        ("Reshape", vec![(x, ANY)], one(Op::Reshape { shape: vec![6, 4] })),
        ("Transpose", vec![(x, ANY)], one(Op::Transpose { perm: vec![2, 0, 1] })),
        (
            "Squeeze",
            vec![(&[1, 3, 1], ANY)],
            one(Op::Squeeze { axes: vec![0, 2] }),
        ),
        ("Unsqueeze", vec![(x, ANY)], one(Op::Unsqueeze { axes: vec![0, 3] })),
        ("Slice", vec![(x, ANY)], slice(&[1, 2], &[1, -3], &[3, 99], &[1, 1])),
        (
            "Slice backwards",
            vec![(x, ANY)],
            slice(&[0, 2], &[-1, 2], &[-9, 0], &[-1, -1]),
        ),
        ("Concat", vec![(x, ANY), (&[2, 1, 4], ANY)], one(Op::Concat { axis: 1 })),
        (
            "Split",
            vec![(x, ANY)],
            Box::new(|b, x| Ok(b.split(x[0], 2, &[1, 3])?[1])),
        ),
        (
            "Pad",
            vec![(x, ANY)],
            one(Op::Pad {
                before: vec![0, 1, 2],
                after: vec![1, 0, 0],
                value: 3.0,
            }),
        ),
        (
            "Pad that drops",
            vec![(x, ANY)],
            one(Op::Pad {
                before: vec![-1, 1, 2],
                after: vec![1, -2, -3],
                value: 3.0,
            }),
        ),
        ("Resize", vec![(x, ANY)], one(Op::Resize { scales: vec![1, 2, 3] })),
    ]);
}

#[test]
fn reductions() {
    for reduction in Reduction::ALL {
        for (axes, keep) in [(vec![1], false), (vec![0, 2], true), (vec![0, 1, 2], false)] {
            let op = one(Op::Reduce { reduction, axes, keep });
            check_all(vec![(reduction.name(), vec![(&[2, 3, 2], ANY)], op)]);
        }
    }
    check_all(vec![(
        "LogSoftmax",
        vec![(&[2, 3], ANY)],
        one(Op::LogSoftmax { axis: 1 }),
    )]);
}

/// tract takes a negative pad for a huge one; reference and ONNX Runtime would not notice.
#[test]
fn no_gradient_pads_by_less_than_nothing() {
    for (before, after) in [([1, 0], [0, 2]), ([-1, 2], [1, -1]), ([0, 0], [0, 0])] {
        let b = Builder::new(Dialect::Tract);
        let x = b.input("x", &[3, 4]);
        let op = Op::Pad {
            before: before.to_vec(),
            after: after.to_vec(),
            value: 0.0,
        };
        let y = b.push(op, &[x]).unwrap()[0];
        let forward = b.sum(b.mul(y, y).unwrap(), &[0, 1]).unwrap();
        let dx = super::gradients(&b, forward, &[x]).unwrap()[0];
        b.output("dx", dx).unwrap();
        let graph = b.finish();
        let pads = graph.nodes().iter().filter_map(|node| match &node.op {
            Op::Pad { before, after, .. } => Some([before.clone(), after.clone()].concat()),
            _ => None,
        });
        // The first is the one under test.
        assert!(pads.skip(1).flatten().all(|pad| pad >= 0), "{before:?} {after:?}");
    }
}

#[test]
fn what_has_no_gradient_is_named() {
    let b = Builder::new(Dialect::OnnxRuntime);
    let (x, y) = (b.input("x", &[2]), b.input("y", &[2]));
    let loss = b.sum(x, &[0]).unwrap();
    assert_eq!(super::gradients(&b, loss, &[y]), Err(GraphError::Independent(y)));
    let cast = b.sum(b.to_f32(x).unwrap(), &[0]).unwrap();
    assert_eq!(super::gradients(&b, cast, &[x]), Err(GraphError::NoRule { op: "Cast" }));
}
