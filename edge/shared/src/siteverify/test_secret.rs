//! The published test secrets, for integrations that are tested without a visitor.

use parallax_captcha::ticket::{Ticket, TicketId};

use super::{Case, Dialect, Reply};
use crate::claims::{Page, Token};

/// The token that test sitekeys yield; real secrets refuse it.
pub const DUMMY_TOKEN: &str = "XXXX.DUMMY.TOKEN.XXXX";

/// What a test secret answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestSecret {
    /// Every token is accepted.
    Passes,
    /// Every token is refused.
    Fails,
    /// Every token was used before.
    Spent,
}

impl TestSecret {
    /// Which test secret this is, if any.
    #[must_use]
    pub fn of(secret: &str) -> Option<Self> {
        match secret {
            "1x0000000000000000000000000000000AA" => Some(Self::Passes),
            "2x0000000000000000000000000000000AA" => Some(Self::Fails),
            "3x0000000000000000000000000000000AA" => Some(Self::Spent),
            _ => None,
        }
    }

    /// Its reply at `now`, unix seconds.
    #[must_use]
    pub fn reply(self, dialect: Dialect, has_response: bool, now: u64) -> Reply {
        let page = Page {
            hostname: "example.com".to_owned(),
            action: None,
            cdata: None,
        };
        let body = Token {
            page,
            interactive: false,
        };
        let token = Ticket {
            id: TicketId([0; 16]),
            site: String::new(),
            issued_at: now,
            expires_at: now,
            body,
        };
        match self {
            _ if !has_response => dialect.refused(Case::MissingResponse, None),
            Self::Passes => dialect.accepted(&token),
            Self::Fails => dialect.refused(Case::WrongResponse, None),
            Self::Spent => dialect.refused(Case::Spent, Some(&token)),
        }
    }
}
