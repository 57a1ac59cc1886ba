//! Parts of models whose gradient is known in closed form: convolution blocks in training, LSTM, CTC.
//!
//! Each is a region with its own rule. Differentiating them operator by operator would be right as well, and several
//! times slower.

mod conv_block;
mod conv_pool;
mod ctc_loss;
mod ctc_recursion;
mod lstm;
mod lstm_loops;

pub use conv_block::{ConvBlock, ConvBlockOutput, EPSILON, conv_block};
pub use conv_pool::{PooledConv, conv_max_pool};
pub use ctc_loss::{CtcTarget, ctc_loss};
pub use lstm::{LstmWeights, lstm};
