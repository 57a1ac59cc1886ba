//! What the machine is told, what it replies, and what visitors see.

use parallax_captcha::wire::{AnswerBehaviour, AnswerRequest, ErrorCode, Outcome, SessionReply, Trace};

/// What the visitor sees; the host element's `data-state`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum State {
    /// The slider waits.
    #[default]
    Idle,
    /// The edge is asked.
    Verifying,
    /// A captcha is to be solved.
    Challenge,
    /// There is a token.
    Passed,
    /// The token or the captcha ran out of time.
    Expired,
    /// Too many tries.
    Blocked,
    /// Something went wrong.
    Error,
}

impl State {
    /// The value of `data-state`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Verifying => "verifying",
            Self::Challenge => "challenge",
            Self::Passed => "passed",
            Self::Expired => "expired",
            Self::Blocked => "blocked",
            Self::Error => "error",
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Rendered with `execution="render"`, or `parallax.execute` was called.
    Execute,
    /// `parallax.reset` was called.
    Reset,
    /// The handle was let go at this share of the track, in `[0, 1]`.
    Released {
        /// Where.
        share: f32,
        /// How it got there.
        trace: Trace,
    },
    /// The answer was submitted.
    Answered {
        /// What was typed.
        answer: String,
        /// How.
        behaviour: AnswerBehaviour,
    },
    /// Another picture was asked for.
    Refreshed,
    /// The captcha dialog was closed.
    Dismissed,
    /// The button in place of the slider was pressed.
    Pressed,
    /// The captcha's picture did not load.
    PictureFailed,
    /// The time asked for by [`Effect::Wait`] is over.
    Deadline,
}

/// What the edge said to the last request.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// To a session request.
    Session(SessionReply),
    /// To a slide or an answer.
    Outcome(Outcome),
    /// To any.
    Failed(Failure),
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No reply, or none that makes sense.
    Network,
    /// The edge refused.
    Refused {
        /// Why.
        code: ErrorCode,
        /// Seconds after which a new try makes sense.
        retry_after: Option<u32>,
    },
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask for a session.
    OpenSession,
    /// Send the slide.
    SendSlide {
        /// The sealed session.
        session: String,
        /// How the handle was moved.
        trace: Trace,
    },
    /// Send the answer.
    SendAnswer(AnswerRequest),
    /// Raise [`Event::Deadline`] after these milliseconds, in place of any earlier such request; `None`: not at all.
    Wait(Option<u32>),
    /// Put the token into the page's form, or take it out.
    Respond(Option<String>),
    /// Call the page back. Last in every list: what the page does then finds the machine at rest.
    Notify(Callback, String),
}

/// Functions of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callback {
    /// `callback`, with the token.
    Pass,
    /// `error-callback`, with a code.
    Error,
    /// `expired-callback`.
    Expired,
    /// `timeout-callback`.
    Timeout,
    /// `before-interactive-callback`: a captcha is about to be shown.
    BeforeInteractive,
    /// `after-interactive-callback`: the captcha is gone.
    AfterInteractive,
}

impl Callback {
    /// The option's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "callback",
            Self::Error => "error-callback",
            Self::Expired => "expired-callback",
            Self::Timeout => "timeout-callback",
            Self::BeforeInteractive => "before-interactive-callback",
            Self::AfterInteractive => "after-interactive-callback",
        }
    }
}

/// The code as the wire writes it; also what the page's `error-callback` is told.
#[must_use]
pub fn code_name(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::BadRequest => "bad-request",
        ErrorCode::NotFound => "not-found",
        ErrorCode::MethodNotAllowed => "method-not-allowed",
        ErrorCode::PayloadTooLarge => "payload-too-large",
        ErrorCode::UnsupportedMediaType => "unsupported-media-type",
        ErrorCode::InvalidSitekey => "invalid-sitekey",
        ErrorCode::OriginNotAllowed => "origin-not-allowed",
        ErrorCode::SessionInvalid => "session-invalid",
        ErrorCode::SessionExpired => "session-expired",
        ErrorCode::SessionUsed => "session-used",
        ErrorCode::ChallengeInvalid => "challenge-invalid",
        ErrorCode::ChallengeExpired => "challenge-expired",
        ErrorCode::ChallengeUsed => "challenge-used",
        ErrorCode::RateLimited => "rate-limited",
        ErrorCode::NoImages => "no-images",
        ErrorCode::InternalError => "internal-error",
    }
}
