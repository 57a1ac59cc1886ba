//! Generators: from a picture to the direction that misleads its readers, in one forward pass.

use parallax_onnx::{Builder, Dialect, TensorId};

use super::layout::{Init, Layout, WeightsError};
use super::net::{Conv, Maps, Mode, Net};

/// A kind of generator: what `parallax train --generator` can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum)]
pub enum GeneratorArchitecture {
    /// A small U-Net (Ronneberger et al. 2015), which sees where strokes and openings are
    Unet,
    /// One tile for every picture of a style, whatever is in it (Moosavi-Dezfooli et al. 2017)
    Tile,
}

impl GeneratorArchitecture {
    /// Its name in manifests and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unet => "unet",
            Self::Tile => "tile",
        }
    }
}

/// Channels of the U-Net at the size of the input, at half of it, and below.
const CHANNELS: [usize; 3] = [16, 32, 64];
/// From the whole size to half of it, and from there to the lowest: rows, columns.
const POOLS: [[usize; 2]; 2] = [[2, 2], [3, 2]];
/// Slope of the negative side of the activation.
const SLOPE: f32 = 0.1;

/// A generator for pictures of one size: its weights' places, and its graphs.
#[derive(Debug, Clone, PartialEq)]
pub struct Generator {
    architecture: GeneratorArchitecture,
    /// Rows and columns of the picture.
    pub(super) size: [usize; 2],
    channels: [usize; 3],
    layout: Layout,
}

impl Generator {
    /// For pictures of so many rows and columns, multiples of 6 and 4 where it is a U-Net.
    ///
    /// # Errors
    /// [`WeightsError::Graph`] when the size does not fit.
    pub fn new(architecture: GeneratorArchitecture, size: [usize; 2]) -> Result<Self, WeightsError> {
        Self::with_channels(architecture, size, CHANNELS)
    }

    /// With other [`CHANNELS`].
    pub(super) fn with_channels(
        architecture: GeneratorArchitecture,
        size: [usize; 2],
        channels: [usize; 3],
    ) -> Result<Self, WeightsError> {
        let b = Builder::new(Dialect::OnnxRuntime);
        let image = b.input("image", &[1, 1, size[0], size[1]]);
        let mut net = Net::new(&b, Mode::Declare, SLOPE);
        let mut this = Self {
            architecture,
            size,
            channels,
            layout: Layout::default(),
        };
        this.forward(&mut net, image)?;
        this.layout = net.layout;
        Ok(this)
    }

    /// Its kind.
    #[must_use]
    pub fn architecture(&self) -> GeneratorArchitecture {
        self.architecture
    }

    /// Its weights' places.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Directions `[N, 1, rows, columns]` for `image`, of the same shape.
    pub(super) fn forward(&self, net: &mut Net<'_>, image: TensorId) -> Result<TensorId, WeightsError> {
        let [rows, columns] = self.size;
        match self.architecture {
            GeneratorArchitecture::Unet => {
                let centred = Maps {
                    id: net.b.scale(net.b.add_scalar(image, -0.5)?, 4.0)?,
                    channels: 1,
                    rows,
                    columns,
                };
                unet(net, centred, self.channels)
            }
            GeneratorArchitecture::Tile => {
                let tile = net.weight("tile".to_owned(), &[1, 1, rows, columns], Init::Uniform { bound: 1.0 })?;
                // Of as many pictures as there are, whatever is in them.
                Ok(net.b.add(net.b.scale(image, 0.0)?, tile)?)
            }
        }
    }

    /// A net that emits it, in `mode`.
    pub(super) fn net<'a>(&self, b: &'a Builder, mode: Mode) -> Net<'a> {
        Net::new(b, mode, SLOPE)
    }
}

fn unet(net: &mut Net<'_>, image: Maps, [whole, half, low]: [usize; 3]) -> Result<TensorId, WeightsError> {
    let conv = |filters, side| Conv::same(filters, side, [1, 1]);
    let at_whole = net.conv_relu(image, conv(whole, 5))?;
    let at_half = net.max_pool(at_whole, POOLS[0])?;
    let at_half = net.conv_relu(at_half, conv(half, 3))?;
    let at_half = net.conv_relu(at_half, conv(half, 3))?;
    let lowest = net.max_pool(at_half, POOLS[1])?;
    let lowest = net.conv_relu(lowest, conv(low, 3))?;
    let lowest = net.conv_relu(lowest, conv(low, 3))?;

    // Fewer channels before they are stretched: after that there are more pixels.
    let back = net.conv_relu(lowest, conv(half, 1))?;
    let back = net.upsample(back, POOLS[1])?;
    let both = net.side_by_side(&[back, at_half])?;
    let back = net.conv_relu(both, conv(half, 3))?;
    let back = net.conv_relu(back, conv(whole, 1))?;
    let back = net.upsample(back, POOLS[0])?;
    let both = net.side_by_side(&[back, at_whole])?;
    let back = net.conv_relu(both, conv(whole, 3))?;
    Ok(net.conv(back, conv(1, 3))?.id)
}
