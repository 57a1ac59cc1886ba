//! The browser widget: a slider, and a captcha for those whom the edge suspects.
//!
//! # Hooks that pages and tests may rely on
//! - The element the widget is rendered into carries `data-state`: `idle` (the slider can be moved), `verifying`,
//!   `challenge`, `passed`, `expired`, `blocked` or `error`, and an open shadow root.
//! - In the shadow tree: `part="track"`, `"handle"`, `"dialog"`, `"image"`, `"answer"`, `"submit"`, `"refresh"`, `"close"`,
//!   `"button"` (in place of the slider: go on, try again), `"message"`, `"notice"`.
//! - In the page's own tree: a hidden input `parallax-response` with the token.
//!
//! # Layers
//! [`machine`], [`json`], [`slider`], [`trace`], [`options`], [`cut`], [`language`] and [`template`] are pure and tested natively;
//! [`view`], [`gesture`], [`net`] and [`widget`] are the glue to the browser. `www/api.js` is the only caller of the
//! functions exported here, gives pages `window.parallax`, and reads what the browser says of itself: bindings for
//! that would be several times as large as the few lines of JavaScript.

#[cfg(any(target_arch = "wasm32", test))]
mod allocator;
pub mod cut;
pub mod dom;
pub mod gesture;
pub mod json;
pub mod language;
pub mod machine;
pub mod net;
pub mod options;
pub mod slider;
pub mod template;
pub mod trace;
pub mod view;
pub mod widget;

use crate::dom::Part;
use crate::widget::Widget;
use wasm_bindgen::prelude::*;

/// Renders a widget into `container`, for the edge at `base`, an absolute URL with a slash at its end. `settings`: options
/// and callbacks by their names, and a method `environment`, which returns the wire's `Environment` as JSON. Before it is
/// called, its object gets a member `event`: the event that began the movement by pointer, or the last key of one by keys.
///
/// Returns a function that takes the page's commands as text: `execute`, `reset`, `remove`; `getResponse`, which returns
/// the token or `undefined`; and `isExpired`.
///
/// # Errors
/// A code for `error-callback` as text.
#[wasm_bindgen]
pub fn render(base: String, container: &Part, settings: JsValue) -> Result<JsValue, JsValue> {
    Widget::render(base, container, settings).map_err(|error| error.code().into())
}
