//! The browser, as far as the widget needs it.
//!
//! Bound by hand rather than through web-sys, for size: there every call that may throw for some arguments carries code
//! to take the exception over, and js-sys, on which web-sys rests, always links its executor for async functions. What
//! is called here is called with arguments for which it does not throw; should it throw all the same, the exception
//! goes on to the loader or to the browser's console. Methods without arguments, and properties, go by name.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The global object, which is its own value.
    #[wasm_bindgen(js_namespace = globalThis, js_name = valueOf)]
    fn global_object() -> JsValue;

    /// An element, or a root of elements.
    #[derive(Debug, Clone)]
    pub type Part;

    /// Sets an attribute.
    #[wasm_bindgen(method, js_name = setAttribute)]
    pub fn set(this: &Part, name: &str, value: &str);
    /// Sets an attribute to a number.
    #[wasm_bindgen(method, js_name = setAttribute)]
    pub fn set_number(this: &Part, name: &str, value: i32);
    /// Gives an element an attribute without a value, or takes it away.
    #[wasm_bindgen(method, js_name = toggleAttribute)]
    pub fn toggle(this: &Part, name: &str, on: bool);
    /// Appends a child.
    #[wasm_bindgen(method)]
    pub fn append(this: &Part, child: &Part);
    /// The nearest element, from this one upwards, that a selector selects; there must be one.
    #[wasm_bindgen(method)]
    pub fn closest(this: &Part, selector: &str) -> Part;
    /// The element of an id in a shadow tree; there must be one.
    #[wasm_bindgen(method, js_name = getElementById)]
    pub fn part(this: &Part, id: &str) -> Part;
    /// Gives an element a shadow tree.
    #[wasm_bindgen(method, js_name = attachShadow)]
    pub fn attach_shadow(this: &Part, init: &JsValue) -> Part;
    /// Sets a property of a style; through the object model, which no CSP forbids.
    #[wasm_bindgen(method, js_name = setProperty)]
    pub fn set_property(this: &Part, name: &str, value: i32);
    /// Listens to an event.
    #[wasm_bindgen(method, js_name = addEventListener)]
    pub fn listen(this: &Part, event: &str, listener: &JsValue, capture: bool);
    /// Sends a pointer's events here until it is released.
    #[wasm_bindgen(method, js_name = setPointerCapture)]
    pub fn capture(this: &Part, pointer: f64);

    #[wasm_bindgen(js_namespace = document, js_name = createElementNS)]
    fn create_in(namespace: &str, tag: &str) -> Part;

    /// A constructed style sheet.
    pub type CSSStyleSheet;
    /// An empty style sheet.
    #[wasm_bindgen(constructor)]
    pub fn new() -> CSSStyleSheet;
    /// Fills it.
    #[wasm_bindgen(method, js_name = replaceSync)]
    pub fn replace(this: &CSSStyleSheet, text: &str);

    /// A member of an object, as it is.
    #[wasm_bindgen(js_namespace = Reflect, js_name = get)]
    pub fn member(object: &JsValue, name: &str) -> JsValue;
    /// An item of an array; `undefined` behind its end.
    #[wasm_bindgen(js_namespace = Reflect, js_name = get)]
    pub fn item(array: &JsValue, index: u32) -> JsValue;
    /// A member that is a number; NaN for what is none.
    #[wasm_bindgen(js_namespace = Reflect, js_name = get)]
    pub fn number(object: &JsValue, name: &str) -> f64;
    /// A member that is text.
    #[wasm_bindgen(js_namespace = Reflect, js_name = get)]
    pub fn text(object: &JsValue, name: &str) -> String;
    /// Gives an object a member.
    #[wasm_bindgen(js_namespace = Reflect, js_name = set)]
    pub fn set_member(object: &JsValue, name: &str, value: &JsValue) -> bool;
    /// Gives an object a member that is text.
    #[wasm_bindgen(js_namespace = Reflect, js_name = set)]
    pub fn set_text(object: &JsValue, name: &str, value: &str) -> bool;
    #[wasm_bindgen(js_namespace = Reflect)]
    fn apply(function: &JsValue, this: &JsValue, arguments: &JsValue) -> JsValue;
    /// Any value as text: `String(value)`.
    #[wasm_bindgen(js_name = String)]
    pub fn to_text(value: &JsValue) -> String;
    /// What a text says in JSON.
    #[wasm_bindgen(js_namespace = JSON)]
    pub fn parse(text: &str) -> JsValue;
    /// Says something on the developer's console.
    #[wasm_bindgen(js_namespace = console)]
    pub fn warn(who: &str, what: &str);

    /// Calls a function after some milliseconds, without arguments.
    #[wasm_bindgen(js_name = setTimeout)]
    pub fn set_timeout(function: &JsValue, pause: i32) -> i32;
    /// The same, with an argument.
    #[wasm_bindgen(js_name = setTimeout)]
    pub fn call_soon(function: &JsValue, pause: i32, argument: &str);
    /// Does not call it after all.
    #[wasm_bindgen(js_name = clearTimeout)]
    pub fn clear_timeout(timer: i32);
}

/// A member of the global object.
#[must_use]
pub fn global(name: &str) -> JsValue {
    member(&global_object(), name)
}

/// Whether a member is `true`.
#[must_use]
pub fn flag(object: &JsValue, name: &str) -> bool {
    number(object, name) == 1.0
}

/// Calls a method that takes no arguments.
pub fn call(object: &JsValue, method: &str) -> JsValue {
    apply(&member(object, method), object, &parse("[]"))
}

/// A new element, of SVG for the tags of drawings.
#[must_use]
pub fn create(tag: &str) -> Part {
    let drawn = matches!(tag, "svg" | "path");
    create_in(
        if drawn {
            "http://www.w3.org/2000/svg"
        } else {
            "http://www.w3.org/1999/xhtml"
        },
        tag,
    )
}

/// A number in `[0, 1)` that is different for every visitor; 0 where the browser has none to give.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "a rough number will do")]
pub fn jitter() -> f32 {
    getrandom::u32().map_or(0.0, |bits| (bits >> 8) as f32 / (1u32 << 24) as f32)
}
