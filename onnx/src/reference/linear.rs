//! Matrix products, convolution, pooling, normalisation.

use super::Array;
use super::elementwise::broadcast;

pub(super) fn matmul(a: &Array, b: &Array) -> Option<Array> {
    let ([a_batch @ .., rows, inner], [b_batch @ .., other, columns]) = (a.shape(), b.shape()) else {
        return None;
    };
    let batch = broadcast(a_batch, b_batch)?;
    if inner != other {
        return None;
    }
    let shape = [batch.as_slice(), &[*rows, *columns]].concat();
    Some(Array::from_fn(&shape, |index| {
        let (batch, place) = index.split_at(batch.len());
        let term = |k| a.at(&[batch, &[place[0], k]].concat()) * b.at(&[batch, &[k, place[1]]].concat());
        (0..*inner).map(term).sum()
    }))
}

pub(super) fn gemm(a: &Array, b: &Array, c: Option<&Array>, trans_a: bool, trans_b: bool) -> Option<Array> {
    let orient = |x: &Array, transposed: bool| {
        if transposed {
            super::layout::transpose(x, &[1, 0])
        } else {
            Some(x.clone())
        }
    };
    let product = matmul(&orient(a, trans_a)?, &orient(b, trans_b)?)?;
    match c {
        Some(c) => super::elementwise::binary(crate::graph::Binary::Add, &product, c),
        None => Some(product),
    }
}

pub(super) fn conv(x: &Array, w: &Array, bias: Option<&Array>, pads: [usize; 2]) -> Option<Array> {
    let ([n, channels, h, width], [filters, _, kh, kw]) = (x.shape(), w.shape()) else {
        return None;
    };
    let (rows, columns) = (
        (h + 2 * pads[0] + 1).checked_sub(*kh)?,
        (width + 2 * pads[1] + 1).checked_sub(*kw)?,
    );
    Some(Array::from_fn(&[*n, *filters, rows, columns], |index| {
        let mut sum = bias.map_or(0.0, |bias| bias.at(&[index[1]]));
        for c in 0..*channels {
            for i in 0..*kh {
                for j in 0..*kw {
                    let (row, column) = ((index[2] + i).checked_sub(pads[0]), (index[3] + j).checked_sub(pads[1]));
                    if let (Some(row), Some(column)) = (row, column)
                        && row < *h
                        && column < *width
                    {
                        sum += x.at(&[index[0], c, row, column]) * w.at(&[index[1], c, i, j]);
                    }
                }
            }
        }
        sum
    }))
}

pub(super) fn pool(x: &Array, [kh, kw]: [usize; 2], reduce: impl Fn(&[f64]) -> f64) -> Option<Array> {
    let [n, c, h, w] = x.shape() else { return None };
    Some(Array::from_fn(
        &[*n, *c, h.checked_div(kh)?, w.checked_div(kw)?],
        |index| {
            let mut window = Vec::with_capacity(kh * kw);
            for i in 0..kh {
                window.extend((0..kw).map(|j| x.at(&[index[0], index[1], index[2] * kh + i, index[3] * kw + j])));
            }
            reduce(&window)
        },
    ))
}

pub(super) fn batch_normalization(operands: &[&Array], epsilon: f64) -> Option<Array> {
    let [x, scale, bias, mean, variance] = operands else {
        return None;
    };
    Some(Array::from_fn(x.shape(), |index| {
        let channel = &index[1..2];
        let normal = (x.at(index) - mean.at(channel)) / (variance.at(channel) + epsilon).sqrt();
        normal * scale.at(channel) + bias.at(channel)
    }))
}
