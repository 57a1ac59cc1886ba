//! The table of models: what `--model` can name.
//!
//! The paper says of its Model 1 what layers it has (Table 6), and of Models 2 to 6 only that their backbones are LeNet,
//! ResNet and Inception. Heads and sizes here are ours: at most as much work as Model 1, every kind of head, and Model 4
//! shares neither backbone, head nor loss with Model 1.

use parallax_onnx::ctc::{CLASSES, MAX_LABEL};

use super::backbone::{Backbone, InceptionModule, PlainBlock, Stage};
use super::head::Head;
use super::layout::WeightsError;
use super::model::{Model, ModelConfig};
use super::optimiser::AdamConfig;

/// A model of the zoo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum)]
pub enum Architecture {
    /// Model 1, the paper's Table 6: four convolutions, two LSTM layers, CTC; the substitute
    Crnn,
    /// Model 2: LeNet, CTC without recurrence
    LenetCtc,
    /// Model 3: ResNet, CTC without recurrence
    ResnetCtc,
    /// Model 4: ResNet, a parallel attention decoder; structurally farthest from Model 1
    ResnetAttention,
    /// Model 5: Inception, a classifier for each position
    InceptionPositions,
    /// Model 6: Inception, CTC without recurrence
    InceptionCtc,
}

impl Architecture {
    /// All of them, Model 1 first.
    pub const ALL: [Self; 6] = [
        Self::Crnn,
        Self::LenetCtc,
        Self::ResnetCtc,
        Self::ResnetAttention,
        Self::InceptionPositions,
        Self::InceptionCtc,
    ];

    /// Its name in manifests and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Crnn => "crnn",
            Self::LenetCtc => "lenet-ctc",
            Self::ResnetCtc => "resnet-ctc",
            Self::ResnetAttention => "resnet-attention",
            Self::InceptionPositions => "inception-positions",
            Self::InceptionCtc => "inception-ctc",
        }
    }

    /// The architecture of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|architecture| architecture.name() == name)
    }

    /// Clean captchas that suffice to read nearly all of them.
    #[must_use]
    pub fn samples(self) -> u64 {
        match self {
            Self::Crnn => 64_000,
            Self::LenetCtc => 32_000,
            Self::InceptionPositions => 96_000,
            _ => 48_000,
        }
    }

    /// Steps after which its recurrent layers begin anew; see [`crate::train::restart_recurrent`].
    #[must_use]
    pub fn feature_steps(self) -> u64 {
        match self {
            Self::Crnn => 500,
            _ => 0,
        }
    }

    /// The model.
    ///
    /// # Errors
    /// [`WeightsError::Graph`], never for the sizes below.
    pub fn model(self) -> Result<Model, WeightsError> {
        Model::new(self.config())
    }

    /// Its sizes.
    #[must_use]
    pub fn config(self) -> ModelConfig {
        let recurrent = Head::Recurrent { hidden: 256, layers: 2 };
        let convolutional = Head::Convolutional { hidden: 128 };
        let (backbone, head, auxiliary) = match self {
            Self::Crnn => (table_6(), recurrent, 0.5),
            Self::LenetCtc => (lenet(), convolutional, 0.0),
            Self::ResnetCtc => (resnet(), convolutional, 0.0),
            Self::ResnetAttention => (resnet(), Head::Attention { keys: 64, hidden: 128 }, 0.0),
            Self::InceptionPositions => (inception(), Head::Positions { hidden: 256 }, 0.0),
            Self::InceptionCtc => (inception(), convolutional, 0.0),
        };
        ModelConfig {
            height: 30,
            width: 100,
            backbone,
            head,
            auxiliary,
            classes: CLASSES,
            max_label: MAX_LABEL,
            slope: 0.1,
            momentum: 0.1,
            adam: AdamConfig::default(),
        }
    }
}

fn table_6() -> Backbone {
    let block = |filters, pool| PlainBlock {
        filters,
        kernel: 3,
        pool,
    };
    // Pooled by 2 throughout, 6 frames would be left, and CTC needs 7 to emit four equal characters.
    Backbone::Plain(vec![
        block(64, [2, 2]),
        block(128, [2, 2]),
        block(128, [2, 1]),
        block(64, [2, 1]),
    ])
}

fn lenet() -> Backbone {
    let block = |filters, pool| PlainBlock {
        filters,
        kernel: 5,
        pool,
    };
    Backbone::Plain(vec![block(24, [2, 2]), block(48, [2, 2]), block(96, [7, 1])])
}

fn resnet() -> Backbone {
    let stage = |filters, pool| Stage { filters, pool };
    Backbone::Residual(vec![
        stage(32, [2, 2]),
        stage(64, [2, 2]),
        stage(96, [2, 1]),
        stage(128, [3, 1]),
    ])
}

fn inception() -> Backbone {
    let module = |one, three, five, pool| InceptionModule { one, three, five, pool };
    Backbone::Inception {
        stem: Stage {
            filters: 32,
            pool: [2, 2],
        },
        modules: vec![
            module(16, [24, 32], [12, 16], [1, 1]),
            module(24, [32, 48], [16, 24], [2, 2]),
            module(32, [48, 64], [24, 32], [2, 1]),
            module(32, [48, 64], [24, 32], [3, 1]),
        ],
    }
}
