//! Operators that move elements.

use super::Array;

pub(super) fn transpose(x: &Array, perm: &[usize]) -> Option<Array> {
    let shape = perm
        .iter()
        .map(|axis| x.shape().get(*axis).copied())
        .collect::<Option<Vec<_>>>()?;
    let mut source = vec![0; perm.len()];
    Some(Array::from_fn(&shape, |index| {
        for (axis, position) in perm.iter().zip(index) {
            source[*axis] = *position;
        }
        x.at(&source)
    }))
}

pub(super) fn squeeze(x: &Array, axes: &[usize]) -> Option<Array> {
    let kept = x
        .shape()
        .iter()
        .enumerate()
        .filter(|(axis, _)| !axes.contains(axis))
        .map(|(_, n)| *n);
    Array::new(&kept.collect::<Vec<_>>(), x.values().to_vec())
}

pub(super) fn unsqueeze(x: &Array, axes: &[usize]) -> Option<Array> {
    let mut shape = x.shape().to_vec();
    let mut axes = axes.to_vec();
    axes.sort_unstable();
    for axis in axes {
        if axis > shape.len() {
            return None;
        }
        shape.insert(axis, 1);
    }
    Array::new(&shape, x.values().to_vec())
}

/// Indices of one axis that a slice takes: the loop that ONNX's text describes.
fn taken(length: usize, start: i64, end: i64, step: i64) -> Vec<usize> {
    let n = length as i64;
    let wrap = |v: i64| if v < 0 { v.saturating_add(n) } else { v };
    let (lowest, highest) = if step > 0 { (0, n) } else { (-1, n - 1) };
    let (mut position, end) = (wrap(start).clamp(lowest, highest), wrap(end).clamp(lowest, highest));
    let mut indices = Vec::new();
    while step != 0 && (position - end).signum() == -step.signum() {
        indices.push(position as usize);
        position += step;
    }
    indices
}

pub(super) fn slice(x: &Array, axes: &[usize], starts: &[i64], ends: &[i64], steps: &[i64]) -> Option<Array> {
    let mut indices: Vec<Vec<usize>> = x.shape().iter().map(|n| (0..*n).collect()).collect();
    for (i, axis) in axes.iter().enumerate() {
        *indices.get_mut(*axis)? = taken(*x.shape().get(*axis)?, *starts.get(i)?, *ends.get(i)?, *steps.get(i)?);
    }
    let shape: Vec<_> = indices.iter().map(Vec::len).collect();
    let source = |index: &[usize]| index.iter().zip(&indices).map(|(i, axis)| axis[*i]).collect::<Vec<_>>();
    Some(Array::from_fn(&shape, |index| x.at(&source(index))))
}

pub(super) fn concat(parts: &[&Array], axis: usize) -> Option<Array> {
    let mut shape = parts.first()?.shape().to_vec();
    *shape.get_mut(axis)? = parts.iter().filter_map(|part| part.shape().get(axis)).sum();
    Some(Array::from_fn(&shape, |index| {
        let mut index = index.to_vec();
        for part in parts {
            if index[axis] < part.shape()[axis] {
                // `at` repeats axes of length 1, so the index has to be inside before it is used.
                return part.at(&index);
            }
            index[axis] -= part.shape()[axis];
        }
        f64::NAN
    }))
}

pub(super) fn split(x: &Array, axis: usize, sizes: &[usize]) -> Option<Vec<Array>> {
    let mut start = 0;
    let mut parts = Vec::new();
    for size in sizes {
        parts.push(slice(x, &[axis], &[start], &[start + *size as i64], &[1])?);
        start += *size as i64;
    }
    Some(parts)
}

pub(super) fn pad(x: &Array, before: &[i64], after: &[i64], value: f64) -> Option<Array> {
    let lengths = x.shape().iter().zip(before.iter().zip(after));
    let shape = lengths
        .map(|(n, (b, a))| usize::try_from(*n as i64 + b + a).ok())
        .collect::<Option<Vec<_>>>()?;
    Some(Array::from_fn(&shape, |index| {
        let place = |(i, (b, n)): (&usize, (&i64, &usize))| usize::try_from(*i as i64 - b).ok().filter(|i| i < n);
        let source = index
            .iter()
            .zip(before.iter().zip(x.shape()))
            .map(place)
            .collect::<Option<Vec<_>>>();
        source.map_or(value, |source| x.at(&source))
    }))
}

pub(super) fn resize(x: &Array, scales: &[usize]) -> Option<Array> {
    let shape: Vec<_> = x.shape().iter().zip(scales).map(|(n, scale)| n * scale).collect();
    let source = |index: &[usize]| index.iter().zip(scales).map(|(i, scale)| i / scale).collect::<Vec<_>>();
    Some(Array::from_fn(&shape, |index| x.at(&source(index))))
}

pub(super) fn gather(x: &Array, indices: &Array, axis: usize) -> Option<Array> {
    let (before, after) = (x.shape().get(..axis)?, x.shape().get(axis + 1..)?);
    let picked = indices.shape().len();
    Some(Array::from_fn(&[before, indices.shape(), after].concat(), |index| {
        let row = indices.at(&index[axis..axis + picked]) as usize;
        x.at(&[&index[..axis], &[row], &index[axis + picked..]].concat())
    }))
}
