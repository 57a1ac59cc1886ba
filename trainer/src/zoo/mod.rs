//! Model graphs: what is trained, what reads captchas, what attacks are computed with. No runtime here.
//!
//! A model is a [`Backbone`] and a [`Head`]; [`Architecture`] is the table of those that have a name. A [`Generator`] says in one
//! forward pass where a perturbation begins.

mod backbone;
mod generator;
mod graphs;
mod head;
mod layout;
mod model;
mod net;
mod optimiser;
mod table;
#[cfg(test)]
mod tests;

pub use backbone::{Backbone, InceptionModule, PlainBlock, Stage};
pub use generator::{Generator, GeneratorArchitecture};
pub use graphs::{Blurs, Victim};
pub use head::Head;
pub use layout::{Init, Layout, Spec, Weights, WeightsError};
pub use model::{Model, ModelConfig};
pub use optimiser::AdamConfig;
pub use table::Architecture;
