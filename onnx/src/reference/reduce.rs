//! Reductions and the softmax.

use super::Array;
use crate::graph::Reduction;

pub(super) fn reduce(reduction: Reduction, x: &Array, axes: &[usize], keep: bool) -> Option<Array> {
    let kept: Vec<_> = x
        .shape()
        .iter()
        .enumerate()
        .map(|(i, n)| if axes.contains(&i) { 1 } else { *n })
        .collect();
    let inner: Vec<_> = x
        .shape()
        .iter()
        .enumerate()
        .map(|(i, n)| if axes.contains(&i) { *n } else { 1 })
        .collect();
    let result = Array::from_fn(&kept, |outer| {
        // Along each axis one of both indices is 0.
        let group = Array::from_fn(&inner, |index| {
            x.at(&outer.iter().zip(index).map(|(o, i)| o + i).collect::<Vec<_>>())
        });
        let v = group.values();
        let largest = v.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        match reduction {
            Reduction::Sum => v.iter().sum(),
            Reduction::Mean => v.iter().sum::<f64>() / v.len() as f64,
            Reduction::Max => largest,
            Reduction::L2 => v.iter().map(|x| x * x).sum::<f64>().sqrt(),
            Reduction::LogSumExp => largest + v.iter().map(|x| (x - largest).exp()).sum::<f64>().ln(),
        }
    });
    if keep {
        Some(result)
    } else {
        super::layout::squeeze(&result, axes)
    }
}

pub(super) fn log_softmax(x: &Array, axis: usize) -> Option<Array> {
    let total = reduce(Reduction::LogSumExp, x, &[axis], true)?;
    Some(Array::from_fn(x.shape(), |index| {
        let mut outer = index.to_vec();
        outer[axis] = 0;
        x.at(index) - total.at(&outer)
    }))
}
