//! Graphs as data: operators, shapes, reverse-mode autodiff, the ONNX codec, checkpoints. No runtime, no I/O.
//!
//! A model is built with a [`Builder`], differentiated with [`autodiff::gradients`], written with [`codec::encode`]:
//!
//! ```
//! use parallax_onnx::{Builder, Dialect, autodiff, codec};
//!
//! let b = Builder::new(Dialect::OnnxRuntime);
//! let x = b.input("x", &[2, 3]);
//! let loss = b.sum(b.mul(x, x)?, &[0, 1])?;
//! let gradient = autodiff::gradients(&b, loss, &[x])?;
//! b.output("loss", loss)?;
//! b.output("gradient", gradient[0])?;
//! let bytes = codec::encode(&b.finish());
//! # assert!(codec::decode(&bytes).is_ok());
//! # Ok::<(), parallax_onnx::graph::GraphError>(())
//! ```

pub mod autodiff;
pub mod builder;
pub mod bundle;
pub mod checkpoint;
pub mod codec;
pub mod ctc;
pub mod graph;
pub mod layers;
pub mod reference;
pub mod shape;
pub mod signature;

pub use builder::{Builder, Dialect};
pub use graph::{Graph, GraphError, Literal, TensorId};
