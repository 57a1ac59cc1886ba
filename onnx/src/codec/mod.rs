//! Graphs as ONNX bytes and back: opset 18, IR version 8.
//!
//! Attributes that ONNX passes as constant inputs are constants in the bytes only. [`decode`] takes hostile input: it
//! refuses what is not one of our operators with shapes that fit, and never panics.

mod attributes;
mod decode;
mod encode;
mod messages;
mod reader;
mod tensors;
#[cfg(test)]
mod tests;

pub use decode::{DecodeError, MAX_ENTRIES, decode};
pub use encode::encode;

/// Version of the operator set.
pub const OPSET: i64 = 18;

/// Version of the file format; the oldest that has all we use, so that old runtimes read it.
pub const IR_VERSION: i64 = 8;

/// Name of the symbolic batch.
pub const BATCH: &str = "batch";
