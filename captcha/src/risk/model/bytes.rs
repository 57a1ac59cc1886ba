//! The file of a model, small because it travels in the visitor path. Little endian:
//!
//! ```text
//! "PXSL", version u8 = 2, depth u8, features u8, trees u16, hash of the features' names u32,
//! intercept f32, slope f32, offset f32, size of a leaf's unit f32,
//! typical bin u8 per feature,
//! per feature: edges u8, then for each the upper 24 bits of an f32
//! per tree: (feature u8, last bin u8) per split, then i8 per leaf
//! ```

use super::{Calibration, DEPTH, LEAVES, Model, SPLITS, Tree};
use crate::risk::features::{COUNT, NAMES};

const MAGIC: [u8; 4] = *b"PXSL";
const VERSION: u8 = 2;
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
    /// The file. Edges and leaves lose precision unless they are [`Model::rounded`].
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "fewer than 256 features and edges, fewer than 65,536 trees; leaves are scaled into an i8"
    )]
    pub fn to_bytes(&self) -> Vec<u8> {
        let unit = self.unit();
        let mut bytes = MAGIC.to_vec();
        bytes.extend([VERSION, DEPTH as u8, COUNT as u8]);
        bytes.extend((self.trees.len() as u16).to_le_bytes());
        bytes.extend(NAMES_HASH.to_le_bytes());
        let numbers = [self.intercept, self.calibration.slope, self.calibration.offset, unit];
        bytes.extend(numbers.iter().flat_map(|v| v.to_le_bytes()));
        bytes.extend(self.typical);
        for edges in &self.edges {
            bytes.push(edges.len() as u8);
            bytes.extend(edges.iter().flat_map(|edge| {
                let [_, low, middle, high] = edge.to_le_bytes();
                [low, middle, high]
            }));
        }
        for tree in &self.trees {
            bytes.extend(tree.splits.iter().flat_map(|(feature, bin)| [*feature, *bin]));
            bytes.extend(
                tree.leaves
                    .iter()
                    .flat_map(|leaf| ((leaf / unit).round() as i8).to_le_bytes()),
            );
        }
        bytes
    }

    /// The same model as its file holds it: only edges that split something, of 24 bits, and leaves of 8 bits.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "fewer than 256 edges; leaves are scaled into an i8"
    )]
    pub fn rounded(mut self) -> Self {
        for (feature, edges) in self.edges.iter_mut().enumerate() {
            let splits = self.trees.iter().flat_map(|tree| tree.splits);
            let mut used: Vec<u8> = splits
                .filter(|(f, _)| usize::from(*f) == feature)
                .map(|(_, bin)| bin)
                .collect();
            used.sort_unstable();
            used.dedup();
            used.retain(|bin| usize::from(*bin) < edges.len());
            let below = |bin: u8| used.partition_point(|kept| *kept < bin) as u8;
            for (_, bin) in self
                .trees
                .iter_mut()
                .flat_map(|tree| &mut tree.splits)
                .filter(|(f, _)| usize::from(*f) == feature)
            {
                if *bin != Tree::ALL_LEFT.1 {
                    *bin = below(*bin);
                }
            }
            if let Some(typical) = self.typical.get_mut(feature) {
                *typical = below(*typical);
            }
            let kept = used.iter().filter_map(|bin| edges.get(usize::from(*bin)).copied());
            *edges = kept.map(|edge| f32::from_bits(edge.to_bits() & !0xFF)).collect();
        }
        let unit = self.unit();
        let leaves = self.trees.iter_mut().flat_map(|tree| &mut tree.leaves);
        leaves.for_each(|leaf| *leaf = (*leaf / unit).round() * unit);
        self
    }

    fn unit(&self) -> f32 {
        let leaves = self.trees.iter().flat_map(|tree| tree.leaves);
        leaves.fold(1e-9_f32, |largest, leaf| largest.max(leaf.abs())) / f32::from(i8::MAX)
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
        if usize::from(depth) != DEPTH || usize::from(features) != COUNT || hash != NAMES_HASH {
            return Err(ModelError::Features);
        }
        if trees > MAX_TREES {
            return Err(ModelError::Damaged);
        }
        let [intercept, slope, offset, unit] = reader.numbers::<4>()?;
        let typical = reader.take::<COUNT>()?;
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

    fn edge(&mut self) -> Result<f32, ModelError> {
        let [low, middle, high] = self.take()?;
        Self::finite([0, low, middle, high])
    }

    fn number(&mut self) -> Result<f32, ModelError> {
        Self::finite(self.take()?)
    }

    fn finite(bytes: [u8; 4]) -> Result<f32, ModelError> {
        let number = f32::from_le_bytes(bytes);
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
        let edges: Vec<f32> = (0..count).map(|_| self.edge()).collect::<Result<_, _>>()?;
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
            *leaf = f32::from(i8::from_le_bytes(self.take()?)) * unit;
        }
        Ok(tree)
    }
}

/// FNV-1a over the names, so that a model never judges features that changed their meaning under it. A constant: the names
/// themselves need not travel.
const NAMES_HASH: u32 = {
    let (mut hash, mut name) = (0x811c_9dc5_u32, 0);
    while name < NAMES.len() {
        let (bytes, mut place) = (NAMES[name].as_bytes(), 0);
        while place <= bytes.len() {
            let byte = if place < bytes.len() { bytes[place] } else { 0 };
            hash = (hash ^ byte as u32).wrapping_mul(0x0100_0193);
            place += 1;
        }
        name += 1;
    }
    hash
};
