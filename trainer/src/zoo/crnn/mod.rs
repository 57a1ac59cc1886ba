//! The recogniser of Table 6: four convolution blocks, two LSTM layers, a CTC head, and an auxiliary CTC head on the
//! convolution features, without which training stays on the all-blank plateau.

mod attack;
mod recognizer;
#[cfg(test)]
mod tests;
mod training;

use parallax_onnx::Graph;

use super::layout::{self, Init, Spec, Weights, WeightsError};
use super::optimiser::AdamConfig;

/// Sizes of a [`Crnn`].
#[derive(Debug, Clone, PartialEq)]
pub struct CrnnConfig {
    /// Height of the input, pixels.
    pub height: usize,
    /// Width of the input, pixels.
    pub width: usize,
    /// Filters of each convolution block, and its pooling window: rows, columns. The rows end as one.
    pub blocks: Vec<(usize, [usize; 2])>,
    /// Cells of each LSTM layer.
    pub hidden: usize,
    /// Number of LSTM layers.
    pub layers: usize,
    /// Classes, the blank included.
    pub classes: usize,
    /// Longest label.
    pub max_label: usize,
    /// Slope of the negative side of the activation.
    pub slope: f32,
    /// Weight of the auxiliary head's loss.
    pub auxiliary: f32,
    /// How far running statistics move towards those of a batch.
    pub momentum: f32,
    /// The optimiser.
    pub adam: AdamConfig,
}

impl Default for CrnnConfig {
    fn default() -> Self {
        Self {
            height: 30,
            width: 100,
            blocks: vec![(64, [2, 2]), (128, [2, 2]), (128, [2, 1]), (64, [2, 1])],
            hidden: 256,
            layers: 2,
            classes: parallax_onnx::ctc::CLASSES,
            max_label: parallax_onnx::ctc::MAX_LABEL,
            slope: 0.1,
            auxiliary: 0.5,
            momentum: 0.1,
            adam: AdamConfig::default(),
        }
    }
}

/// The model: its weights' places and its graphs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Crnn {
    config: CrnnConfig,
}

/// Sizes of a convolution filter: rows and columns.
const KERNEL: usize = 3;
/// Zeros around an image, so that a convolution keeps its size.
const PADS: [usize; 2] = [1, 1];

impl Crnn {
    /// The model in this size.
    #[must_use]
    pub fn new(config: CrnnConfig) -> Self {
        Self { config }
    }

    /// Its sizes.
    #[must_use]
    pub fn config(&self) -> &CrnnConfig {
        &self.config
    }

    /// Frames T of the logits.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.config
            .blocks
            .iter()
            .fold(self.config.width, |width, (_, [_, columns])| width / columns)
    }

    /// States S of an encoded label.
    #[must_use]
    pub fn states(&self) -> usize {
        2 * self.config.max_label + 1
    }

    /// Learned weights, in the order of the flat vector.
    #[must_use]
    pub fn parameters(&self) -> Vec<Spec> {
        let CrnnConfig {
            blocks,
            hidden,
            layers,
            classes,
            ..
        } = &self.config;
        let uniform = |fan_in: usize| Init::Uniform {
            bound: 1.0 / (fan_in as f32).sqrt(),
        };
        let mut specs = Vec::new();
        let mut channels = 1;
        for (k, (filters, _)) in blocks.iter().enumerate() {
            let shape = [*filters, channels, KERNEL, KERNEL];
            specs.push(Spec::new(
                format!("conv{k}.weight"),
                &shape,
                uniform(channels * KERNEL * KERNEL),
            ));
            specs.push(Spec::new(format!("norm{k}.scale"), &[*filters], Init::Constant(1.0)));
            specs.push(Spec::new(format!("norm{k}.bias"), &[*filters], Init::Constant(0.0)));
            channels = *filters;
        }
        let mut inputs = channels;
        for l in 0..*layers {
            specs.push(Spec::new(
                format!("lstm{l}.input"),
                &[inputs, 4 * hidden],
                uniform(*hidden),
            ));
            specs.push(Spec::new(
                format!("lstm{l}.recurrent"),
                &[*hidden, 4 * hidden],
                uniform(*hidden),
            ));
            specs.push(Spec::new(format!("lstm{l}.bias"), &[4 * hidden], uniform(*hidden)));
            inputs = *hidden;
        }
        for (head, inputs) in [("head", inputs), ("auxiliary", channels)] {
            specs.push(Spec::new(
                format!("{head}.weight"),
                &[inputs, *classes],
                uniform(inputs),
            ));
            specs.push(Spec::new(format!("{head}.bias"), &[*classes], uniform(inputs)));
        }
        specs
    }

    /// Running statistics, in the order of their flat vector.
    #[must_use]
    pub fn running(&self) -> Vec<Spec> {
        let of_block = |(k, (filters, _)): (usize, &(usize, [usize; 2]))| {
            [
                Spec::new(format!("norm{k}.mean"), &[*filters], Init::Constant(0.0)),
                Spec::new(format!("norm{k}.variance"), &[*filters], Init::Constant(1.0)),
            ]
        };
        self.config.blocks.iter().enumerate().flat_map(of_block).collect()
    }

    /// Untrained weights; `uniform` draws from `[0, 1)`, in a fixed order.
    #[must_use]
    pub fn initial_weights(&self, uniform: &mut dyn FnMut() -> f32) -> Weights {
        Weights {
            parameters: layout::initialise(&self.parameters(), uniform),
            running: layout::initialise(&self.running(), uniform),
        }
    }

    /// The weights of a graph made by [`Crnn::recognizer`].
    ///
    /// # Errors
    /// [`WeightsError`] when the graph is of another model.
    pub fn weights_of(&self, recognizer: &Graph) -> Result<Weights, WeightsError> {
        Ok(Weights {
            parameters: layout::collect(&self.parameters(), recognizer)?,
            running: layout::collect(&self.running(), recognizer)?,
        })
    }
}

/// Weights of a model in one kind of graph, by block and layer.
struct Parts<T> {
    blocks: Vec<Block<T>>,
    lstm: Vec<[T; 3]>,
    /// Weight and bias.
    head: [T; 2],
    /// Weight and bias.
    auxiliary: [T; 2],
}

/// Weights of a convolution block.
struct Block<T> {
    weight: T,
    scale: T,
    bias: T,
}

impl<T: Copy> Parts<T> {
    /// From one entry per spec of [`Crnn::parameters`].
    fn new(config: &CrnnConfig, entries: &[T]) -> Option<Self> {
        let mut rest = entries.iter().copied();
        let mut take = || rest.next();
        let mut blocks = Vec::new();
        for _ in &config.blocks {
            blocks.push(Block {
                weight: take()?,
                scale: take()?,
                bias: take()?,
            });
        }
        let mut lstm = Vec::new();
        for _ in 0..config.layers {
            lstm.push([take()?, take()?, take()?]);
        }
        Some(Self {
            blocks,
            lstm,
            head: [take()?, take()?],
            auxiliary: [take()?, take()?],
        })
    }
}
