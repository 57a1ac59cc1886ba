//! What only many sessions together show: counts go in, evidence comes out. The counting itself is the edge's.
//!
//! An **entity** is whatever sessions share: an address prefix, an account the site names, a device at an address. Five
//! signs are looked for:
//!
//! - **Rates.** More slides of one entity in ten seconds or an hour than people behind it can make. Thresholds are
//!   strict (Appendix B of CCS 2020, "Text Captcha Is Dead?", speaks of 100 a second), because an address prefix may be a
//!   whole university.
//! - **Concentrated durations.** Of independent people's slides a few percent take as long as this one, give or take
//!   3 %. Where far more do, the surplus is machines, even though each looks human alone.
//! - **Keys.** Nothing tells a held arrow key from a script that says it is one, so slides by keyboard are judged by their
//!   share of an address's and of the site's: few people use keys.
//! - **Near-duplicate traces.** The third use of what looks like one recording is suspicious; the first two pass, since
//!   one chance meeting is no proof.
//! - **Repeated answers.** The same wrong answer to the same picture, several times: one model reads them all.
//!
//! Durations, keys and duplicates are judged by the surplus over chance: among `k` slides found alike where chance makes `c`,
//! about `(k - c) / k` are machines, and that is the probability for each of them.

use serde::{Deserialize, Serialize};

use super::similarity::Signature;
use crate::wire::Input;

/// Traces remembered for one site; the oldest is forgotten first. More would make chance meetings frequent
/// ([`ClusterConfig::chance_near`]) and comparing slow.
pub const MAX_TRACES: usize = 16_384;

/// Bins of durations grow by this factor.
const BIN: f32 = 1.02;
/// Durations beyond these count as these, milliseconds.
const SHORTEST_MS: f32 = 20.0;
const LONGEST_MS: f32 = 120_000.0;

/// What slides are counted as, beside being slides; see [`bin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bin {
    /// Moved by a pointer, and took about `1.02 ^ n` times the shortest time.
    Duration(u16),
    /// Moved by keys, whose repetition makes durations alike.
    Keyboard,
}

/// How often one entity was seen, this slide included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EntityCounts {
    /// Slides in the last ten seconds.
    pub burst: u32,
    /// Slides in the last hour.
    pub hour: u32,
    /// Of those in the last hour, as long as this one, give or take 3 %; 0 where durations say nothing.
    pub same_duration: u32,
    /// Of those in the last hour, by keyboard; 0 where this one is not.
    pub keyboard: u32,
}

/// What a site's sessions have in common with this slide, this slide included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// All slides of the site.
    pub site: EntityCounts,
    /// Those of the same address prefix; absent where the address is not known, likewise below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<EntityCounts>,
    /// Those of the same account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<EntityCounts>,
    /// Those of the same kind of device in the same address prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<EntityCounts>,
    /// Earlier traces that this one is a near duplicate of.
    pub near_traces: u32,
    /// Earlier traces it was compared with.
    pub traces: u32,
}

/// What speaks against a slide or an answer once others are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// Too many slides from one address prefix.
    AddressRate,
    /// Too many slides of one account.
    AccountRate,
    /// Too many slides of one kind of device at one address prefix.
    DeviceRate,
    /// Too many slides of nearly the same duration.
    Durations,
    /// Too many slides by keyboard.
    Keyboard,
    /// A trace that was seen before, twice or more.
    NearDuplicate,
    /// A wrong answer that others gave to the same picture.
    RepeatedAnswer,
}

impl Signal {
    /// As it is written in records and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AddressRate => "address-rate",
            Self::AccountRate => "account-rate",
            Self::DeviceRate => "device-rate",
            Self::Durations => "durations",
            Self::Keyboard => "keyboard",
            Self::NearDuplicate => "near-duplicate",
            Self::RepeatedAnswer => "repeated-answer",
        }
    }
}

/// One sign and how much it says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// What was found.
    pub signal: Signal,
    /// Probability of a machine by this sign alone.
    pub p_bot: f32,
}

/// From which count on a rate is suspicious, and from which on it is certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Threshold {
    /// From here on p(bot) is one half.
    pub suspicious: u32,
    /// From here on it is [`ClusterConfig::most`]; between the two it rises with the logarithm of the count.
    pub certain: u32,
}

/// Thresholds of one kind of entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateThresholds {
    /// Slides in ten seconds.
    pub burst: Threshold,
    /// Slides in an hour.
    pub hour: Threshold,
}

/// Every threshold of this module.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterConfig {
    /// An address prefix, behind which there may be a thousand people: 5 slides a second are suspicious, the 100 a second
    /// of CCS 2020 certain; in an hour one a second is suspicious.
    pub address: RateThresholds,
    /// A kind of device at an address prefix. Phones of one model and version are frequent, so a fifth of the above.
    pub device: RateThresholds,
    /// An account: one person, who slides a few times in a row when things go wrong.
    pub account: RateThresholds,
    /// The most that a rate, a duration or a duplicate says.
    pub most: f32,
    /// Share of a site's slides that have nearly one duration by chance. Of 1,300 recorded people at most 5.4 % have in
    /// any window of 6 %; a site's own slider may be more uniform, so twice that.
    pub chance_site: f32,
    /// The same for the slides of one entity: a person repeats their own pace, so twice as much again.
    pub chance_entity: f32,
    /// Share of the slides of a site or an address prefix that are by keyboard by chance: who cannot use a pointer, or
    /// prefers not to. Nobody measured it on sliders; one in twenty is meant to be generous.
    pub chance_keyboard: f32,
    /// So many slides by keyboard within the hour are never suspicious: where one person has an address prefix, or a quiet
    /// site, to themselves, all slides are as theirs are.
    pub spared_keyboard: u32,
    /// Slides by keyboard of one address prefix in an hour, however many there are by pointer, which a script can send too:
    /// [`ClusterConfig::chance_keyboard`] of what is suspicious of an address in all.
    pub keyboard: Threshold,
    /// Durations and keys are judged once chance explains them with a probability below `exp(-concentration_nats)`; 13.8 is
    /// one in a million, since every slide is tested several times.
    pub concentration_nats: f32,
    /// Probability that two independent people's traces are near duplicates: 8 of 830,000 recorded pairs were.
    pub chance_near: f32,
    /// Earlier near duplicates from which on a trace is suspicious: 2, so that its third use is.
    pub least_near: u32,
    /// So many that chance alone makes them with a probability below this are needed: on a site with
    /// [`MAX_TRACES`] traces, one or two more than [`ClusterConfig::least_near`].
    pub near_tail: f32,
    /// How often the same wrong answer was given to one picture, from which on it is suspicious. People share misreadings
    /// too (0 and O), so it takes four, and never says more than [`ClusterConfig::most_repeated`].
    pub least_repeated: u32,
    /// The most that a repeated answer says.
    pub most_repeated: f32,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        let threshold = |suspicious, certain| Threshold { suspicious, certain };
        Self {
            address: RateThresholds {
                burst: threshold(50, 1000),
                hour: threshold(3600, 36_000),
            },
            device: RateThresholds {
                burst: threshold(10, 200),
                hour: threshold(720, 7200),
            },
            account: RateThresholds {
                burst: threshold(5, 20),
                hour: threshold(30, 120),
            },
            most: 0.97,
            chance_site: 0.11,
            chance_entity: 0.22,
            chance_keyboard: 0.05,
            spared_keyboard: 7,
            keyboard: threshold(180, 1800),
            concentration_nats: 13.8,
            chance_near: 1e-5,
            least_near: 2,
            near_tail: 1e-3,
            least_repeated: 4,
            most_repeated: 0.6,
        }
    }
}

/// The bin of a slide, for counting those like it: by keyboard, or with durations of its own bin and of the two beside it.
/// `None` for what is no duration.
#[must_use]
pub fn bin(input: Input, duration_ms: f32) -> Option<Bin> {
    if input == Input::Keyboard {
        return Some(Bin::Keyboard);
    }
    if !duration_ms.is_finite() || duration_ms < 0.0 {
        return None;
    }
    let bins = (duration_ms.clamp(SHORTEST_MS, LONGEST_MS) / SHORTEST_MS).ln() / BIN.ln();
    // At most ln(6000) / ln(1.02) = 439.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within 0 and 439"
    )]
    Some(Bin::Duration(bins.round() as u16))
}

/// What `counts` say against a slide, in the order of [`Signal`].
///
/// Address and device overlap, so of the rates of both only the stronger counts; likewise of durations in the whole
/// site and in its entities.
#[must_use]
pub fn judge(config: &ClusterConfig, counts: &Counts) -> Vec<Evidence> {
    let rate = |counts: Option<EntityCounts>, thresholds| counts.map_or(0.0, |c| rate(config, c, thresholds));
    let address = rate(counts.address, config.address);
    let device = rate(counts.device, config.device);
    let (address, device) = if address >= device {
        (address, 0.0)
    } else {
        (0.0, device)
    };
    let entities = [counts.address, counts.account, counts.device].into_iter().flatten();
    let same_duration = entities
        .map(|entity| durations(config, entity, config.chance_entity))
        .fold(durations(config, counts.site, config.chance_site), f32::max);
    // An account is one person, who may never use anything but keys.
    let keyboard = counts
        .address
        .map_or(0.0, |address| {
            keyboard(config, address).max(above(config, address.keyboard, config.keyboard))
        })
        .max(keyboard(config, counts.site));
    [
        (Signal::AddressRate, address),
        (Signal::AccountRate, rate(counts.account, config.account)),
        (Signal::DeviceRate, device),
        (Signal::Durations, same_duration),
        (Signal::Keyboard, keyboard),
        (Signal::NearDuplicate, near_duplicates(config, counts)),
    ]
    .into_iter()
    .filter(|(_, p_bot)| *p_bot > 0.0)
    .map(|(signal, p_bot)| Evidence { signal, p_bot })
    .collect()
}

/// What it says that the same wrong answer was given to one picture `answers` times, this one included.
#[must_use]
pub fn repeated_answer(config: &ClusterConfig, answers: u32) -> Option<Evidence> {
    let beyond = answers.checked_sub(config.least_repeated)?;
    // A quarter at first, a half of the rest with every further answer.
    let p_bot = config.most_repeated * (1.0 - 0.6 * 0.5_f32.powi(i32::try_from(beyond).unwrap_or(i32::MAX)));
    Some(Evidence {
        signal: Signal::RepeatedAnswer,
        p_bot,
    })
}

fn rate(config: &ClusterConfig, counts: EntityCounts, thresholds: RateThresholds) -> f32 {
    above(config, counts.burst, thresholds.burst).max(above(config, counts.hour, thresholds.hour))
}

#[expect(clippy::cast_precision_loss, reason = "a count beyond 2^24 is far beyond certain")]
fn above(config: &ClusterConfig, count: u32, threshold: Threshold) -> f32 {
    if count < threshold.suspicious.max(1) {
        return 0.0;
    }
    let decades = |from: u32, to: u32| (to.max(1) as f32 / from.max(1) as f32).ln();
    let way = decades(threshold.suspicious, threshold.certain);
    let share = if way > 0.0 {
        (decades(threshold.suspicious, count) / way).clamp(0.0, 1.0)
    } else {
        1.0
    };
    0.5 + (config.most - 0.5) * share
}

fn durations(config: &ClusterConfig, counts: EntityCounts, chance: f32) -> f32 {
    concentration(config, counts.hour, counts.same_duration, chance)
}

fn keyboard(config: &ClusterConfig, counts: EntityCounts) -> f32 {
    if counts.keyboard <= config.spared_keyboard {
        return 0.0;
    }
    concentration(config, counts.hour, counts.keyboard, config.chance_keyboard)
}

/// Share of machines among `same` slides alike of `all`, where chance, which makes a share of `chance` alike, does not
/// explain their number.
#[expect(clippy::cast_precision_loss, reason = "counts of an hour")]
fn concentration(config: &ClusterConfig, all: u32, same: u32, chance: f32) -> f32 {
    let (all, same) = (all as f32, same.min(all) as f32);
    let expected = all * chance;
    if same <= expected || all * divergence(same / all, chance) < config.concentration_nats {
        return 0.0;
    }
    (1.0 - expected / same).min(config.most)
}

/// Kullback and Leibler's divergence of two coins, nats. A coin that falls heads with probability `chance` does so in at
/// least a share `found` of `n` throws with probability at most `exp(-n * divergence)` (Chernoff's bound).
fn divergence(found: f32, chance: f32) -> f32 {
    let term = |p: f32, q: f32| if p > 0.0 { p * (p / q).ln() } else { 0.0 };
    term(found, chance) + term(1.0 - found, 1.0 - chance)
}

/// Share of replays among near duplicates, where chance does not explain their number.
#[expect(clippy::cast_precision_loss, reason = "at most MAX_TRACES")]
fn near_duplicates(config: &ClusterConfig, counts: &Counts) -> f32 {
    let near = counts.near_traces;
    let expected = counts.traces as f32 * config.chance_near;
    if near < config.least_near.max(1) || poisson_tail(expected, near) > config.near_tail {
        return 0.0;
    }
    (1.0 - expected / near as f32).clamp(0.0, config.most)
}

/// Probability of at least `count` events where `mean` are expected, at most what the first terms say: enough for means
/// below 1, which [`MAX_TRACES`] ensures.
#[expect(clippy::cast_precision_loss, reason = "at most 32")]
fn poisson_tail(mean: f32, count: u32) -> f32 {
    let mut below = 0.0;
    let mut term = (-mean).exp();
    // Beyond 32 events the tail of a mean below 1 is 0 in any float.
    for k in 0..count.min(32) {
        below += term;
        term *= mean / (k + 1) as f32;
    }
    // What is left of 1 is rounding where the tail is tiny; its first term bounds it from below.
    (1.0 - below).max(term)
}

/// The traces of one site, newest last, to be compared with the next one.
#[derive(Debug, Clone, Default)]
pub struct TraceMemory {
    seen: std::collections::VecDeque<(u64, Signature)>,
}

impl TraceMemory {
    /// How many earlier traces are near duplicates of `signature`, and how many there are.
    #[must_use]
    pub fn near(&self, signature: Signature) -> (u32, u32) {
        let near = self.seen.iter().filter(|(_, seen)| seen.is_near(signature)).count();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (count(near), count(self.seen.len()))
    }

    /// Remembers a trace seen at `at`, any unit; forgets the oldest beyond [`MAX_TRACES`].
    pub fn push(&mut self, at: u64, signature: Signature) {
        if self.seen.len() >= MAX_TRACES {
            self.seen.pop_front();
        }
        self.seen.push_back((at, signature));
    }

    /// Forgets what was seen before `at`.
    pub fn forget_before(&mut self, at: u64) {
        while self.seen.front().is_some_and(|(seen_at, _)| *seen_at < at) {
            self.seen.pop_front();
        }
    }

    /// Traces remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }
}

#[cfg(test)]
mod tests;
