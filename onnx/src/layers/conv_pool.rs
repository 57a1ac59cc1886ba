//! Convolution of few channels followed by maximum pooling, as products of filters and patches.
//!
//! A window of `ph x pw` outputs of a convolution depends on one patch of the image, and each of its outputs is the
//! product of that patch with the filter moved by the output's place. So the filters in all places times all patches
//! (im2col with the step of the pooling), then the largest of the places: nothing is stretched to the size before the
//! pooling. It multiplies by more zeros than a convolution does: it pays while a patch has few elements, as in the first
//! block of a network.
//!
//! In training ([`Pooled::apply`]) one product has all places, and mean and variance of the convolution follow from the
//! first two moments of the patches, which are few numbers. For tract ([`conv_max_pool`]) each place has a product.

use crate::autodiff::SATURATE;
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

/// Convolves `x: [N, C, H, W]` and pools: `[N, O, rows, columns]`. Tied maxima share the
/// cotangent, or each get the whole of it where the sizes leave it to MaxPool for tract.
///
/// # Errors
/// [`GraphError`] when the shapes do not fit.
pub fn conv_max_pool(b: &Builder, x: TensorId, conv: PooledConv) -> Result<TensorId, GraphError> {
    let pooled = match b.dialect() {
        Dialect::OnnxRuntime => None,
        Dialect::Tract => Pooled::of(b, x, conv.weight, conv.pads, conv.pool)?,
    };
    let Some(pooled) = pooled else {
        return b.max_pool(b.conv_bias(x, conv.weight, conv.bias, conv.pads)?, conv.pool);
    };
    let patches = pooled.patches(b, x)?;
    // A product for each place: tract would cut one of all places up, and multiply with fewer rows at a time.
    let mut places = Vec::new();
    for filters in pooled.filters_by_place(b, conv.weight)? {
        places.push(b.matmul(filters, patches)?);
    }
    let largest = b.reshape(largest_of(b, places)?, &pooled.output_shape())?;
    b.add(largest, b.reshape(conv.bias, &[1, pooled.filters, 1, 1])?)
}

/// Element by element the largest of `parts`, which have one shape, as the result has: a tournament.
fn largest_of(b: &Builder, mut parts: Vec<TensorId>) -> Result<TensorId, GraphError> {
    while parts.len() > 1 {
        let pair = |pair: &[TensorId]| match pair {
            [x, z] => larger_of(b, *x, *z),
            _ => pair.first().copied().ok_or(GraphError::NoRule { op: "Max" }),
        };
        parts = parts.chunks(2).map(pair).collect::<Result<_, _>>()?;
    }
    parts.first().copied().ok_or(GraphError::NoRule { op: "Max" })
}

/// Element by element the larger of `x` and `z`, which have one shape; equals share the cotangent evenly.
///
/// Without Max and comparisons, which tract computes one by one in wasm: a saturated difference says which is larger,
/// once for forward and backward. The result is off by the rounding of a difference and a sum.
fn larger_of(b: &Builder, x: TensorId, z: TensorId) -> Result<TensorId, GraphError> {
    let outputs = b.region(&[x, z], |b| {
        let ahead = b.sub(x, z)?;
        let wins = b.clip(b.add_scalar(b.scale(ahead, SATURATE)?, 0.5)?, 0.0, 1.0)?;
        let larger = b.add(z, b.mul(ahead, wins)?)?;
        let rule = move |b: &Builder, dy: &[Option<TensorId>], _: &[bool]| {
            let Some(dy) = dy.first().copied().flatten() else {
                return Ok(vec![None; 2]);
            };
            let dx = b.mul(dy, wins)?;
            Ok(vec![Some(dx), Some(b.sub(dy, dx)?)])
        };
        Ok((vec![larger], Box::new(rule)))
    })?;
    outputs.first().copied().ok_or(GraphError::NoRule { op: "Max" })
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
        if [kh, kw, ph, pw].contains(&0) {
            return Ok(None); // The operators' own rules say what is wrong.
        }
        let covered = |size: usize, pad: usize, kernel: usize| (size + 2 * pad + 1).saturating_sub(kernel);
        let (rows, columns) = (covered(h, pads[0], kh), covered(w, pads[1], kw));
        let patch = [(kh + ph - 1).next_multiple_of(ph), (kw + pw - 1).next_multiple_of(pw)];
        let is_whole = rows > 0 && columns > 0 && rows % ph == 0 && columns % pw == 0;
        let fits = is_whole && channels * patch[0] * patch[1] <= LARGEST_PATCH;
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
                b.conv(by_cell, b.constant(im2col_kernel(kernel)?), [0, 0])?
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

/// The filters `[rows * columns * C, C, rows, columns]` whose convolution lays the cells that a window of `rows` x
/// `columns` sees side by side: im2col as an operator.
fn im2col_kernel([elements, channels, rows, columns]: [usize; 4]) -> Result<Literal, GraphError> {
    let per_filter = channels * rows * columns;
    let mut values = vec![0.0; elements * per_filter];
    for (element, filter) in values.chunks_mut(per_filter.max(1)).enumerate() {
        let (cell, channel) = (element / channels, element % channels);
        if let Some(tap) = filter.get_mut(channel * rows * columns + cell) {
            *tap = 1.0;
        }
    }
    Literal::f32(&[elements, channels, rows, columns], values)
}
