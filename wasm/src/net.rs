//! Calls to the edge.

use crate::dom;
use crate::json::{self, Json};
use crate::machine::Reply;
use parallax_captcha::wire::{AnswerRequest, SessionRequest, Trace};
use wasm_bindgen::prelude::*;

/// A request to the edge.
#[derive(Debug)]
pub enum Request {
    /// `POST /v1/session`
    Session(SessionRequest),
    /// `POST /v1/slide`
    Slide {
        /// The sealed session.
        session: String,
        /// How the handle was moved.
        trace: Trace,
        /// What the browser tells about itself: the wire's `Environment` as JSON.
        environment: String,
    },
    /// `POST /v1/answer`
    Answer(AnswerRequest),
}

#[wasm_bindgen]
extern "C" {
    type Promise;
    fn fetch(url: &str, init: &JsValue) -> Promise;
    #[wasm_bindgen(method)]
    fn then(this: &Promise, done: &JsValue, failed: &JsValue) -> Promise;
}

/// Sends `request` to the edge at `base`, an absolute URL with a slash at its end; `done` hears of the reply, once.
/// Whatever goes wrong is a [`Reply`] too.
pub fn send(base: &str, request: &Request, done: impl Fn(Reply) + 'static) {
    let (call, body) = match request {
        Request::Session(body) => ("v1/session", json::session_request(body)),
        Request::Slide {
            session,
            trace,
            environment,
        } => ("v1/slide", json::slide_request(session, trace, environment)),
        Request::Answer(body) => ("v1/answer", json::answer_request(body)),
    };
    let mut url = base.to_owned();
    url.push_str(call);
    let init = dom::parse(r#"{"method":"POST","headers":{"content-type":"application/json"}}"#);
    dom::set_text(&init, "body", &body);
    // Hears of three things in turn, so that one function will do: the response, whose body it asks for; that body, or
    // an error in place of either; and, after an error in place of the response, nothing.
    let heard = Closure::<dyn Fn(JsValue) -> JsValue>::new(move |value: JsValue| {
        if value.is_undefined() {
            return value;
        }
        if value.is_object() && dom::member(&value, "json").is_function() {
            return dom::call(&value, "json");
        }
        done(read(&value));
        JsValue::UNDEFINED
    })
    .into_js_value();
    fetch(&url, &init).then(&heard, &heard).then(&heard, &heard);
}

fn read(value: &JsValue) -> Reply {
    let session = json::session(value).map(Reply::Session);
    let outcome = || json::outcome(value).map(Reply::Outcome);
    session
        .or_else(outcome)
        .unwrap_or_else(|| Reply::Failed(json::failure(value)))
}

impl Json for JsValue {
    fn member(&self, name: &str) -> Option<Self> {
        self.is_object().then(|| dom::member(self, name))
    }
    fn text(&self) -> Option<String> {
        self.as_string()
    }
    fn number(&self) -> Option<f64> {
        self.as_f64()
    }
}
