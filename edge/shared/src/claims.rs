//! What the sealed tickets of the visitor path carry. Field names are short where a ticket travels in a URL.

use serde::{Deserialize, Serialize};

use crate::{digest::Digest, pack::Span, throttle::Level};

/// Reasons of a [`Suspicion`] that travel; a ticket has a longest length.
pub const MAX_REASONS: usize = 12;

/// Seconds a session lives: from opening the page to having slid.
pub const SESSION_SECONDS: u64 = 600;

/// Seconds a challenge lives: from the picture asked for to the answer sent.
pub const CHALLENGE_SECONDS: u64 = 180;

/// Where a visitor is, the same from session to token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Host name of the page that embeds the widget.
    #[serde(rename = "h")]
    pub hostname: String,
    /// The site's name for what the visitor is about to do.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The site's own text.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub cdata: Option<String>,
}

/// Body of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Where the visitor is.
    #[serde(rename = "g")]
    pub page: Page,
    /// Where the handle has to go, as a share of the track.
    #[serde(rename = "t")]
    pub target: f32,
    /// How far off it may be let go, same unit.
    #[serde(rename = "d")]
    pub tolerance: f32,
}

/// Why a visitor is challenged: sealed in the challenge, so that the record of the answer can say it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Suspicion {
    /// Probability of a machine.
    #[serde(rename = "p", default)]
    pub p_bot: f32,
    /// Names of what was found, at most [`MAX_REASONS`].
    #[serde(rename = "y", default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

/// Body of a challenge: the answer, where the picture is, and what the visitor has tried before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Challenge {
    /// Where the visitor is.
    #[serde(rename = "g")]
    pub page: Page,
    /// The right answer.
    #[serde(rename = "l")]
    pub label: String,
    /// The set the picture is of.
    #[serde(rename = "e")]
    pub set: Digest,
    /// The checkpoint whose gradients perturbed it.
    #[serde(rename = "k")]
    pub checkpoint: Digest,
    /// The pack the picture lies in.
    #[serde(rename = "p")]
    pub pack: Digest,
    /// Where it lies in it.
    #[serde(rename = "s")]
    pub span: Span,
    /// Wrong answers so far.
    #[serde(rename = "w")]
    pub wrong: u8,
    /// Pictures passed over so far.
    #[serde(rename = "r")]
    pub refreshed: u8,
    /// Why the visitor is challenged.
    #[serde(rename = "b")]
    pub suspicion: Suspicion,
    /// How much of the budget the picture has.
    #[serde(rename = "u", default)]
    pub level: Level,
    /// Whether the visitor would have passed, and is asked to see how people fare.
    #[serde(rename = "q", default)]
    pub sampled: bool,
}

/// Body of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Where the visitor was.
    #[serde(rename = "g")]
    pub page: Page,
    /// Whether a captcha was solved for it.
    #[serde(rename = "i")]
    pub interactive: bool,
}
