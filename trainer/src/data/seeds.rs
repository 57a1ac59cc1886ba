//! Which seed draws which picture.
//!
//! Each use of pictures has a stream of its own, so that what a recogniser is measured on is never what it was trained
//! on, whatever the seeds on the command line.

/// What pictures are drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// `parallax dataset`.
    Dataset,
    /// Training steps.
    Training,
    /// The held-out pictures that accuracy is shown on while training.
    Progress,
    /// The unseen pictures that the manifest's accuracy is measured on.
    Final,
    /// `parallax experiment`.
    Experiment,
    /// Noise instead of gradients; its seed is the picture's.
    Noise,
    /// Which filter a picture goes through; its seed is the picture's.
    Filter,
}

impl Stream {
    /// An arbitrary odd number that keeps the streams apart.
    fn tag(self) -> u64 {
        match self {
            Self::Dataset => 0x9f2d_6c1e_5a73_0b41,
            Self::Training => 0x3c85_e1f7_2b49_d06d,
            Self::Progress => 0xd14b_70a9_8e36_c5f3,
            Self::Final => 0x68e7_952c_f01d_4ab9,
            Self::Experiment => 0xa37b_05d6_914e_2c8f,
            Self::Noise => 0x7e26_d8b1_0c94_53af,
            Self::Filter => 0x51c9_a2e4_7d08_f36b,
        }
    }
}

/// The drawing seed of picture `index` of a stream that started from `seed`.
#[must_use]
pub fn picture_seed(stream: Stream, seed: u64, index: u64) -> u64 {
    mix(mix(mix(seed) ^ stream.tag()) ^ index)
}

/// The finaliser of SplitMix64 (Steele et al. 2014): a bijection, so one stream never repeats a picture.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn mix_is_splitmix64() {
        // First outputs of the reference implementation seeded with 1234567.
        assert_eq!(mix(1_234_567), 6_457_827_717_110_365_317);
        assert_eq!(
            mix(1_234_567_u64.wrapping_add(0x9e37_79b9_7f4a_7c15)),
            3_203_168_211_198_807_973
        );
    }

    #[test]
    fn streams_and_seeds_do_not_meet() {
        let mut seen = HashSet::new();
        for stream in [
            Stream::Dataset,
            Stream::Training,
            Stream::Progress,
            Stream::Final,
            Stream::Experiment,
            Stream::Noise,
            Stream::Filter,
        ] {
            for seed in 0..8 {
                for index in 0..1_000 {
                    assert!(
                        seen.insert(picture_seed(stream, seed, index)),
                        "{stream:?} {seed} {index}"
                    );
                }
            }
        }
    }
}
