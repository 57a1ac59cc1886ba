//! A model: sizes, backbone and head, its weights' places and its graphs.

use parallax_onnx::{Builder, Dialect, TensorId};

use super::backbone::Backbone;
use super::head::{Alignment, Head, as_frames};
use super::layout::{Layout, WeightsError};
use super::net::{Maps, Mode, Net};
use super::optimiser::AdamConfig;

/// What a [`Model`] is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// Height of the input, pixels.
    pub height: usize,
    /// Width of the input, pixels.
    pub width: usize,
    /// The convolutional part.
    pub backbone: Backbone,
    /// The part after it.
    pub head: Head,
    /// Weight of the loss of an auxiliary CTC head on the backbone's features; 0 is none. It leaves the all-blank plateau
    /// first and pulls the main head along.
    pub auxiliary: f32,
    /// Classes, the blank included.
    pub classes: usize,
    /// Longest label.
    pub max_label: usize,
    /// Slope of the negative side of the activation.
    pub slope: f32,
    /// How far running statistics move towards those of a batch.
    pub momentum: f32,
    /// The optimiser.
    pub adam: AdamConfig,
}

/// A model: its weights' places and its graphs.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub(super) config: ModelConfig,
    layout: Layout,
}

/// What a model makes of pictures.
pub(super) struct Scores {
    /// `[T, N, K]` or `[P, N, K]`, by the head's alignment.
    pub(super) main: TensorId,
    /// `[T, N, K]`.
    pub(super) auxiliary: Option<TensorId>,
}

impl Model {
    /// The model in this size.
    ///
    /// # Errors
    /// [`WeightsError::Graph`] when the sizes do not fit together.
    pub fn new(config: ModelConfig) -> Result<Self, WeightsError> {
        let b = Builder::new(Dialect::OnnxRuntime);
        let image = b.input("image", &[1, 1, config.height, config.width]);
        let mut net = Net::new(&b, Mode::Declare, config.slope);
        forward(&config, &mut net, image)?;
        let layout = net.layout;
        Ok(Self { config, layout })
    }

    /// Its sizes.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Frames T of the logits that the recogniser and the attack have.
    #[must_use]
    pub fn frames(&self) -> usize {
        match self.config.head.alignment() {
            Alignment::Frames => self.image_frames(),
            Alignment::Positions => (2 * self.config.max_label).saturating_sub(1),
        }
    }

    /// Frames that the backbone cuts the picture into.
    pub(super) fn image_frames(&self) -> usize {
        self.config.width / self.config.backbone.columns_per_frame()
    }

    /// States S of an encoded label.
    #[must_use]
    pub fn states(&self) -> usize {
        2 * self.config.max_label + 1
    }

    /// Its weights' places.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(super) fn forward(&self, net: &mut Net<'_>, image: TensorId) -> Result<Scores, WeightsError> {
        forward(&self.config, net, image)
    }

    /// The main scores of exported graphs, `[T, N, K]`.
    pub(super) fn logits(&self, net: &Net<'_>, scores: &Scores) -> Result<TensorId, WeightsError> {
        match self.config.head.alignment() {
            Alignment::Frames => Ok(scores.main),
            Alignment::Positions => as_frames(net, scores.main, [self.config.max_label, self.config.classes]),
        }
    }
}

fn forward(config: &ModelConfig, net: &mut Net<'_>, image: TensorId) -> Result<Scores, WeightsError> {
    let centred = Maps {
        id: net.b.scale(net.b.add_scalar(image, -0.5)?, 4.0)?,
        channels: 1,
        rows: config.height,
        columns: config.width,
    };
    let maps = config.backbone.apply(net, centred)?;
    let frames = net.frames(maps)?;
    let main = config
        .head
        .apply(net, maps, frames, [config.max_label, config.classes])?;
    let auxiliary = if config.auxiliary > 0.0 {
        Some(net.dense("auxiliary", frames.id, frames.features, config.classes)?)
    } else {
        None
    };
    Ok(Scores { main, auxiliary })
}
