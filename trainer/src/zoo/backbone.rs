//! What turns a picture into a sequence of features: the convolutional part of a model.

use super::layout::WeightsError;
use super::net::{Conv, Maps, Net};

/// The convolutional part of a model. The rows end as one.
#[derive(Debug, Clone, PartialEq)]
pub enum Backbone {
    /// Blocks of convolution, normalisation, pooling and activation, one after the other: LeNet (LeCun et al. 1998)
    /// with large kernels, Table 6 of the paper with small ones.
    Plain(Vec<PlainBlock>),
    /// Stages of a pooled convolution and a residual block of two more (He et al. 2016).
    Residual(Vec<Stage>),
    /// A pooled convolution, then Inception modules (Szegedy et al. 2015).
    Inception {
        /// The convolution before the modules.
        stem: Stage,
        /// The modules.
        modules: Vec<InceptionModule>,
    },
}

/// A block of [`Backbone::Plain`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlainBlock {
    /// Filters of the convolution.
    pub filters: usize,
    /// Rows and columns of a filter, odd.
    pub kernel: usize,
    /// Pooling window: rows, columns.
    pub pool: [usize; 2],
}

/// Filters of a stage, and its pooling window: rows, columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// Filters of each convolution.
    pub filters: usize,
    /// Pooling window: rows, columns.
    pub pool: [usize; 2],
}

/// Branches of one, three and five pixels side by side, then pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InceptionModule {
    /// Filters of the branch of one pixel.
    pub one: usize,
    /// Filters of the branch of three pixels: before it, of it.
    pub three: [usize; 2],
    /// Filters of the branch of five pixels, two convolutions of three: before them, of each.
    pub five: [usize; 2],
    /// Pooling window: rows, columns.
    pub pool: [usize; 2],
}

const UNPOOLED: [usize; 2] = [1, 1];

impl Backbone {
    /// How much narrower the sequence is than the picture.
    pub(super) fn columns_per_frame(&self) -> usize {
        let columns = |pool: &[usize; 2]| pool[1];
        match self {
            Self::Plain(blocks) => blocks.iter().map(|block| columns(&block.pool)).product(),
            Self::Residual(stages) => stages.iter().map(|stage| columns(&stage.pool)).product(),
            Self::Inception { stem, modules } => {
                columns(&stem.pool) * modules.iter().map(|module| columns(&module.pool)).product::<usize>()
            }
        }
    }

    pub(super) fn apply(&self, net: &mut Net<'_>, image: Maps) -> Result<Maps, WeightsError> {
        match self {
            Self::Plain(blocks) => blocks.iter().try_fold(image, |x, block| {
                net.conv_relu(x, Conv::same(block.filters, block.kernel, block.pool))
            }),
            Self::Residual(stages) => stages.iter().try_fold(image, |x, stage| residual(net, x, *stage)),
            Self::Inception { stem, modules } => {
                let stem = net.conv_relu(image, Conv::same(stem.filters, 3, stem.pool))?;
                modules.iter().try_fold(stem, |x, module| inception(net, x, module))
            }
        }
    }
}

fn residual(net: &mut Net<'_>, x: Maps, stage: Stage) -> Result<Maps, WeightsError> {
    let Stage { filters, pool } = stage;
    let x = net.conv_relu(x, Conv::same(filters, 3, pool))?;
    let inner = net.conv_relu(x, Conv::same(filters, 3, UNPOOLED))?;
    let inner = net.conv(inner, Conv::same(filters, 3, UNPOOLED))?;
    let id = net.relu(net.b.add(x.id, inner.id)?)?;
    Ok(Maps { id, ..x })
}

fn inception(net: &mut Net<'_>, x: Maps, module: &InceptionModule) -> Result<Maps, WeightsError> {
    let one = net.conv_relu(x, Conv::same(module.one, 1, UNPOOLED))?;
    let three = net.conv_relu(x, Conv::same(module.three[0], 1, UNPOOLED))?;
    let three = net.conv_relu(three, Conv::same(module.three[1], 3, UNPOOLED))?;
    let five = net.conv_relu(x, Conv::same(module.five[0], 1, UNPOOLED))?;
    let five = net.conv_relu(five, Conv::same(module.five[1], 3, UNPOOLED))?;
    let five = net.conv_relu(five, Conv::same(module.five[1], 3, UNPOOLED))?;
    let all = net.side_by_side(&[one, three, five])?;
    net.max_pool(all, module.pool)
}
