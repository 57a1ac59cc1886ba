//! How each product says the same verdicts. One arm a product: what differs is data, not flow.

use parallax_captcha::ticket::Ticket;
use serde::{Deserialize, Serialize};

use crate::{claims::Token, timestamp::iso8601};

/// The product whose words are used, chosen by the address that was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Cloudflare Turnstile, and our own.
    Turnstile,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// No secret given.
    MissingSecret,
    /// No site has this secret.
    WrongSecret,
    /// No token given.
    MissingResponse,
    /// Not a token of ours.
    WrongResponse,
    /// The request cannot be read.
    Malformed,
    /// Too late.
    Expired,
    /// A second time.
    Spent,
    /// A token of another site.
    OtherSite,
    /// Our own fault.
    Internal,
}

/// A verdict, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Whether the visitor passed.
    pub success: bool,
    /// Why not; empty when passed.
    #[serde(rename = "error-codes")]
    pub error_codes: Vec<String>,
    /// When the visitor passed, ISO 8601; whenever the token could be opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge_ts: Option<String>,
    /// Host name of the page; whenever the token could be opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// What the page said the visitor was about to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The page's own text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cdata: Option<String>,
    /// More about the pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// More about a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Whether a captcha was solved.
    pub interactive: bool,
}

impl Dialect {
    /// How long a token lives, seconds.
    #[must_use]
    pub fn token_seconds(self) -> u64 {
        match self {
            Self::Turnstile => 300,
        }
    }

    /// The word for `case`.
    #[must_use]
    pub fn code(self, case: Case) -> &'static str {
        match (self, case) {
            (_, Case::MissingSecret) => "missing-input-secret",
            (_, Case::WrongSecret) => "invalid-input-secret",
            (_, Case::MissingResponse) => "missing-input-response",
            (_, Case::WrongResponse) => "invalid-input-response",
            (_, Case::Malformed) => "bad-request",
            (_, Case::Internal) => "internal-error",
            (Self::Turnstile, Case::OtherSite) => "invalid-input-response",
            (Self::Turnstile, Case::Expired | Case::Spent) => "timeout-or-duplicate",
        }
    }

    /// The reply for a token that is accepted.
    #[must_use]
    pub fn accepted(self, token: &Ticket<Token>) -> Reply {
        let Token { page, interactive } = &token.body;
        match self {
            Self::Turnstile => Reply {
                success: true,
                error_codes: Vec::new(),
                challenge_ts: Some(iso8601(token.issued_at)),
                hostname: Some(page.hostname.clone()),
                action: Some(page.action.clone().unwrap_or_default()),
                cdata: Some(page.cdata.clone().unwrap_or_default()),
                metadata: Some(Metadata {
                    interactive: *interactive,
                }),
            },
        }
    }

    /// The reply for one that is not; `token` when it could be opened.
    #[must_use]
    pub fn refused(self, case: Case, token: Option<&Ticket<Token>>) -> Reply {
        Reply {
            success: false,
            error_codes: vec![self.code(case).to_owned()],
            challenge_ts: token.map(|t| iso8601(t.issued_at)),
            hostname: token.map(|t| t.body.page.hostname.clone()),
            action: None,
            cdata: None,
            metadata: None,
        }
    }
}
