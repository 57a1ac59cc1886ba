//! What turns a sequence of features into the scores of characters.

use parallax_onnx::{Literal, TensorId};

use super::layout::{Init, WeightsError};
use super::net::{Conv, Frames, Maps, Net, uniform};

/// The part of a model after its backbone.
#[derive(Debug, Clone, PartialEq)]
pub enum Head {
    /// LSTM layers over the frames, CTC over their outputs.
    Recurrent {
        /// Cells of each layer.
        hidden: usize,
        /// Number of layers.
        layers: usize,
    },
    /// CTC over the frames, after a convolution of three frames: no frame knows more than its neighbourhood.
    Convolutional {
        /// Filters of the convolution.
        hidden: usize,
    },
    /// One classifier for each position of the text, all frames seen at once (Goodfellow et al. 2013); class 0 behind
    /// the end.
    Positions {
        /// Features that all positions share.
        hidden: usize,
    },
    /// Each position of the text looks at the frames that a learned query picks, all in parallel (as the reading stage
    /// of Yu et al. 2020 does); class 0 behind the end.
    Attention {
        /// Elements of queries and keys.
        keys: usize,
        /// Features of a position.
        hidden: usize,
    },
}

/// How a model's scores spell a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alignment {
    /// By frames, `[T, N, K]`: CTC.
    Frames,
    /// By positions of the text, `[P, N, K]`.
    Positions,
}

impl Head {
    pub(super) fn alignment(&self) -> Alignment {
        match self {
            Self::Recurrent { .. } | Self::Convolutional { .. } => Alignment::Frames,
            Self::Positions { .. } | Self::Attention { .. } => Alignment::Positions,
        }
    }

    /// Scores of `classes` classes: of frames or of `positions`, by [`Head::alignment`].
    pub(super) fn apply(
        &self,
        net: &mut Net<'_>,
        maps: Maps,
        frames: Frames,
        [positions, classes]: [usize; 2],
    ) -> Result<TensorId, WeightsError> {
        match *self {
            Self::Recurrent { hidden, layers } => {
                let frames = (0..layers).try_fold(frames, |x, _| net.lstm(x, hidden))?;
                net.dense("head", frames.id, frames.features, classes)
            }
            Self::Convolutional { hidden } => {
                let conv = Conv {
                    filters: hidden,
                    kernel: [1, 3],
                    pads: [0, 1],
                    pool: [1, 1],
                };
                let maps = net.conv_relu(maps, conv)?;
                let frames = net.frames(maps)?;
                net.dense("head", frames.id, frames.features, classes)
            }
            Self::Positions { hidden } => {
                let features = whole(net, frames, hidden)?;
                let scores = net.dense("head", features, hidden, positions * classes)?;
                let parts = net.b.split(scores, 1, &vec![classes; positions])?;
                let parts: Vec<_> = parts
                    .into_iter()
                    .map(|part| net.b.unsqueeze(part, &[0]))
                    .collect::<Result<_, _>>()?;
                Ok(net.b.concat(&parts, 0)?)
            }
            Self::Attention { keys, hidden } => {
                let glimpses = glimpses(net, frames, positions, keys)?;
                let features = net.dense("decoder", glimpses, frames.features, hidden)?;
                let features = net.relu(features)?;
                let scores = net.dense("head", features, hidden, classes)?;
                Ok(net.b.transpose(scores, &[1, 0, 2])?)
            }
        }
    }
}

/// `hidden` features of all frames together, `[N, hidden]`: a dense layer over them, as a product for each frame, because
/// flattening would need to know how many pictures there are.
fn whole(net: &mut Net<'_>, frames: Frames, hidden: usize) -> Result<TensorId, WeightsError> {
    let Frames { id, steps, features } = frames;
    let init = uniform(steps * features);
    let weight = net.weight("whole.weight".to_owned(), &[steps, features, hidden], init)?;
    let bias = net.weight("whole.bias".to_owned(), &[hidden], init)?;
    let sum = net.b.sum(net.b.matmul(id, weight)?, &[0])?;
    net.relu(net.b.add(sum, bias)?)
}

/// For each position a mean of the frames, weighted by softmax of query times key: `[N, positions, features]`.
fn glimpses(net: &mut Net<'_>, frames: Frames, positions: usize, keys: usize) -> Result<TensorId, WeightsError> {
    let Frames { id, steps, features } = frames;
    let memory = net.b.transpose(id, &[1, 0, 2])?;
    let key = net.dense("key", memory, features, keys)?;
    // Where a frame is, so that a position can look at a place as well as for a sign.
    let place = net.weight("place".to_owned(), &[steps, keys], Init::Uniform { bound: 1.0 })?;
    let query = net.weight("query".to_owned(), &[1, positions, keys], uniform(keys))?;
    let b = net.b;
    let key = b.transpose(b.add(key, place)?, &[0, 2, 1])?;
    let weights = b.exp(b.log_softmax(b.matmul(query, key)?, 2)?)?;
    Ok(b.matmul(weights, memory)?)
}

/// Scores of positions as frames that CTC's decoding reads: a frame that is surely blank between any two positions, so
/// that equal neighbours stay two.
pub(super) fn as_frames(
    net: &Net<'_>,
    scores: TensorId,
    [positions, classes]: [usize; 2],
) -> Result<TensorId, WeightsError> {
    let b = net.b;
    let mut surely_blank = vec![SURELY_NOT; classes];
    if let Some(blank) = surely_blank.first_mut() {
        *blank = 0.0;
    }
    let surely_blank = b.constant(Literal::f32(&[1, 1, classes], surely_blank)?);
    let parts = b.split(scores, 0, &vec![1; positions])?;
    let first = parts
        .first()
        .copied()
        .ok_or(WeightsError::Length { expected: 1, found: 0 })?;
    // Of as many pictures as the scores are.
    let between = b.add(b.scale(first, 0.0)?, surely_blank)?;
    let mut frames = Vec::new();
    for part in parts {
        if !frames.is_empty() {
            frames.push(between);
        }
        frames.push(part);
    }
    Ok(b.concat(&frames, 0)?)
}

/// Score of what cannot be, beside 0.
const SURELY_NOT: f32 = -50.0;
