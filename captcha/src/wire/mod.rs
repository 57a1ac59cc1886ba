//! The browser protocol: what the widget and the edge say to each other, as JSON.
//!
//! One type per body. Nothing here carries an answer in the direction of the browser; sealed tickets are opaque text.

use serde::{Deserialize, Serialize};

/// `POST /v1/session`, request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionRequest {
    /// The site's public key.
    pub sitekey: String,
    /// What the visitor is about to do, at most 32 characters of `[A-Za-z0-9_-]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The site's own text, handed through to siteverify, at most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cdata: Option<String>,
}

/// `POST /v1/session`, reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionReply {
    /// The sealed session, to be sent back with the slide.
    pub session: String,
    /// Geometry of the slider.
    pub slider: Slider,
    /// Seconds until the session expires.
    pub expires_in: u32,
}

/// Geometry of the slider, in shares of the track.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Slider {
    /// Distance the handle has to travel, as a share of the track it can travel, in `(0, 1]`.
    pub target: f32,
    /// How far off the target the handle may be let go, same unit.
    pub tolerance: f32,
}

/// `POST /v1/slide`, request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SlideRequest {
    /// The sealed session of [`SessionReply`].
    pub session: String,
    /// How the handle was moved.
    pub trace: Trace,
    /// What the browser tells about itself.
    pub environment: Environment,
}

/// How a handle was moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// Version of this format: [`Trace::VERSION`].
    pub version: u8,
    /// What moved it.
    pub input: Input,
    /// `[x, y, t]`: CSS pixels from where the movement began, milliseconds since then; at most
    /// [`Trace::MAX_SAMPLES`]. The widget sends tenths of both, and thins long movements out evenly.
    pub samples: Vec<[f32; 3]>,
    /// Pixels the handle can travel in all.
    pub track: f32,
}

impl Trace {
    /// The version this code reads.
    pub const VERSION: u8 = 1;
    /// More samples than this are refused.
    pub const MAX_SAMPLES: usize = 2_000;
}

/// What moved a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// A mouse.
    Mouse,
    /// A finger.
    Touch,
    /// A pen.
    Pen,
    /// Arrow keys.
    Keyboard,
}

/// What the browser tells about itself; no identifier among it. Everything may be left out: version 0 is a widget from
/// before there were versions, which sent the first six fields after `version`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Environment {
    /// Version of this format: [`Environment::VERSION`].
    pub version: u8,
    /// `navigator.webdriver`.
    pub webdriver: bool,
    /// `navigator.languages` is not empty.
    pub languages: bool,
    /// `navigator.userAgent`, at most [`Environment::MAX_USER_AGENT`] characters; this and all other text is printable
    /// ASCII without quotation mark and backslash, what else the browser says is left out.
    pub user_agent: String,
    /// `navigator.platform`, at most [`Environment::MAX_PLATFORM`] characters.
    pub platform: String,
    /// `screen.width`, `screen.height`, CSS pixels.
    pub screen: [u32; 2],
    /// `navigator.maxTouchPoints`.
    pub touch_points: u32,
    /// Length of `navigator.languages`, at most 255.
    pub language_count: u8,
    /// `navigator.userAgentData`, which only browsers on Chromium have, and only over HTTPS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hints: Option<ClientHints>,
    /// What draws WebGL; `None` where nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webgl: Option<WebGl>,
    /// What does not fit together.
    pub signs: Signs,
}

impl Environment {
    /// The version this code reads.
    pub const VERSION: u8 = 1;
    /// Most characters of the user agent.
    pub const MAX_USER_AGENT: usize = 512;
    /// Most characters of the platform, here and in [`ClientHints`].
    pub const MAX_PLATFORM: usize = 64;
    /// Most characters of [`ClientHints::brands`] and of each text of [`WebGl`].
    pub const MAX_NAME: usize = 128;

    /// Whether every text is within its limit, counted in bytes.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        let hints = self.hints.as_ref();
        let webgl = self.webgl.as_ref();
        self.user_agent.len() <= Self::MAX_USER_AGENT
            && self.platform.len() <= Self::MAX_PLATFORM
            && hints.is_none_or(|h| h.brands.len() <= Self::MAX_NAME && h.platform.len() <= Self::MAX_PLATFORM)
            && webgl.is_none_or(|w| w.vendor.len() <= Self::MAX_NAME && w.renderer.len() <= Self::MAX_NAME)
    }
}

/// The part of `navigator.userAgentData` that browsers tell unasked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientHints {
    /// Brands with their major versions, `Chromium 140, Google Chrome 140`; at most [`Environment::MAX_NAME`]
    /// characters.
    pub brands: String,
    /// Whether it is a mobile device.
    pub mobile: bool,
    /// The system, at most [`Environment::MAX_PLATFORM`] characters.
    pub platform: String,
}

/// What draws WebGL, at most [`Environment::MAX_NAME`] characters each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebGl {
    /// Who made it; unmasked where the browser says so.
    pub vendor: String,
    /// What it is; likewise.
    pub renderer: String,
}

/// Consistency checks of the widget that failed, a bit each. Unknown bits mean nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signs(pub u32);

impl Signs {
    /// The page's global objects have properties that automation frameworks leave there.
    pub const AUTOMATION_PROPERTIES: Self = Self(1);
    /// `navigator.webdriver` is missing, or is not the browser's own property.
    pub const HIDDEN_WEB_DRIVER: Self = Self(1 << 1);
    /// Another property or function of the browser was replaced by a script.
    pub const REPLACED_FUNCTIONS: Self = Self(1 << 2);
    /// The page's view is no lower than its window, so that there is no frame; or the window is wider than its screen.
    pub const FRAMELESS_WINDOW: Self = Self(1 << 3);
    /// The window has no size.
    pub const NO_WINDOW: Self = Self(1 << 4);
    /// The style engine knows another screen than scripts.
    pub const SCREEN_DISAGREES: Self = Self(1 << 5);
    /// A canvas does not read back as it was drawn.
    pub const CANVAS_DISAGREES: Self = Self(1 << 6);
    /// The first of the languages is not the language.
    pub const LANGUAGE_DISAGREES: Self = Self(1 << 7);
    /// There is no named time zone, or the offset from UTC is none that it could have.
    pub const TIME_ZONE_DISAGREES: Self = Self(1 << 8);
    /// The event that began the slide was made by a script of the page.
    pub const SCRIPTED_INPUT: Self = Self(1 << 9);
    /// A mouse button is pressed without pressure, as only a debugging interface presses it.
    pub const INJECTED_INPUT: Self = Self(1 << 10);

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any of `others` is among these.
    #[must_use]
    pub const fn any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
}

/// `POST /v1/slide` and `POST /v1/answer`, reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Outcome {
    /// The visitor passed.
    Pass {
        /// For the site's server, which redeems it at `/siteverify`.
        token: String,
        /// Seconds until the token expires.
        expires_in: u32,
    },
    /// The visitor is asked to solve a captcha (reply to a slide).
    Challenge {
        /// What to solve.
        challenge: Challenge,
    },
    /// The answer was wrong; here is another captcha (reply to an answer).
    Retry {
        /// What to solve.
        challenge: Challenge,
    },
    /// The visitor may try again later.
    Block {
        /// Seconds to wait.
        retry_after: u32,
    },
}

/// A captcha to solve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Challenge {
    /// The sealed challenge, to be sent back with the answer.
    pub id: String,
    /// Which scheme.
    pub kind: ChallengeKind,
    /// Path of the picture, `/v1/challenge/{id}/image`.
    pub image: String,
    /// Size of the picture, pixels: width, height.
    pub size: [u32; 2],
    /// Seconds until the challenge expires.
    pub expires_in: u32,
}

/// Schemes of captchas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChallengeKind {
    /// Type what the picture says.
    Text,
}

/// `POST /v1/answer`, request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerRequest {
    /// The sealed challenge.
    pub challenge: String,
    /// What the visitor typed, at most 64 characters; empty asks for another picture.
    pub answer: String,
    /// How it was typed.
    #[serde(default)]
    pub behaviour: AnswerBehaviour,
}

/// How an answer was typed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnswerBehaviour {
    /// Milliseconds from the picture shown to the answer sent.
    pub elapsed_ms: u32,
    /// Keys pressed.
    pub keys: u32,
}

/// Body of an error of `/v1/*`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorReply {
    /// What went wrong.
    pub error: ErrorBody,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The machine-readable code.
    pub code: ErrorCode,
    /// One sentence for a developer; never why a visitor is suspected.
    pub message: String,
    /// Seconds after which a new try makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

/// Codes of `/v1/*` errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// 400: no JSON of the documented form, or a field out of range.
    BadRequest,
    /// 404: no such path.
    NotFound,
    /// 405: the path exists, the method does not.
    MethodNotAllowed,
    /// 413: the body is larger than allowed.
    PayloadTooLarge,
    /// 415: the body is not `application/json`.
    UnsupportedMediaType,
    /// 403: no such site key.
    InvalidSitekey,
    /// 403: the request comes from a page outside the site's host names.
    OriginNotAllowed,
    /// 401: not a session of ours.
    SessionInvalid,
    /// 410: too late.
    SessionExpired,
    /// 410: a second time.
    SessionUsed,
    /// 401: not a challenge of ours.
    ChallengeInvalid,
    /// 410: too late.
    ChallengeExpired,
    /// 410: a second time.
    ChallengeUsed,
    /// 429: too many requests.
    RateLimited,
    /// 503: no image set is ready.
    NoImages,
    /// 500: our fault; the message holds an id that the log has too.
    InternalError,
}

impl ErrorCode {
    /// The HTTP status this code is sent with.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::SessionInvalid | Self::ChallengeInvalid => 401,
            Self::InvalidSitekey | Self::OriginNotAllowed => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::SessionExpired | Self::SessionUsed | Self::ChallengeExpired | Self::ChallengeUsed => 410,
            Self::PayloadTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::RateLimited => 429,
            Self::InternalError => 500,
            Self::NoImages => 503,
        }
    }
}

#[cfg(test)]
mod tests;
