//! The file of a model. Little endian:
//!
//! ```text
//! "PXSL", version u8 = 1, depth u8, features u8, trees u16, hash of the features' names u32,
//! intercept f32, slope f32, offset f32, size of a leaf's unit f32,
//! typical f32 per feature,
//! per feature: edges u8, then that many f32
//! per tree: (feature u8, last bin u8) per split, then i16 per leaf
//! ```

use super::{Calibration, DEPTH, LEAVES, Model, SPLITS, Tree};
use crate::risk::features::{COUNT, NAMES};

const MAGIC: [u8; 4] = *b"PXSL";
const VERSION: u8 = 1;
const MAX_TREES: u16 = 2_000;

/// Why bytes are no model for this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// They do not begin as a model does.
    #[error("not a model of slides")]
    NotAModel,
    /// Of another version of the format.
    #[error("a model of format {0}, which this version does not read")]
    Version(u8),
    /// Fitted to other features than these.
    #[error("a model of other features than this version measures: train it again")]
    Features,
    /// Too short, too long, or with numbers that cannot be.
    #[error("a damaged model")]
    Damaged,
}

impl Model {
    /// The file.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "fewer than 256 features and edges, fewer than 65,536 trees; leaves are scaled into an i16"
    )]
    pub fn to_bytes(&self) -> Vec<u8> {
        let largest = self
            .trees
            .iter()
            .flat_map(|t| t.leaves)
            .fold(1e-9_f32, |m, leaf| m.max(leaf.abs()));
        let unit = largest / f32::from(i16::MAX);
        let mut bytes = MAGIC.to_vec();
        bytes.extend([VERSION, DEPTH as u8, COUNT as u8]);
        bytes.extend((self.trees.len() as u16).to_le_bytes());
        bytes.extend(names_hash().to_le_bytes());
        let numbers = [self.intercept, self.calibration.slope, self.calibration.offset, unit];
        bytes.extend(numbers.iter().chain(&self.typical).flat_map(|v| v.to_le_bytes()));
        for edges in &self.edges {
            bytes.push(edges.len() as u8);
            bytes.extend(edges.iter().flat_map(|edge| edge.to_le_bytes()));
        }
        for tree in &self.trees {
            bytes.extend(tree.splits.iter().flat_map(|(feature, bin)| [*feature, *bin]));
            bytes.extend(
                tree.leaves
                    .iter()
                    .flat_map(|leaf| ((leaf / unit).round() as i16).to_le_bytes()),
            );
        }
        bytes
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ModelError`]: what is wrong with it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let mut reader = Reader(bytes);
        if reader.take::<4>() != Ok(MAGIC) {
            return Err(ModelError::NotAModel);
        }
        let [version] = reader.take()?;
        if version != VERSION {
            return Err(ModelError::Version(version));
        }
        let [depth, features] = reader.take()?;
        let trees = u16::from_le_bytes(reader.take()?);
        let hash = u32::from_le_bytes(reader.take()?);
        if usize::from(depth) != DEPTH || usize::from(features) != COUNT || hash != names_hash() {
            return Err(ModelError::Features);
        }
        if trees > MAX_TREES {
            return Err(ModelError::Damaged);
        }
        let [intercept, slope, offset, unit] = reader.numbers::<4>()?;
        let typical = reader.numbers::<COUNT>()?;
        let edges = (0..COUNT).map(|_| reader.edges()).collect::<Result<_, _>>()?;
        let trees = (0..trees).map(|_| reader.tree(unit)).collect::<Result<_, _>>()?;
        if !reader.0.is_empty() || slope <= 0.0 || unit <= 0.0 {
            return Err(ModelError::Damaged);
        }
        Ok(Self {
            edges,
            trees,
            intercept,
            calibration: Calibration { slope, offset },
            typical,
        })
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(ModelError::Damaged)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn number(&mut self) -> Result<f32, ModelError> {
        let number = f32::from_le_bytes(self.take()?);
        if number.is_finite() {
            Ok(number)
        } else {
            Err(ModelError::Damaged)
        }
    }

    fn numbers<const N: usize>(&mut self) -> Result<[f32; N], ModelError> {
        let mut numbers = [0.0; N];
        for number in &mut numbers {
            *number = self.number()?;
        }
        Ok(numbers)
    }

    fn edges(&mut self) -> Result<Vec<f32>, ModelError> {
        let [count] = self.take()?;
        let edges: Vec<f32> = (0..count).map(|_| self.number()).collect::<Result<_, _>>()?;
        if edges.is_sorted() {
            Ok(edges)
        } else {
            Err(ModelError::Damaged)
        }
    }

    fn tree(&mut self, unit: f32) -> Result<Tree, ModelError> {
        let mut tree = Tree {
            splits: [Tree::ALL_LEFT; SPLITS],
            leaves: [0.0; LEAVES],
        };
        for split in &mut tree.splits {
            let [feature, bin] = self.take()?;
            if usize::from(feature) >= COUNT {
                return Err(ModelError::Damaged);
            }
            *split = (feature, bin);
        }
        for leaf in &mut tree.leaves {
            *leaf = f32::from(i16::from_le_bytes(self.take()?)) * unit;
        }
        Ok(tree)
    }
}

/// FNV-1a over the names, so that a model never judges features that changed their meaning under it.
fn names_hash() -> u32 {
    let bytes = NAMES.iter().flat_map(|name| name.bytes().chain([0]));
    bytes.fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}
