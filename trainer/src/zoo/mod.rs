//! Model graphs: what is trained, what reads captchas, what attacks are computed with. No runtime here.

pub mod crnn;
mod layout;
mod optimiser;

pub use crnn::{Crnn, CrnnConfig};
pub use layout::{Init, Spec, Weights, WeightsError};
pub use optimiser::AdamConfig;
