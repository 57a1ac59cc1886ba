//! The domain of Parallax, pure: no I/O, no clock, no global randomness.
//!
//! Everything here is a function of its arguments. Time, nonces and keys are passed in, so that every captcha and
//! every verdict can be computed again.

pub mod alphabet;
pub mod interval;
#[cfg(feature = "perturb")]
pub mod perturb;
#[cfg(feature = "risk")]
pub mod risk;
pub mod strength;
#[cfg(feature = "text")]
pub mod text;
#[cfg(feature = "ticket")]
pub mod ticket;
pub mod wire;
