//! What a training run did, to be looked at: scalars that TensorBoard reads, and one page of HTML.

mod confusion;
mod log;
mod page;

pub use confusion::{Confusion, Edit, align};
pub use log::{GENERATOR, Log, LogError, RunHeader, Scalar, read_header, read_scalars};
pub use page::{Page, Sample};
