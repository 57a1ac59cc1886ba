//! What the browser tells about itself, as the wire's [`Environment`]: what every page may read, and no identifier.

use crate::cut;
use crate::dom;
use parallax_captcha::wire::Environment;

/// Bytes of the user agent and of the platform that are sent: the wire allows as many characters.
const MAX_USER_AGENT: usize = 512;
const MAX_PLATFORM: usize = 64;

/// Reads the environment.
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and NaN becomes 0"
)]
pub fn read() -> Environment {
    let navigator = dom::global("navigator");
    let screen = dom::global("screen");
    Environment {
        webdriver: dom::flag(&navigator, "webdriver"),
        languages: dom::number(&dom::member(&navigator, "languages"), "length") > 0.0,
        user_agent: cut::head(&dom::text(&navigator, "userAgent"), MAX_USER_AGENT).to_owned(),
        platform: cut::head(&dom::text(&navigator, "platform"), MAX_PLATFORM).to_owned(),
        screen: [
            dom::number(&screen, "width") as u32,
            dom::number(&screen, "height") as u32,
        ],
        touch_points: dom::number(&navigator, "maxTouchPoints") as u32,
    }
}
