//! Convolution, batch normalisation over the batch (Ioffe and Szegedy 2015), maximum pooling: one block of a
//! convolutional network in training.
//!
//! Normalisation with a positive scale rises, so it may follow the pooling instead of preceding it, on a quarter of
//! the values; a negative scale is made positive by turning the filter's sign. The two sums over the batch that its
//! gradient needs are then sums over the pooled values as well.

use super::conv_pool::Pooled;
use crate::autodiff::pool::unpool;
use crate::builder::{Builder, Rule};
use crate::graph::{Binary, GraphError, TensorId};

/// Added to the variance before its root.
pub const EPSILON: f32 = 1e-5;

/// The window of a block that does not pool.
const UNPOOLED: [usize; 2] = [1, 1];

/// Weights and sizes of a block with C input and O output channels.
#[derive(Debug, Clone, Copy)]
pub struct ConvBlock {
    /// Filters, `[O, C, kh, kw]`; there is no bias, normalisation would remove it.
    pub weight: TensorId,
    /// Scale of the normalisation, `[O]`.
    pub scale: TensorId,
    /// Bias of the normalisation, `[O]`.
    pub bias: TensorId,
    /// Zeros around the image: rows, columns.
    pub pads: [usize; 2],
    /// Pooling window: rows, columns.
    pub pool: [usize; 2],
}

/// Results of [`conv_block`].
#[derive(Debug, Clone, Copy)]
pub struct ConvBlockOutput {
    /// `[N, O, rows, columns]`.
    pub output: TensorId,
    /// Mean of each channel over the batch, `[O]`.
    pub mean: TensorId,
    /// Unbiased variance of each channel over the batch, `[O]`, as running statistics want it.
    pub variance: TensorId,
}

/// Convolves `x: [N, C, H, W]`, normalises per channel, pools.
///
/// The statistics are not differentiated on their own: they are for the running averages only.
///
/// # Errors
/// [`GraphError`] when the shapes do not fit.
pub fn conv_block(b: &Builder, x: TensorId, block: ConvBlock) -> Result<ConvBlockOutput, GraphError> {
    let [filters] = b.dims(block.scale)?;
    let is_negative = b.compare(Binary::Greater, b.scalar(0.0), block.scale)?;
    let sign = b.sub(b.scalar(1.0), b.scale(is_negative, 2.0)?)?;
    let weight = b.mul(block.weight, b.reshape(sign, &[filters, 1, 1, 1])?)?;
    let scale = b.mul(block.scale, sign)?;
    if let Some(pooled) = Pooled::of(b, x, weight, block.pads, block.pool)? {
        return few_channels(b, x, pooled, [weight, scale, block.bias, sign]);
    }
    let convolved = b.conv(x, weight, block.pads)?;
    let pooled = norm_pool(b, convolved, scale, block.bias, block.pool)?;
    Ok(ConvBlockOutput {
        mean: b.mul(pooled.mean, sign)?,
        ..pooled
    })
}

/// The same by [`Pooled`], differentiated operator by operator: only the filters are as large as the pictures.
fn few_channels(
    b: &Builder,
    x: TensorId,
    pooled: Pooled,
    [weight, scale, bias, sign]: [TensorId; 4],
) -> Result<ConvBlockOutput, GraphError> {
    let mut gain = scale;
    let found = pooled.apply(b, x, weight, |variance| {
        gain = b.div(scale, b.sqrt(b.add_scalar(variance, EPSILON)?)?)?;
        Ok(gain)
    })?;
    let [filters] = b.dims(scale)?;
    let shift = b.sub(bias, b.mul(found.mean, gain)?)?;
    let samples = pooled.samples();
    Ok(ConvBlockOutput {
        output: b.add(found.largest, b.reshape(shift, &[1, filters, 1, 1])?)?,
        mean: b.mul(found.mean, sign)?,
        variance: b.scale(found.variance, samples / (samples - 1.0).max(1.0))?,
    })
}

#[derive(Clone, Copy)]
struct Saved {
    x: TensorId,
    largest: TensorId,
    scale: TensorId,
    mean: TensorId,
    variance: TensorId,
    pool: [usize; 2],
}

/// Normalisation with `scale >= 0`, then pooling.
fn norm_pool(
    b: &Builder,
    x: TensorId,
    scale: TensorId,
    bias: TensorId,
    pool: [usize; 2],
) -> Result<ConvBlockOutput, GraphError> {
    let [n, _, h, w] = b.dims(x)?;
    let samples = (n * h * w) as f32;
    let mut statistics = None;
    let outputs = b.region(&[x, scale, bias], |b| {
        let mean = b.scale(channel_sum(b, x)?, 1.0 / samples)?;
        let square = b.scale(channel_product(b, x, x)?, 1.0 / samples)?;
        let variance = b.max(b.sub(square, b.mul(mean, mean)?)?, b.scalar(0.0))?;
        let largest = if pool == UNPOOLED { x } else { b.max_pool(x, pool)? };
        let output = b.batch_normalization([largest, scale, bias, mean, variance], EPSILON)?;
        statistics = Some((mean, b.scale(variance, samples / (samples - 1.0).max(1.0))?));
        Ok((
            vec![output],
            rule(Saved {
                x,
                largest,
                scale,
                mean,
                variance,
                pool,
            }),
        ))
    })?;
    match (outputs.as_slice(), statistics) {
        ([output], Some((mean, variance))) => Ok(ConvBlockOutput {
            output: *output,
            mean,
            variance,
        }),
        _ => Err(GraphError::NoRule {
            op: "BatchNormalization",
        }),
    }
}

/// `dx = unpool(gain dy) + slope x + offset` per channel, with coefficients from two sums over the batch.
fn rule(saved: Saved) -> Rule {
    Box::new(move |b, dy, wants| {
        let Saved {
            x,
            largest,
            scale,
            mean,
            variance,
            pool,
        } = saved;
        let Some(dy) = dy.first().copied().flatten() else {
            return Ok(vec![None; 3]);
        };
        let [n, c, h, w] = b.dims(x)?;
        let samples = (n * h * w) as f32;
        let dbias = channel_sum(b, dy)?;
        let products = channel_product(b, dy, largest)?;
        let inverse_deviation = b.reciprocal(b.sqrt(b.add_scalar(variance, EPSILON)?)?)?;
        let dscale = b.mul(b.sub(products, b.mul(mean, dbias)?)?, inverse_deviation)?;
        let dx = if wants.first() == Some(&true) {
            let gain = b.mul(scale, inverse_deviation)?;
            let slope = b.scale(b.mul(b.mul(gain, inverse_deviation)?, dscale)?, -1.0 / samples)?;
            let shift = b.scale(b.mul(gain, dbias)?, -1.0 / samples)?;
            let offset = b.sub(shift, b.mul(slope, mean)?)?;
            let scaled = b.mul(dy, b.reshape(gain, &[1, c, 1, 1])?)?;
            let through = if pool == UNPOOLED {
                scaled
            } else {
                unpool(b, x, largest, scaled, pool)?
            };
            Some(b.add(through, affine(b, x, slope, offset)?)?)
        } else {
            None
        };
        Ok(vec![dx, Some(dscale), Some(dbias)])
    })
}

/// `slope x + offset` per channel in one pass: normalisation by a mean of 0 and a deviation of 1.
fn affine(b: &Builder, x: TensorId, slope: TensorId, offset: TensorId) -> Result<TensorId, GraphError> {
    let [_, c, _, _] = b.dims(x)?;
    b.batch_normalization(
        [x, slope, offset, b.full(&[c], 0.0)?, b.full(&[c], 1.0 - EPSILON)?],
        EPSILON,
    )
}

/// Sum of each channel of `[n, c, h, w]`: `[c]`.
fn channel_sum(b: &Builder, x: TensorId) -> Result<TensorId, GraphError> {
    let [n, c, h, w] = b.dims(x)?;
    let rows = b.sum(b.reshape(x, &[n * c, h * w])?, &[1])?;
    b.sum(b.reshape(rows, &[n, c])?, &[0])
}

/// Inner product of each channel of `[n, c, h, w]` with its partner: `[c]`. A batched product reads each operand once
/// and writes nothing large; multiplying and reducing would do both. The right operand is transposed, not reshaped:
/// ONNX Runtime fuses that into a product of rows with rows, ten times as fast as one with a column.
fn channel_product(b: &Builder, left: TensorId, right: TensorId) -> Result<TensorId, GraphError> {
    let [n, c, h, w] = b.dims(left)?;
    let rows = |x| b.reshape(x, &[n * c, 1, h * w]);
    let products = b.matmul(rows(left)?, b.transpose(rows(right)?, &[0, 2, 1])?)?;
    b.sum(b.reshape(products, &[n, c])?, &[0])
}
