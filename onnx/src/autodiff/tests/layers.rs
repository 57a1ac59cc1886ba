//! Regions with their own rules: gradients against differences, values against independent forms.

use std::collections::BTreeMap;

use super::{BOTH, check, numbers};
use crate::builder::{Builder, Dialect};
use crate::ctc::Target;
use crate::graph::{Literal, Reduction, TensorId};
use crate::layers::{
    ConvBlock, CtcTarget, EPSILON, LstmWeights, PooledConv, conv_block, conv_max_pool, ctc_loss, lstm,
};
use crate::reference::{Array, run};

const ANY: [f64; 2] = [-1.0, 1.0];

fn block(x: &[TensorId], pool: [usize; 2]) -> ConvBlock {
    ConvBlock {
        weight: x[1],
        scale: x[2],
        bias: x[3],
        pads: [1, 1],
        pool,
    }
}

/// Channels, rows and columns of the picture; pooling. A column and a row are left over by the pooling, or none: with
/// few channels and nothing left over, patches are multiplied instead of pictures.
const BLOCKS: [([usize; 3], [usize; 2]); 9] = [
    ([1, 3, 5], [2, 2]),
    ([1, 4, 6], [2, 2]),
    ([1, 4, 3], [2, 1]),
    ([2, 4, 6], [2, 2]),
    ([2, 4, 3], [2, 1]),
    ([2, 3, 2], [1, 1]),
    ([3, 4, 4], [2, 2]),
    ([5, 3, 3], [2, 1]),
    ([5, 2, 3], [1, 1]),
];

#[test]
fn convolution_blocks() {
    for (number, ([channels, rows, columns], pool)) in BLOCKS.into_iter().enumerate() {
        // Scales of both signs, and of one.
        let scale = [ANY, [0.5, 2.0], [-2.0, -0.5]][number % 3];
        let [picture, filters] = [[2, channels, rows, columns], [3, channels, 3, 3]];
        let inputs: [(&[usize], _); 4] = [(&picture, ANY), (&filters, ANY), (&[3], scale), (&[3], ANY)];
        check("ConvBlock", Dialect::OnnxRuntime, &inputs, &|b, x| {
            Ok(conv_block(b, x[0], block(x, pool))?.output)
        });
    }
}

#[test]
fn a_convolution_block_is_convolution_normalisation_and_pooling() {
    for ([channels, rows, columns], pool) in BLOCKS {
        compare_with_operators([2, channels, rows, columns], pool);
    }
}

fn compare_with_operators(picture: [usize; 4], pool: [usize; 2]) {
    let b = Builder::new(Dialect::OnnxRuntime);
    let filters = [3, picture[1], 3, 3];
    let shapes: [&[usize]; 4] = [&picture, &filters, &[3], &[3]];
    let x: Vec<_> = shapes
        .iter()
        .enumerate()
        .map(|(i, shape)| b.input(&format!("x{i}"), shape))
        .collect();
    let found = conv_block(&b, x[0], block(&x, pool)).unwrap();
    let convolved = b.conv(x[0], x[1], [1, 1]).unwrap();
    let mean = b.reduce(Reduction::Mean, convolved, &[0, 2, 3]).unwrap();
    let deviation = b.sub(convolved, b.reshape(mean, &[1, 3, 1, 1]).unwrap()).unwrap();
    let square = b.mul(deviation, deviation).unwrap();
    let variance = b.reduce(Reduction::Mean, square, &[0, 2, 3]).unwrap();
    let normal = b
        .batch_normalization([convolved, x[2], x[3], mean, variance], EPSILON)
        .unwrap();
    let samples = (picture[0] * picture[2] * picture[3]) as f32;
    let unbiased = b.scale(variance, samples / (samples - 1.0)).unwrap();
    let pairs = [
        ("output", found.output, b.max_pool(normal, pool).unwrap()),
        ("mean", found.mean, mean),
        ("variance", found.variance, unbiased),
    ];
    for (name, found, expected) in pairs {
        b.output(name, found).unwrap();
        b.output(&format!("expected {name}"), b.identity(expected).unwrap())
            .unwrap();
    }
    let point = shapes
        .iter()
        .enumerate()
        .map(|(i, s)| (format!("x{i}"), numbers(s, i as u64 + 1, ANY)))
        .collect();
    let result = run(&b.finish(), &point).unwrap();
    for (name, ..) in pairs {
        for (found, expected) in result[name]
            .values()
            .iter()
            .zip(result[&format!("expected {name}")].values())
        {
            assert!(
                (found - expected).abs() < 1e-6,
                "{picture:?} {pool:?} {name}: {found} is not {expected}"
            );
        }
    }
}

fn pooled(x: &[TensorId], pool: [usize; 2]) -> PooledConv {
    PooledConv {
        weight: x[1],
        bias: x[2],
        pads: [1, 1],
        pool,
    }
}

#[test]
fn pooled_convolution_gradients() {
    for dialect in BOTH {
        for ([channels, rows, columns], pool) in BLOCKS {
            let [picture, filters] = [[2, channels, rows, columns], [3, channels, 3, 3]];
            let inputs: [(&[usize], _); 3] = [(&picture, ANY), (&filters, ANY), (&[3], ANY)];
            check("Conv, MaxPool", dialect, &inputs, &|b, x| {
                conv_max_pool(b, x[0], pooled(x, pool))
            });
        }
    }
}

#[test]
fn a_pooled_convolution_is_convolution_and_pooling() {
    for dialect in BOTH {
        for ([channels, rows, columns], pool) in BLOCKS {
            let b = Builder::new(dialect);
            let [picture, filters] = [[2, channels, rows, columns], [3, channels, 3, 3]];
            let x = [
                b.input("x", &picture),
                b.input("weight", &filters),
                b.input("bias", &[3]),
            ];
            let found = conv_max_pool(&b, x[0], pooled(&x, pool)).unwrap();
            let expected = b
                .max_pool(b.conv_bias(x[0], x[1], x[2], [1, 1]).unwrap(), pool)
                .unwrap();
            b.output("found", b.identity(found).unwrap()).unwrap();
            b.output("expected", b.identity(expected).unwrap()).unwrap();
            let point = [
                ("x".to_owned(), numbers(&picture, 1, ANY)),
                ("weight".to_owned(), numbers(&filters, 2, ANY)),
                ("bias".to_owned(), numbers(&[3], 3, ANY)),
            ];
            let result = run(&b.finish(), &point.into()).unwrap();
            let (found, expected) = (&result["found"], &result["expected"]);
            assert_eq!(found.shape(), expected.shape(), "{picture:?} {pool:?}");
            for (found, expected) in found.values().iter().zip(expected.values()) {
                assert!(
                    (found - expected).abs() < 1e-6,
                    "{picture:?} {pool:?}: {found} is not {expected}"
                );
            }
        }
    }
}

#[test]
fn pooled_convolutions_that_do_not_fit_are_refused() {
    for dialect in BOTH {
        for (picture, pool) in [([1, 1, 4, 4], [0, 2]), ([1, 1, 0, 4], [2, 2]), ([1, 2, 4, 4], [2, 2])] {
            let b = Builder::new(dialect);
            let x = [
                b.input("x", &picture),
                b.input("weight", &[3, 1, 3, 3]),
                b.input("bias", &[3]),
            ];
            let found = conv_max_pool(&b, x[0], pooled(&x, pool));
            assert!(found.is_err(), "{dialect:?} {picture:?} {pool:?}");
        }
    }
}

fn weights(x: &[TensorId]) -> LstmWeights {
    LstmWeights {
        input: x[1],
        recurrent: x[2],
        bias: x[3],
    }
}

#[test]
fn lstm_gradients() {
    for dialect in BOTH {
        let inputs: [(&[usize], _); 4] = [(&[3, 2, 2], ANY), (&[2, 12], ANY), (&[3, 12], ANY), (&[12], ANY)];
        check("LSTM", dialect, &inputs, &|b, x| lstm(b, x[0], weights(x)));
    }
}

#[test]
fn lstm_equals_the_operator() {
    let (steps, batch, inputs, hidden) = (4, 2, 3, 2);
    for dialect in BOTH {
        let b = Builder::new(dialect);
        let shapes: [&[usize]; 4] = [
            &[steps, batch, inputs],
            &[inputs, 4 * hidden],
            &[hidden, 4 * hidden],
            &[4 * hidden],
        ];
        let x: Vec<_> = shapes
            .iter()
            .enumerate()
            .map(|(i, shape)| b.input(&format!("x{i}"), shape))
            .collect();
        b.output("ours", lstm(&b, x[0], weights(&x)).unwrap()).unwrap();
        let rearranged = |id| b.unsqueeze(b.transpose(id, &[1, 0]).unwrap(), &[0]).unwrap();
        let no_bias = b.full(&[4 * hidden], 0.0).unwrap();
        let bias = b.unsqueeze(b.concat(&[x[3], no_bias], 0).unwrap(), &[0]).unwrap();
        let theirs = b
            .lstm([x[0], rearranged(x[1]), rearranged(x[2]), bias], hidden)
            .unwrap();
        b.output("theirs", b.squeeze(theirs, &[1]).unwrap()).unwrap();
        let point: BTreeMap<_, _> = shapes
            .iter()
            .enumerate()
            .map(|(i, s)| (format!("x{i}"), numbers(s, i as u64, ANY)))
            .collect();
        let result = run(&b.finish(), &point).unwrap();
        for (ours, theirs) in result["ours"].values().iter().zip(result["theirs"].values()) {
            assert!((ours - theirs).abs() < 1e-12, "{dialect:?}: {ours} is not {theirs}");
        }
    }
}

/// The target as constants of `b`.
fn constants(b: &Builder, target: &Target, labels: usize, classes: usize) -> CtcTarget {
    let states = target.states();
    let constant = |shape: &[usize], values: &[f32]| b.constant(Literal::f32(shape, values.to_vec()).unwrap());
    CtcTarget {
        states: constant(&[labels, states, classes], &target.target),
        start: constant(&[2 * labels, states], &target.start),
        skip: constant(&[2 * labels, states], &target.skip),
    }
}

/// Every path of `frames` classes that reads as `label`: the definition, in time K^T.
fn by_enumeration(log_probabilities: &Array, item: usize, label: &[usize]) -> f64 {
    let [frames, _, classes] = log_probabilities.shape() else {
        panic!("not [T, N, K]")
    };
    let mut probability = 0.0;
    for number in 0..classes.pow(*frames as u32) {
        let path: Vec<_> = (0..*frames).map(|t| number / classes.pow(t as u32) % classes).collect();
        let one_hot: Vec<f32> = path
            .iter()
            .flat_map(|class| (0..*classes).map(move |k| f32::from(k == *class)))
            .collect();
        if crate::ctc::greedy_decode(&one_hot, *classes) == label {
            let n = log_probabilities.shape()[1];
            let log = path
                .iter()
                .enumerate()
                .map(|(t, class)| log_probabilities.values()[(t * n + item) * classes + class]);
            probability += log.sum::<f64>().exp();
        }
    }
    -probability.ln()
}

#[test]
fn ctc_equals_the_sum_over_all_paths() {
    let labels: [&[usize]; 5] = [&[1], &[1, 2], &[2, 2], &[1, 2, 1], &[3, 3]];
    let (frames, classes, max_label) = (5, 4, 3);
    let encoded: Vec<_> = labels
        .iter()
        .map(|label| Target::encode(label, max_label, classes).unwrap())
        .collect();
    let target = Target::batch(&encoded).unwrap();
    for dialect in BOTH {
        let b = Builder::new(dialect);
        let logits = b.input("logits", &[frames, labels.len(), classes]);
        let target = constants(&b, &target, labels.len(), classes);
        b.output("loss", ctc_loss(&b, logits, target).unwrap()).unwrap();
        b.output("log_probabilities", b.log_softmax(logits, 2).unwrap())
            .unwrap();
        let point = numbers(&[frames, labels.len(), classes], 5, [-2.0, 2.0]);
        let result = run(&b.finish(), &[("logits".to_owned(), point)].into()).unwrap();
        for (item, label) in labels.iter().enumerate() {
            let (found, expected) = (
                result["loss"].values()[item],
                by_enumeration(&result["log_probabilities"], item, label),
            );
            assert!(
                (found - expected).abs() < 1e-9,
                "{dialect:?} {label:?}: {found} is not {expected}"
            );
        }
    }
}

#[test]
fn ctc_gradients() {
    let labels: [&[usize]; 3] = [&[1], &[2, 2], &[1, 2, 3]];
    let encoded: Vec<_> = labels
        .iter()
        .map(|label| Target::encode(label, 3, 4).unwrap())
        .collect();
    let target = Target::batch(&encoded).unwrap();
    for dialect in BOTH {
        check("CTC", dialect, &[(&[6, 3, 4], [-2.0, 2.0])], &|b, x| {
            ctc_loss(b, x[0], constants(b, &target, 3, 4))
        });
    }
}
