//! Sealed tickets: what the edge gives to a browser to carry and believes when it comes back.
//!
//! A ticket is JSON in an XChaCha20-Poly1305 box, written as base64url. The purpose and the format's version are
//! associated data, so a session can never be redeemed as a token. Single use is not decided here: a ticket's
//! [`TicketId`] is what a store consumes.
//!
//! ```
//! use parallax_captcha::ticket::{Purpose, SealKey, Ticket, TicketError, TicketId, open, seal};
//!
//! let key = SealKey::from_hex(&"5a".repeat(32))?;
//! let ticket = Ticket { id: TicketId([7; 16]), site: "demo".into(), issued_at: 100, expires_at: 400, body: 42_u8 };
//! let text = seal(&ticket, Purpose::Token, &key, [1; 24])?;
//!
//! assert_eq!(open::<u8>(&text, Purpose::Token, &key, 399)?, ticket);
//! assert_eq!(open::<u8>(&text, Purpose::Session, &key, 399), Err(TicketError::Forged));
//! assert_eq!(open::<u8>(&text, Purpose::Token, &key, 410), Err(TicketError::Expired { late_s: 10 }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod id;
mod key;
mod sealing;

pub use id::{TicketId, TicketIdError};
pub use key::{SealKey, SealKeyError};
pub use sealing::{open, open_at_any_age, seal};

use serde::{Deserialize, Serialize};

/// The longest sealed ticket that is written or read, characters.
pub const MAX_LENGTH: usize = 4096;

/// Version of the sealed form; part of the associated data, so another version does not open.
pub const FORMAT_VERSION: u8 = 1;

/// What a ticket may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A visitor has been given a slider.
    Session,
    /// A visitor has been given a captcha.
    Challenge,
    /// A visitor has passed; redeemed at `/siteverify`.
    Token,
}

/// What is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket<T> {
    /// What a store consumes, so that the ticket is used once.
    pub id: TicketId,
    /// Name of the site this ticket belongs to.
    pub site: String,
    /// Unix seconds.
    #[serde(rename = "iat")]
    pub issued_at: u64,
    /// Unix seconds; from this second on the ticket is expired.
    #[serde(rename = "exp")]
    pub expires_at: u64,
    /// What the purpose needs; for a challenge, the answer is in it.
    pub body: T,
}

impl<T> Ticket<T> {
    /// Refuses a ticket that is no longer valid at `now` (unix seconds).
    ///
    /// # Errors
    /// [`TicketError::Expired`] when `now >= expires_at`.
    pub fn check_age(&self, now: u64) -> Result<(), TicketError> {
        match now.checked_sub(self.expires_at) {
            Some(late_s) => Err(TicketError::Expired { late_s }),
            None => Ok(()),
        }
    }
}

/// Why a ticket was not sealed or not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// To seal: the ticket is longer than [`MAX_LENGTH`], or its body is no JSON.
    #[error("the ticket cannot be sealed within {MAX_LENGTH} characters")]
    Unsealable,
    /// No ticket at all: too long, too short, not base64url, or authentic but with another body than asked for.
    #[error("this is no ticket")]
    Malformed,
    /// Another key, another purpose, another version, or tampered with.
    #[error("this ticket was not sealed here for this purpose")]
    Forged,
    /// Authentic, but too late.
    #[error("this ticket expired {late_s} s ago")]
    Expired {
        /// Seconds since it expired.
        late_s: u64,
    },
}
