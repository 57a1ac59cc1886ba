//! What inference refuses, and the symbolic batch. That it accepts and computes rightly is checked whenever the
//! reference interpreter runs a graph.

use super::{MAX_ELEMENTS, ShapeError, infer, slice_range};
use crate::graph::{Binary, Dim, ElementType, Op, Reduction, TensorInfo};

const N: Dim = Dim::Batch;

fn of(shape: &[Dim]) -> TensorInfo {
    TensorInfo {
        name: None,
        element: ElementType::F32,
        shape: shape.to_vec(),
    }
}

fn fixed(shape: &[usize]) -> TensorInfo {
    of(&shape.iter().copied().map(Dim::Fixed).collect::<Vec<_>>())
}

fn shape(op: &Op, operands: &[TensorInfo]) -> Result<Vec<Dim>, ShapeError> {
    infer(op, &operands.iter().collect::<Vec<_>>()).map(|facts| facts[0].1.clone())
}

#[test]
fn what_does_not_fit_is_refused() {
    let conv = Op::Conv { pads: [0, 0] };
    let pad = Op::Pad {
        before: vec![0],
        after: vec![0, 0],
        value: 0.0,
    };
    let crop = Op::Pad {
        before: vec![5],
        after: vec![-6],
        value: 0.0,
    };
    let slice = Op::Slice {
        axes: vec![0, 0],
        starts: vec![0; 2],
        ends: vec![1; 2],
        steps: vec![1; 2],
    };
    let step_0 = Op::Slice {
        axes: vec![0],
        starts: vec![0],
        ends: vec![1],
        steps: vec![0],
    };
    let indices = TensorInfo {
        element: ElementType::I64,
        ..fixed(&[2])
    };
    let cases: Vec<(&str, Op, Vec<TensorInfo>)> = vec![
        ("too few operands", Op::MatMul, vec![fixed(&[2, 2])]),
        ("broadcast", Op::Binary(Binary::Add), vec![fixed(&[2]), fixed(&[3])]),
        ("integers", Op::Binary(Binary::Add), vec![indices.clone(), fixed(&[2])]),
        ("inner lengths", Op::MatMul, vec![fixed(&[2, 3]), fixed(&[2, 3])]),
        ("a vector", Op::MatMul, vec![fixed(&[3]), fixed(&[3, 3])]),
        (
            "Gemm of three axes",
            Op::Gemm {
                trans_a: false,
                trans_b: false,
            },
            vec![fixed(&[1, 2, 3]), fixed(&[3, 2])],
        ),
        (
            "channels",
            conv.clone(),
            vec![fixed(&[1, 2, 5, 5]), fixed(&[1, 3, 3, 3])],
        ),
        (
            "kernel larger than the image",
            conv,
            vec![fixed(&[1, 1, 2, 2]), fixed(&[1, 1, 3, 3])],
        ),
        (
            "empty window",
            Op::MaxPool { kernel: [0, 1] },
            vec![fixed(&[1, 1, 2, 2])],
        ),
        ("elements", Op::Reshape { shape: vec![5] }, vec![fixed(&[2, 3])]),
        (
            "no permutation",
            Op::Transpose { perm: vec![0, 0] },
            vec![fixed(&[2, 3])],
        ),
        ("not of length 1", Op::Squeeze { axes: vec![0] }, vec![fixed(&[2])]),
        ("axis beyond", Op::Unsqueeze { axes: vec![9] }, vec![fixed(&[2])]),
        ("axis twice", slice, vec![fixed(&[2])]),
        ("step 0", step_0, vec![fixed(&[2])]),
        (
            "other lengths",
            Op::Concat { axis: 0 },
            vec![fixed(&[2, 3]), fixed(&[2, 4])],
        ),
        ("nothing", Op::Concat { axis: 0 }, vec![]),
        (
            "sum of sizes",
            Op::Split {
                axis: 0,
                sizes: vec![1, 2],
            },
            vec![fixed(&[4])],
        ),
        ("pads", pad, vec![fixed(&[2, 2])]),
        ("more dropped than there is", crop, vec![fixed(&[2])]),
        ("scale 0", Op::Resize { scales: vec![0] }, vec![fixed(&[2])]),
        ("float indices", Op::Gather { axis: 0 }, vec![fixed(&[2]), fixed(&[2])]),
        (
            "axis of the indices",
            Op::Gather { axis: 1 },
            vec![fixed(&[2]), indices],
        ),
        (
            "reduced twice",
            Op::Reduce {
                reduction: Reduction::Sum,
                axes: vec![1, 1],
                keep: true,
            },
            vec![fixed(&[2, 2])],
        ),
        ("softmax axis", Op::LogSoftmax { axis: 1 }, vec![fixed(&[2])]),
        (
            "LSTM weights",
            Op::Lstm { hidden: 2 },
            vec![fixed(&[3, 1, 2]), fixed(&[1, 8, 3]), fixed(&[1, 8, 2]), fixed(&[1, 16])],
        ),
        ("symbolic reshape", Op::Reshape { shape: vec![2] }, vec![of(&[N])]),
    ];
    for (name, op, operands) in cases {
        assert!(shape(&op, &operands).is_err(), "{name}");
    }
}

#[test]
fn sizes_that_overflow_are_refused() {
    let huge = usize::MAX / 2;
    assert_eq!(
        shape(&Op::Resize { scales: vec![huge] }, &[fixed(&[8])]),
        Err(ShapeError::TooLarge)
    );
    assert_eq!(
        shape(
            &Op::Resize {
                scales: vec![MAX_ELEMENTS, 2]
            },
            &[fixed(&[1, 1])]
        ),
        Err(ShapeError::TooLarge)
    );
    let pad = Op::Pad {
        before: vec![i64::MAX],
        after: vec![1],
        value: 0.0,
    };
    assert_eq!(shape(&pad, &[fixed(&[1])]), Err(ShapeError::TooLarge));
    assert!(
        shape(
            &Op::Conv { pads: [huge, huge] },
            &[fixed(&[1, 1, 3, 3]), fixed(&[1, 1, 3, 3])]
        )
        .is_err()
    );
    assert!(
        shape(
            &Op::Lstm { hidden: huge },
            &[fixed(&[1, 1, 1]), fixed(&[1]), fixed(&[1]), fixed(&[1])]
        )
        .is_err()
    );
    assert_eq!(slice_range(3, i64::MIN, i64::MAX, 1), Some((0, 3)));
    assert_eq!(
        slice_range(3, i64::MAX, i64::MIN, i64::MIN),
        None,
        "a step that cannot be negated"
    );
}

#[test]
fn the_symbolic_batch_goes_where_it_can() {
    let two = Dim::Fixed(2);
    assert_eq!(
        shape(&Op::Binary(Binary::Add), &[of(&[N, two]), fixed(&[1, 2])]),
        Ok(vec![N, two])
    );
    assert_eq!(shape(&Op::MatMul, &[of(&[N, two]), fixed(&[2, 2])]), Ok(vec![N, two]));
    assert_eq!(
        shape(&Op::Transpose { perm: vec![1, 0] }, &[of(&[N, two])]),
        Ok(vec![two, N])
    );
    assert!(
        shape(&Op::Binary(Binary::Add), &[of(&[N]), fixed(&[2])]).is_err(),
        "N is not 2"
    );
    assert_eq!(
        shape(&Op::Concat { axis: 0 }, &[of(&[N]), of(&[N])]),
        Err(ShapeError::Symbolic)
    );
}
