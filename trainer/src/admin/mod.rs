//! The edge's admin API from outside: suspects' answers fetched, checkpoints sent.
//!
//! The edge may be anybody's: addresses are checked before the admin key is sent, replies are bounded and believed only
//! as far as they are of the documented form.

mod answers;
mod client;
mod pull;
mod push;
#[cfg(test)]
mod tests;

pub use client::{AdminKey, Client, ClientConfig};
pub use pull::{Fetched, PullConfig, Pulled, pull};
pub use push::{Pushed, push};

use std::path::PathBuf;

use parallax_onnx::{bundle::BundleError, signature::SignatureError};

use crate::{files::FilesError, models::CheckpointError};

/// Why the edge was not asked, or did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// A file or a folder.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The checkpoint to send.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint to send.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The key to sign with.
    #[error("{}: {reason}", path.display())]
    SigningKey {
        /// Its file.
        path: PathBuf,
        /// Why it is none.
        reason: SignatureError,
    },
    /// No address to send a key to.
    #[error("{address:?} is no address of an edge: https://HOST, or http:// on this machine only")]
    Address {
        /// What was given.
        address: String,
    },
    /// No admin key was given.
    #[error(
        "no admin key: set {}, or name a file that holds it with --admin-key-file",
        client::KEY_VARIABLE
    )]
    NoAdminKey,
    /// Something else than a key was given.
    #[error("the admin key is to be one line of visible characters")]
    AdminKey,
    /// Nothing came back, however often it was tried.
    #[error("{edge} does not answer: {reason}")]
    Unreachable {
        /// Its address.
        edge: String,
        /// What happened.
        reason: String,
    },
    /// The edge refused.
    #[error("the edge refuses: {message} ({status} {code}{})", field.as_ref().map(|f| format!(", field {f}")).unwrap_or_default())]
    Refused {
        /// HTTP status.
        status: u16,
        /// The documented code.
        code: String,
        /// One sentence.
        message: String,
        /// What is wrong.
        field: Option<String>,
    },
    /// What came back is not of the documented form.
    #[error("unexpected reply to {path}: {reason}")]
    Unexpected {
        /// What was asked for.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A line of a file of answers.
    #[error("{}, line {number}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The user stopped it.
    #[error("interrupted")]
    Interrupted,
}

impl AdminError {
    fn unexpected(path: &str, reason: impl ToString) -> Self {
        Self::Unexpected {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}
