//! Reads the edge's replies out of parsed JSON.

use crate::machine::{Failure, code_name};
use parallax_captcha::wire::{Challenge, ChallengeKind, ErrorCode, Outcome, SessionReply, Slider};

/// A JSON value, as far as replies need it: JavaScript's in the browser, `serde_json`'s in tests.
pub trait Json: Sized {
    /// A member of an object.
    fn member(&self, name: &str) -> Option<Self>;
    /// A string.
    fn text(&self) -> Option<String>;
    /// A number.
    fn number(&self) -> Option<f64>;
}

/// Reply of `POST /v1/session`; `None` for anything that is none.
#[must_use]
pub fn session(reply: &impl Json) -> Option<SessionReply> {
    let slider = reply.member("slider")?;
    Some(SessionReply {
        session: reply.member("session")?.text()?,
        slider: Slider {
            target: single(&slider, "target")?,
            tolerance: single(&slider, "tolerance")?,
        },
        expires_in: whole(reply, "expires_in")?,
    })
}

/// Reply of `POST /v1/slide` and `POST /v1/answer`; `None` for anything that is none.
#[must_use]
pub fn outcome(reply: &impl Json) -> Option<Outcome> {
    Some(match reply.member("outcome")?.text()?.as_str() {
        "pass" => Outcome::Pass {
            token: reply.member("token")?.text()?,
            expires_in: whole(reply, "expires_in")?,
        },
        "challenge" => Outcome::Challenge {
            challenge: challenge(&reply.member("challenge")?)?,
        },
        "retry" => Outcome::Retry {
            challenge: challenge(&reply.member("challenge")?)?,
        },
        "block" => Outcome::Block {
            retry_after: whole(reply, "retry_after")?,
        },
        _ => return None,
    })
}

/// Body of an error; [`Failure::Network`] for anything that is none.
#[must_use]
pub fn failure(reply: &impl Json) -> Failure {
    let refused = || {
        let error = reply.member("error")?;
        let name = error.member("code")?.text()?;
        let code = CODES.into_iter().find(|code| code_name(*code) == name)?;
        Some(Failure::Refused {
            code,
            retry_after: whole(&error, "retry_after"),
        })
    };
    refused().unwrap_or(Failure::Network)
}

fn challenge(value: &impl Json) -> Option<Challenge> {
    let size = value.member("size")?;
    Some(Challenge {
        id: value.member("id")?.text()?,
        kind: (value.member("kind")?.text()? == "text").then_some(ChallengeKind::Text)?,
        image: value.member("image")?.text()?,
        size: [whole(&size, "0")?, whole(&size, "1")?],
        expires_in: whole(value, "expires_in")?,
    })
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates; no number here needs more"
)]
fn whole(value: &impl Json, name: &str) -> Option<u32> {
    value.member(name)?.number().map(|number| number as u32)
}

#[allow(clippy::cast_possible_truncation, reason = "was an f32 at the edge")]
fn single(value: &impl Json, name: &str) -> Option<f32> {
    value.member(name)?.number().map(|number| number as f32)
}

/// Every code, in the order of [`ErrorCode`].
const CODES: [ErrorCode; 16] = [
    ErrorCode::BadRequest,
    ErrorCode::NotFound,
    ErrorCode::MethodNotAllowed,
    ErrorCode::PayloadTooLarge,
    ErrorCode::UnsupportedMediaType,
    ErrorCode::InvalidSitekey,
    ErrorCode::OriginNotAllowed,
    ErrorCode::SessionInvalid,
    ErrorCode::SessionExpired,
    ErrorCode::SessionUsed,
    ErrorCode::ChallengeInvalid,
    ErrorCode::ChallengeExpired,
    ErrorCode::ChallengeUsed,
    ErrorCode::RateLimited,
    ErrorCode::NoImages,
    ErrorCode::InternalError,
];

#[cfg(test)]
mod tests {
    use super::*;
    use parallax_captcha::wire::{ErrorBody, ErrorReply};
    use serde_json::{Value, json, to_value};

    impl Json for Value {
        fn member(&self, name: &str) -> Option<Self> {
            match self {
                Value::Array(items) => items.get(name.parse::<usize>().ok()?).cloned(),
                _ => self.get(name).cloned(),
            }
        }
        fn text(&self) -> Option<String> {
            self.as_str().map(Into::into)
        }
        fn number(&self) -> Option<f64> {
            self.as_f64()
        }
    }

    fn picture() -> Challenge {
        Challenge {
            id: "c1".into(),
            kind: ChallengeKind::Text,
            image: "/v1/challenge/c1/image".into(),
            size: [200, 60],
            expires_in: 120,
        }
    }

    #[test]
    fn whatever_serde_writes_is_read() {
        let reply = SessionReply {
            session: "s".into(),
            slider: Slider {
                target: 0.7,
                tolerance: 0.05,
            },
            expires_in: 300,
        };
        assert_eq!(session(&to_value(&reply).unwrap()), Some(reply));
        for reply in [
            Outcome::Pass {
                token: "t".into(),
                expires_in: 300,
            },
            Outcome::Challenge { challenge: picture() },
            Outcome::Retry { challenge: picture() },
            Outcome::Block { retry_after: 60 },
        ] {
            assert_eq!(outcome(&to_value(&reply).unwrap()), Some(reply));
        }
        for (code, retry_after) in CODES.into_iter().zip([None, Some(7)].into_iter().cycle()) {
            let reply = ErrorReply {
                error: ErrorBody {
                    code,
                    message: "m".into(),
                    retry_after,
                },
            };
            assert_eq!(
                failure(&to_value(&reply).unwrap()),
                Failure::Refused { code, retry_after }
            );
        }
    }

    #[test]
    fn anything_else_is_nothing() {
        for value in [
            json!(null),
            json!("pass"),
            json!([]),
            json!({}),
            json!({"outcome": "win"}),
            json!({"outcome": "pass", "token": 5, "expires_in": 300}),
            json!({"outcome": "challenge", "challenge": {"id": "c1", "kind": "click"}}),
            json!({"session": "s", "expires_in": 300}),
            json!({"error": {"code": "no-such-code"}}),
        ] {
            assert_eq!((session(&value), outcome(&value)), (None, None), "{value}");
            assert_eq!(failure(&value), Failure::Network, "{value}");
        }
    }
}
