//! The state of an interrupted run, as a file: configuration, step, weights and moments, with a digest. Fine-tuning
//! keeps its own kind of run in the same layout.
//!
//! Layout: [`MAGIC`], length of the header (u32), header (JSON), the vectors (f32), SHA-256 of all before;
//! little-endian throughout.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::TrainConfig;
use crate::zoo::Weights;

/// How a state file begins; the digit is its version.
const MAGIC: &[u8; 8] = b"PLXRUN2\n";

/// Length of the digest.
const DIGEST: usize = 32;

/// Everything that a training step changes.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingState {
    /// Parameters and running statistics.
    pub weights: Weights,
    /// Adam's mean of gradients, `[P]`.
    pub first_moment: Vec<f32>,
    /// Adam's mean of squared gradients, `[P]`.
    pub second_moment: Vec<f32>,
    /// Steps done.
    pub step: u64,
}

/// Why a state file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// It is no state file, or of another version.
    #[error("is no saved training run of this version")]
    Format,
    /// It was cut short or changed.
    #[error("is damaged")]
    Damaged,
}

#[derive(Debug, Serialize, Deserialize)]
struct Header<H> {
    about: H,
    lengths: Vec<usize>,
}

/// `vectors` and what is to be known `about` them, as a file; see the module for its layout.
///
/// # Errors
/// [`StateError::Format`] when `about` has no JSON form.
pub fn encode<H: Serialize>(about: &H, vectors: &[&[f32]]) -> Result<Vec<u8>, StateError> {
    let lengths = vectors.iter().map(|vector| vector.len()).collect();
    let header = serde_json::to_vec(&Header { about, lengths }).map_err(|_| StateError::Format)?;
    let length = u32::try_from(header.len()).map_err(|_| StateError::Format)?;
    let mut bytes = [MAGIC.as_slice(), &length.to_le_bytes(), &header].concat();
    for vector in vectors {
        bytes.extend(vector.iter().flat_map(|value| value.to_le_bytes()));
    }
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    Ok(bytes)
}

/// What [`encode`] wrote.
///
/// # Errors
/// [`StateError`].
pub fn decode<H: DeserializeOwned>(bytes: &[u8]) -> Result<(H, Vec<Vec<f32>>), StateError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(StateError::Format)?;
    let (body, digest) = bytes.split_last_chunk::<DIGEST>().ok_or(StateError::Damaged)?;
    if Sha256::digest(body).as_slice() != digest {
        return Err(StateError::Damaged);
    }
    let rest = rest
        .get(..rest.len().saturating_sub(DIGEST))
        .ok_or(StateError::Damaged)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(StateError::Damaged)?;
    let (header, vectors) = rest
        .split_at_checked(u32::from_le_bytes(*length) as usize)
        .ok_or(StateError::Damaged)?;
    let Header { about, lengths }: Header<H> = serde_json::from_slice(header).map_err(|_| StateError::Format)?;
    if lengths.iter().try_fold(0_usize, |sum, length| sum.checked_add(*length)) != Some(vectors.len() / 4) {
        return Err(StateError::Damaged);
    }
    let mut values = vectors
        .chunks_exact(4)
        .filter_map(|chunk| Some(f32::from_le_bytes(chunk.try_into().ok()?)));
    let vectors = lengths.into_iter().map(|length| values.by_ref().take(length).collect());
    Ok((about, vectors.collect()))
}

#[derive(Debug, Serialize, Deserialize)]
struct About {
    config: TrainConfig,
    step: u64,
}

impl TrainingState {
    /// The state of an untrained model.
    #[must_use]
    pub fn untrained(weights: Weights) -> Self {
        let zeros = vec![0.0; weights.parameters.len()];
        Self {
            first_moment: zeros.clone(),
            second_moment: zeros,
            weights,
            step: 0,
        }
    }

    /// Whether every number is finite.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.vectors()
            .iter()
            .all(|vector| vector.iter().all(|value| value.is_finite()))
    }

    /// As a file.
    ///
    /// # Errors
    /// [`StateError::Format`] when the configuration has no JSON form.
    pub fn encode(&self, config: &TrainConfig) -> Result<Vec<u8>, StateError> {
        let about = About {
            config: config.clone(),
            step: self.step,
        };
        encode(&about, &self.vectors().map(Vec::as_slice))
    }

    /// From a file.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn decode(bytes: &[u8]) -> Result<(TrainConfig, Self), StateError> {
        let (About { config, step }, vectors) = decode(bytes)?;
        Ok((config, Self::from_vectors(vectors, step)?))
    }

    /// Of what [`TrainingState::vectors`] gave.
    ///
    /// # Errors
    /// [`StateError::Damaged`] when they are not four, or do not fit each other.
    pub fn from_vectors(vectors: Vec<Vec<f32>>, step: u64) -> Result<Self, StateError> {
        let [parameters, running, first_moment, second_moment] = vectors.try_into().map_err(|_| StateError::Damaged)?;
        if first_moment.len() != parameters.len() || second_moment.len() != parameters.len() {
            return Err(StateError::Damaged);
        }
        Ok(Self {
            weights: Weights { parameters, running },
            first_moment,
            second_moment,
            step,
        })
    }

    /// All its numbers: parameters, running statistics, first and second moments.
    #[must_use]
    pub fn vectors(&self) -> [&Vec<f32>; 4] {
        [
            &self.weights.parameters,
            &self.weights.running,
            &self.first_moment,
            &self.second_moment,
        ]
    }
}

#[cfg(test)]
mod tests {
    use parallax_captcha::text::Style;

    use super::*;

    fn saved() -> (TrainConfig, TrainingState) {
        let config = TrainConfig {
            model: "crnn".to_owned(),
            samples: 640,
            seed: 7,
            batch: 64,
            learning_rate: 1e-3,
            warmup: 300,
            floor: 0.02,
            feature_steps: 0,
            cycles: 1,
            threads: 2,
            style: Style::default(),
            filtered: false,
            perturb: None,
            scheme_version: 1,
            from: None,
        };
        let state = TrainingState {
            weights: Weights {
                parameters: vec![1.0, -2.5, f32::MIN_POSITIVE],
                running: vec![0.5],
            },
            first_moment: vec![0.1, 0.2, 0.3],
            second_moment: vec![0.01, 0.02, 0.03],
            step: 5,
        };
        (config, state)
    }

    #[test]
    fn a_state_is_read_back() {
        let (config, state) = saved();
        assert_eq!(
            TrainingState::decode(&state.encode(&config).unwrap()).unwrap(),
            (config, state)
        );
    }

    #[test]
    fn damage_is_noticed() {
        let (config, state) = saved();
        let bytes = state.encode(&config).unwrap();
        for length in 0..bytes.len() {
            assert!(TrainingState::decode(&bytes[..length]).is_err(), "cut to {length}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(TrainingState::decode(&changed).is_err(), "changed at {at}");
        }
    }

    #[test]
    fn numbers_are_checked() {
        let (_, mut state) = saved();
        assert!(state.is_finite());
        state.second_moment[1] = f32::NAN;
        assert!(!state.is_finite());
    }
}
