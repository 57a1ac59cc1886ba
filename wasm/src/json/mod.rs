//! The wire types as JSON, by hand: replies in, requests out.
//!
//! The wire types derive serde's traits, and the tests hold this module to what serde writes and reads. In the browser
//! serde costs too much: its way through an internally tagged enum, and the error messages that nobody would see, took
//! 75 kB of wasm, twice the rest of the widget.

mod decode;
mod encode;

pub use decode::{Json, failure, outcome, session};
pub use encode::{MAX_SLIDE, answer_request, session_request, slide_request};
