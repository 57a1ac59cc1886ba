//! What can go wrong while a request is answered, and what the caller and the log are told.

use parallax_captcha::wire::ErrorCode;
use parallax_edge_shared::admin::AdminErrorCode;
use worker::console_error;

/// Why an endpoint has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The caller's doing, in the words of `/v1/*`.
    #[error("{code:?}: {message}")]
    Refused {
        /// The documented code.
        code: ErrorCode,
        /// One sentence for a developer.
        message: &'static str,
    },
    /// The caller's doing, in the words of `/admin/v1/*`.
    #[error("{code:?}: {message}")]
    Admin {
        /// The documented code.
        code: AdminErrorCode,
        /// One sentence.
        message: String,
        /// The field that is wrong.
        field: Option<&'static str>,
    },
    /// No image set is there yet.
    #[error("no image set")]
    NoImages,
    /// Our fault: the caller gets an id, the log gets this text beside it.
    #[error("{0}")]
    Internal(String),
}

impl Failure {
    /// A refusal of `/v1/*`.
    #[must_use]
    pub fn refused(code: ErrorCode, message: &'static str) -> Self {
        Self::Refused { code, message }
    }

    /// A refusal of `/admin/v1/*` that no single field is to blame for.
    #[must_use]
    pub fn admin(code: AdminErrorCode, message: impl Into<String>) -> Self {
        Self::Admin {
            code,
            message: message.into(),
            field: None,
        }
    }
}

impl From<worker::Error> for Failure {
    fn from(error: worker::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

/// Writes `failure` to the log under a fresh id and returns the id.
pub fn log(failure: &Failure) -> String {
    let id = crate::random::bytes::<8>().map(hex::encode).unwrap_or_default();
    console_error!("{id}: {failure}");
    id
}
