//! Bodies of the admin API, `/admin/v1`.

use std::collections::{BTreeMap, BTreeSet};

use parallax_captcha::{
    strength::Strengths,
    wire::{Environment, Slider, Trace},
};
use serde::{Deserialize, Serialize};

use crate::{
    digest::Digest,
    image_set::Recipe,
    throttle::{Level, Throttle},
};

/// Codes of errors of `/admin/v1/*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdminErrorCode {
    /// 400: not of the documented form, or a field out of range.
    BadRequest,
    /// 401: no admin key, or not ours.
    Unauthorized,
    /// 403: no key of the deployment made the checkpoint's signature.
    SignatureInvalid,
    /// 404: no such path, set, checkpoint, site, record or picture.
    NotFound,
    /// 405: the path exists, the method does not.
    MethodNotAllowed,
    /// 409: the deployment names no key that checkpoints are signed with.
    NoCheckpointKeys,
    /// 413: the body is larger than allowed.
    PayloadTooLarge,
    /// 415: the body is not `application/json`.
    UnsupportedMediaType,
    /// 422: a checkpoint that cannot be used; the field says what is wrong of it.
    CheckpointInvalid,
    /// 500: our fault; the message holds an id that the log has too.
    InternalError,
}

impl AdminErrorCode {
    /// The HTTP status this code is sent with.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::SignatureInvalid => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::NoCheckpointKeys => 409,
            Self::PayloadTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::CheckpointInvalid => 422,
            Self::InternalError => 500,
        }
    }
}

/// Body of an error of `/admin/v1/*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminErrorReply {
    /// What went wrong.
    pub error: AdminError,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminError {
    /// The machine-readable code.
    pub code: AdminErrorCode,
    /// One sentence.
    pub message: String,
    /// The field that is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// `GET /admin/v1/sets`, reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetList {
    /// The sets served, then those retired, newest first.
    pub sets: Vec<SetSummary>,
}

/// One set of a [`SetList`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetSummary {
    /// Its id, for the export.
    pub id: Digest,
    /// Whether it is served.
    pub state: SetState,
    /// When it was made, unix seconds.
    pub created: u64,
    /// Pictures in it.
    pub count: usize,
    /// Bytes of all its packs.
    pub bytes: u64,
    /// How much of their perturbation its pictures kept: what the readability gate did.
    #[serde(default)]
    pub strengths: Strengths,
    /// How many have each level, percent of the product's budget: what sites' throttles asked for.
    #[serde(default)]
    pub levels: BTreeMap<Level, usize>,
    /// How its pictures were made.
    pub recipe: Recipe,
}

/// Whether a set is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SetState {
    /// Served to visitors.
    Active,
    /// Replaced, kept for a while.
    Retired,
}

/// `POST /admin/v1/sets/refresh`, request; the body may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RefreshRequest {
    /// Pictures of the highest level that the new set is to have; the deployment's `SET_SIZE` when absent.
    pub count: Option<u32>,
    /// What it is drawn from, below 2^53; random when absent.
    pub seed: Option<u64>,
    /// Lower levels to make as well; those that sites have when absent.
    pub levels: Option<BTreeSet<Level>>,
}

/// `POST /admin/v1/sets/refresh`, reply, 202: the set is being made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshReply {
    /// Pictures it will have, those of lower levels among them.
    pub count: u32,
    /// What it is drawn from.
    pub seed: u64,
    /// Lower levels that are made as well.
    #[serde(default)]
    pub levels: Vec<Level>,
}

/// `POST /admin/v1/sets/gradient`, request: what the solver at the edge computes for one plain captcha, and how fast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GradientRequest {
    /// What the captcha is drawn from.
    pub seed: u64,
    /// How often the gradient is computed, 1 to [`GradientRequest::MAX_RUNS`]; the clock stands still while a Worker
    /// computes, so a caller divides what it measured by this.
    #[serde(default = "one")]
    pub runs: u32,
    /// Takes the label of the captcha drawn from this seed for the right one; its own when absent. Where the solver is
    /// certain of the right label, loss and gradient are little more than rounding; of another one they are large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_seed: Option<u64>,
    /// Which model of the checkpoint, from 0.
    #[serde(default)]
    pub member: usize,
    /// The generator's direction instead, as the gradient, without loss and logits.
    #[serde(default)]
    pub generator: bool,
}

impl GradientRequest {
    /// More runs than this would not end within a request's CPU time.
    pub const MAX_RUNS: u32 = 500;
}

fn one() -> u32 {
    1
}

/// `POST /admin/v1/sets/gradient`, reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GradientReply {
    /// The label that was taken for the right one.
    pub label: String,
    /// Digest of the manifest of the checkpoint that computed it.
    pub checkpoint: Digest,
    /// The objective; 0 of a generator.
    pub loss: f32,
    /// d objective / d image, `[30 * 100]`, or a generator's direction.
    pub gradient: Vec<f32>,
    /// `[25 * 24]`; empty of a generator.
    pub logits: Vec<f32>,
    /// The model's input, `[30 * 100]`, so that another runtime can be given the same.
    pub input: Vec<f32>,
    /// Linear memory of the module that computed it, bytes; it never shrinks.
    #[serde(default)]
    pub memory_bytes: u64,
}

/// `GET /admin/v1/checkpoints`, reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointList {
    /// Those stored, newest first, then the one that ships.
    pub checkpoints: Vec<CheckpointSummary>,
}

/// One checkpoint of a [`CheckpointList`]; also the reply of `POST /admin/v1/checkpoints` (201) and of
/// `POST /admin/v1/checkpoints/{digest}/promote` (200).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointSummary {
    /// Digest of its manifest, as image sets and records of answers name it.
    pub digest: Digest,
    /// Whether image sets are made with it from now on.
    pub current: bool,
    /// When it was stored, unix seconds; absent for the one that ships.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<u64>,
    /// Which key of the deployment signed it; absent for the one that ships, and where that key is no longer
    /// configured: such a one is not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
    /// Names of its models' architectures, in the order in which they take turns.
    pub architectures: Vec<String>,
    /// Name of its generator's architecture, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<String>,
    /// SHA-256 of the manifest of the checkpoint that it was trained from.
    pub parent: Option<String>,
    /// What was measured, by name.
    pub metrics: BTreeMap<String, f64>,
}

/// `POST /admin/v1/risk/score`, request: what the single-trace score makes of a slide, and how fast. Nothing is counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreRequest {
    /// How the handle was moved.
    pub trace: Trace,
    /// Where it had to go.
    pub slider: Slider,
    /// What the browser said of itself.
    #[serde(default)]
    pub environment: Environment,
    /// How often it is scored, 1 to [`ScoreRequest::MAX_RUNS`]; the clock stands still while a Worker computes, so a
    /// caller divides what it measured by this.
    #[serde(default = "one")]
    pub runs: u32,
}

impl ScoreRequest {
    /// More runs than this would not end within a request's CPU time.
    pub const MAX_RUNS: u32 = 10_000;
}

/// `POST /admin/v1/risk/score`, reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreReply {
    /// Probability of a machine by this slide alone.
    pub p_bot: f32,
    /// Names of what was found.
    pub reasons: Vec<String>,
    /// Signature of the trace, 32 hexadecimal digits; absent where there is no movement to recognise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// `GET /admin/v1/sites/{name}/risk`, reply: what is held to judge the site's sessions by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteRisk {
    /// Slides counted within the last hour, to ten minutes.
    pub slides: u32,
    /// Rows of counts.
    pub counters: u64,
    /// Signatures of traces of the last day.
    pub signatures: u64,
    /// Raw traces, where the site keeps them.
    pub kept_traces: u64,
    /// How much of the budget the site's pictures have, and why.
    #[serde(default)]
    pub throttle: Throttle,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_fields_have_defaults_and_unknown_ones_are_refused() {
        assert_eq!(
            serde_json::from_str::<RefreshRequest>("{}").unwrap(),
            RefreshRequest::default()
        );
        assert!(serde_json::from_str::<RefreshRequest>(r#"{"size":3}"#).is_err());
        assert_eq!(
            serde_json::from_str::<GradientRequest>(r#"{"seed":3}"#).unwrap().runs,
            1
        );
    }

    #[test]
    fn errors_read_as_documented() {
        let error = AdminError {
            code: AdminErrorCode::BadRequest,
            message: "m".into(),
            field: None,
        };
        let json = serde_json::to_string(&AdminErrorReply { error }).unwrap();
        assert_eq!(json, r#"{"error":{"code":"bad-request","message":"m"}}"#);
    }
}
