//! Every rule against central finite differences in 64 bit, through the reference interpreter.

mod layers;
mod operators;

use std::collections::BTreeMap;

use super::gradients;
use crate::builder::{Builder, Dialect};
use crate::graph::{GraphError, TensorId};
use crate::reference::{Array, run};

const BOTH: [Dialect; 2] = [Dialect::OnnxRuntime, Dialect::Tract];

/// Numbers in `[low, high)` without structure, the same every time.
pub(crate) fn numbers(shape: &[usize], seed: u64, [low, high]: [f64; 2]) -> Array {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    Array::from_fn(shape, |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        low + (high - low) * ((state >> 33) as f64 / (1u64 << 31) as f64)
    })
}

/// Emits a tensor from the inputs.
type Build<'a> = &'a dyn Fn(&Builder, &[TensorId]) -> Result<TensorId, GraphError>;

/// Builds `build(inputs)`, weighs its elements, and compares the gradient by every input with finite differences.
fn check(name: &str, dialect: Dialect, inputs: &[(&[usize], [f64; 2])], build: Build<'_>) {
    let b = Builder::new(dialect);
    let ids: Vec<_> = inputs
        .iter()
        .enumerate()
        .map(|(i, (shape, _))| b.input(&format!("x{i}"), shape))
        .collect();
    let y = build(&b, &ids).unwrap_or_else(|error| panic!("{name}: {error}"));
    let shape = b.shape(y).unwrap();
    let weights = b.input("weights", &shape);
    let loss = b
        .sum(b.mul(y, weights).unwrap(), &(0..shape.len()).collect::<Vec<_>>())
        .unwrap();
    let dx = gradients(&b, loss, &ids).unwrap_or_else(|error| panic!("{name}: {error}"));
    b.output("loss", loss).unwrap();
    for (i, dx) in dx.iter().enumerate() {
        b.output(&format!("dx{i}"), b.identity(*dx).unwrap()).unwrap();
    }
    let graph = b.finish();
    let mut point: BTreeMap<_, _> = inputs
        .iter()
        .enumerate()
        .map(|(i, (shape, range))| (format!("x{i}"), numbers(shape, i as u64 + 1, *range)))
        .collect();
    point.insert("weights".to_owned(), numbers(&shape, 99, [-1.0, 1.0]));
    let results = run(&graph, &point).unwrap();
    let loss_at = |point: &BTreeMap<String, Array>| run(&graph, point).unwrap()["loss"].values()[0];
    for i in 0..inputs.len() {
        let (key, gradient) = (format!("x{i}"), &results[&format!("dx{i}")]);
        assert_eq!(
            gradient.shape(),
            point[&key].shape(),
            "{name}, {dialect:?}: shape of the gradient by {key}"
        );
        for place in 0..gradient.values().len() {
            let moved = |step: f64| {
                let mut point = point.clone();
                point.get_mut(&key).unwrap().values_mut()[place] += step;
                loss_at(&point)
            };
            let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            let found = gradient.values()[place];
            let close = (found - expected).abs() <= 1e-6 * (1.0 + expected.abs());
            assert!(
                close,
                "{name}, {dialect:?}: d {key}[{place}] is {found}, differences say {expected}"
            );
        }
    }
}
