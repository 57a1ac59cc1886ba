//! Convolution of few channels followed by maximum pooling, as one matrix product.
//!
//! A window of `ph x pw` outputs of a convolution depends on one patch of the image, and each of its outputs is the
//! product of that patch with the filter moved by the output's place. So all filters in all places times all patches,
//! then the largest of the places: no picture of the size before the pooling is compared, stretched or masked. Mean and
//! variance of the convolution follow from the first two moments of the patches, which are few numbers. It multiplies
//! by more zeros than a convolution does: it pays while a patch has few elements, as in the first block of a network.

use crate::autodiff::pool::is_largest;
use crate::builder::{Builder, Dialect};
use crate::graph::{GraphError, Literal, Reduction, TensorId};

/// Patches of more elements than this are left to a convolution.
const LARGEST_PATCH: usize = 32;

/// Filters of a convolution that is pooled, and its sizes.
#[derive(Debug, Clone, Copy)]
pub struct PooledConv {
    /// `[O, C, kh, kw]`.
    pub weight: TensorId,
    /// `[O]`.
    pub bias: TensorId,
    /// Zeros around the image: rows, columns.
    pub pads: [usize; 2],
    /// Pooling window: rows, columns.
    pub pool: [usize; 2],
}

/// Convolves `x: [N, C, H, W]` and pools: `[N, O, rows, columns]`. Tied maxima each get the whole cotangent.
///
/// In wasm, forward and backward of the first block of a CRNN take a quarter of the time that a convolution, a pooling
/// and their rules do.
///
/// # Errors
/// [`GraphError`] when the shapes do not fit.
pub fn conv_max_pool(b: &Builder, x: TensorId, conv: PooledConv) -> Result<TensorId, GraphError> {
    let Some(pooled) = Pooled::of(b, x, conv.weight, conv.pads, conv.pool)? else {
        return b.max_pool(b.conv_bias(x, conv.weight, conv.bias, conv.pads)?, conv.pool);
    };
    let patches = pooled.patches(b, x)?;
    // A product for each place: tract would cut one of all places up, and multiply with fewer rows at a time.
    let at_place = |filters| b.matmul(filters, patches);
    let filters = pooled.filters_by_place(b, conv.weight)?;
    let places = filters.into_iter().map(at_place).collect::<Result<Vec<_>, _>>()?;
    let largest = b.reshape(largest_of(b, &places)?, &pooled.output_shape())?;
    b.add(largest, b.reshape(conv.bias, &[1, pooled.filters, 1, 1])?)
}

/// Element by element the largest of `parts`, which have one shape.
fn largest_of(b: &Builder, parts: &[TensorId]) -> Result<TensorId, GraphError> {
    let operands = parts.to_vec();
    let largest = b.region(parts, |b| {
        let (first, rest) = parts.split_first().ok_or(GraphError::NoRule { op: "Max" })?;
        let largest = rest.iter().try_fold(*first, |largest, part| b.max(largest, *part))?;
        let rule = move |b: &Builder, dy: &[Option<TensorId>], _: &[bool]| {
            let through = |part: &TensorId| match dy.first().copied().flatten() {
                Some(dy) => Ok(Some(b.mul(dy, is_largest(b, *part, largest)?)?)),
                None => Ok(None),
            };
            operands.iter().map(through).collect()
        };
        Ok((vec![largest], Box::new(rule)))
    })?;
    largest.first().copied().ok_or(GraphError::NoRule { op: "Max" })
}

/// Sizes of a convolution that is pooled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pooled {
    batch: usize,
    channels: usize,
    filters: usize,
    /// Rows and columns of a filter.
    kernel: [usize; 2],
    /// Rows and columns of a patch, a multiple of the pooling window's.
    patch: [usize; 2],
    pool: [usize; 2],
    pads: [usize; 2],
    /// Rows and columns after the pooling.
    output: [usize; 2],
}

/// What [`Pooled::apply`] makes.
pub(super) struct PooledOutput {
    /// Largest outputs of the convolution, times the gain, `[N, O, rows, columns]`.
    pub(super) largest: TensorId,
    /// Mean of each channel before the pooling, `[O]`.
    pub(super) mean: TensorId,
    /// Biased variance of each channel before the pooling, `[O]`.
    pub(super) variance: TensorId,
}

impl Pooled {
    /// The sizes for `weight` over `x`, or none when a convolution is the better way: a patch is large, or the pooling
    /// leaves rows or columns over.
    pub(super) fn of(
        b: &Builder,
        x: TensorId,
        weight: TensorId,
        pads: [usize; 2],
        pool: [usize; 2],
    ) -> Result<Option<Self>, GraphError> {
        let ([batch, channels, h, w], [filters, _, kh, kw]) = (b.dims(x)?, b.dims(weight)?);
        let [ph, pw] = pool;
        let covered = |size: usize, pad: usize, kernel: usize| (size + 2 * pad + 1).saturating_sub(kernel);
        let (rows, columns) = (covered(h, pads[0], kh), covered(w, pads[1], kw));
        let patch = [(kh + ph - 1).next_multiple_of(ph), (kw + pw - 1).next_multiple_of(pw)];
        let fits = rows % ph == 0 && columns % pw == 0 && channels * patch[0] * patch[1] <= LARGEST_PATCH;
        Ok(fits.then_some(Self {
            batch,
            channels,
            filters,
            kernel: [kh, kw],
            patch,
            pool,
            pads,
            output: [rows / ph, columns / pw],
        }))
    }

    /// Shape after the pooling.
    fn output_shape(&self) -> [usize; 4] {
        [self.batch, self.filters, self.output[0], self.output[1]]
    }

    /// Outputs of the convolution that each channel has in a batch.
    pub(super) fn samples(&self) -> f32 {
        let (places, _) = self.places_and_elements();
        (self.batch * places * self.output[0] * self.output[1]) as f32
    }

    /// Places of a window, and elements of a patch.
    fn places_and_elements(&self) -> (usize, usize) {
        (
            self.pool[0] * self.pool[1],
            self.channels * self.patch[0] * self.patch[1],
        )
    }

    /// Convolves `x: [N, C, H, W]` with `weight: [O, C, kh, kw]` and pools. `gain` makes a positive factor per filter
    /// from the variance, `[O]`; it is applied to the filters, because maxima commute with it.
    pub(super) fn apply(
        &self,
        b: &Builder,
        x: TensorId,
        weight: TensorId,
        gain: impl FnOnce(TensorId) -> Result<TensorId, GraphError>,
    ) -> Result<PooledOutput, GraphError> {
        let (places, elements) = self.places_and_elements();
        let [rows, columns] = self.output;
        let patches = self.patches(b, x)?;
        let filters = b.concat(&self.filters_by_place(b, weight)?, 0)?;

        let samples = (self.batch * rows * columns) as f32;
        let first = b.scale(b.sum(patches, &[0, 2])?, 1.0 / samples)?;
        let products = b.matmul(patches, b.transpose(patches, &[0, 2, 1])?)?;
        let second = b.scale(b.sum(products, &[0])?, 1.0 / samples)?;
        let over_places = |id| b.reduce(Reduction::Mean, b.reshape(id, &[places, self.filters])?, &[0]);
        let mean = over_places(b.matmul(filters, b.reshape(first, &[elements, 1])?)?)?;
        let square = over_places(b.sum(b.mul(b.matmul(filters, second)?, filters)?, &[1])?)?;
        let variance = b.max(b.sub(square, b.mul(mean, mean)?)?, b.scalar(0.0))?;

        let gain = b.reshape(gain(variance)?, &[1, self.filters, 1])?;
        let scaled = b.mul(b.reshape(filters, &[places, self.filters, elements])?, gain)?;
        let scaled = b.reshape(scaled, &[places * self.filters, elements])?;
        let outputs = b.reshape(
            b.matmul(scaled, patches)?,
            &[self.batch, places, self.filters, rows, columns],
        )?;
        Ok(PooledOutput {
            largest: b.reduce(Reduction::Max, outputs, &[1])?,
            mean,
            variance,
        })
    }

    /// `[N, elements, rows * columns]`; elements in the order of [`Self::filters_by_place`].
    fn patches(&self, b: &Builder, x: TensorId) -> Result<TensorId, GraphError> {
        let [_, _, h, w] = b.dims(x)?;
        let ([ph, pw], [rows, columns]) = (self.pool, self.output);
        let windows = [self.patch[0] / ph, self.patch[1] / pw];
        let cells = [rows + windows[0] - 1, columns + windows[1] - 1];
        let pad = |size: usize, pad: usize, to: usize| (pad as i64, to as i64 - (size + pad) as i64);
        let pads = [
            (0, 0),
            (0, 0),
            pad(h, self.pads[0], cells[0] * ph),
            pad(w, self.pads[1], cells[1] * pw),
        ];
        // What lies in one cell of the pooling's grid becomes channels, so that a step of the grid is a step of one.
        let grid = [self.batch, self.channels, cells[0], ph, cells[1], pw];
        let by_cell = b.transpose(b.reshape(b.pad(x, &pads)?, &grid)?, &[0, 3, 5, 1, 2, 4])?;
        let by_cell = b.reshape(by_cell, &[self.batch, ph * pw * self.channels, cells[0], cells[1]])?;
        let (_, elements) = self.places_and_elements();
        let patches = match b.dialect() {
            Dialect::OnnxRuntime => {
                let window = |(i, j)| b.slices(by_cell, &[(2, i..i + rows), (3, j..j + columns)]);
                let windows = (0..windows[0]).flat_map(|i| (0..windows[1]).map(move |j| (i, j)));
                b.concat(&windows.map(window).collect::<Result<Vec<_>, _>>()?, 1)?
            }
            // tract would cut products with a concatenation into products with its parts.
            Dialect::Tract => {
                let kernel = [elements, elements / windows[0] / windows[1], windows[0], windows[1]];
                b.conv(by_cell, b.constant(windows_as_channels(kernel)?), [0, 0])?
            }
        };
        b.reshape(patches, &[self.batch, elements, rows * columns])
    }

    /// For each place of the window all filters there, zeros around them: `[O, elements]`.
    fn filters_by_place(&self, b: &Builder, weight: TensorId) -> Result<Vec<TensorId>, GraphError> {
        let ([ph, pw], [kh, kw]) = (self.pool, self.kernel);
        let (_, elements) = self.places_and_elements();
        let windows = [self.patch[0] / ph, self.patch[1] / pw];
        let around = |kernel: usize, place: usize, patch: usize| (place as i64, patch as i64 - (kernel + place) as i64);
        let mut parts = Vec::with_capacity(ph * pw);
        for i in 0..ph {
            for j in 0..pw {
                let pads = [
                    (0, 0),
                    (0, 0),
                    around(kh, i, self.patch[0]),
                    around(kw, j, self.patch[1]),
                ];
                let grid = [self.filters, self.channels, windows[0], ph, windows[1], pw];
                let placed = b.reshape(b.pad(weight, &pads)?, &grid)?;
                let placed = b.transpose(placed, &[0, 2, 4, 3, 5, 1])?;
                parts.push(b.reshape(placed, &[self.filters, elements])?);
            }
        }
        Ok(parts)
    }
}

/// The filters `[kh * kw * C, C, kh, kw]` whose convolution lays what a window sees side by side.
fn windows_as_channels([elements, channels, kh, kw]: [usize; 4]) -> Result<Literal, GraphError> {
    let per_filter = channels * kh * kw;
    let mut values = vec![0.0; elements * per_filter];
    for (element, filter) in values.chunks_mut(per_filter.max(1)).enumerate() {
        let (place, channel) = (element / channels, element % channels);
        if let Some(tap) = filter.get_mut(channel * kh * kw + place) {
            *tap = 1.0;
        }
    }
    Literal::f32(&[elements, channels, kh, kw], values)
}
