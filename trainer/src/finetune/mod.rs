//! Equation 4: fine-tuning on what suspects answered, without forgetting how to read.
//!
//! `min over theta of sum w_q L(theta, x_q, y_q) + lambda * sum L(theta, x_o, y_o)`: `x_q`, `y_q` are captchas that were
//! served and the answers that suspects gave, weighted by the probability that a machine gave them; `x_o`, `y_o` are
//! originals, drawn anew for every step. The substitute becomes like the solver that answered (model extraction), so that
//! what misleads the one misleads the other. `lambda` is adjusted while training so that accuracy on originals stays
//! ([`lambda`]).

mod cluster;
mod groups;
pub mod lambda;
mod progress;
mod queries;
mod run;

pub use cluster::{Clustered, Learn, Start, finetune_clusters};
pub use lambda::Lambda;
pub(crate) use progress::VERSION;
pub use progress::{Course, Progress, finished, kept, origin};
pub use queries::{Queries, QueriesError, Query, Unusable, classes as answer_classes};
pub use run::{FinetuneConfig, FinetuneReport, Finetuned, Measurement, Outcome, Watch, finetune};
