//! A forward LSTM layer (Hochreiter and Schmidhuber 1997), gates in ONNX's order i, o, f, c, and its gradient.

use super::lstm_loops::{backward_loop, forward_loop};
use crate::builder::{Builder, Rule};
use crate::graph::{GraphError, TensorId};

/// Weights of a layer with I inputs and H cells.
#[derive(Debug, Clone, Copy)]
pub struct LstmWeights {
    /// `[I, 4H]`.
    pub input: TensorId,
    /// `[H, 4H]`.
    pub recurrent: TensorId,
    /// `[4H]`.
    pub bias: TensorId,
}

/// What the forward loop leaves for the backward one; rows are steps times batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Saved {
    /// Sigmoid gates i, o, f: `[T * N, 3H]`.
    pub(super) gates: TensorId,
    /// Tanh of gate c: `[T * N, H]`.
    pub(super) candidate: TensorId,
    /// Tanh of the cells: `[T * N, H]`.
    pub(super) tanh_cell: TensorId,
    /// Cells of the step before: `[T * N, H]`.
    pub(super) previous_cell: TensorId,
    /// Outputs of the step before: `[T * N, H]`.
    pub(super) previous_hidden: TensorId,
    /// Outputs: `[T * N, H]`.
    pub(super) hidden: TensorId,
}

/// Sizes of a layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) steps: usize,
    pub(super) batch: usize,
    pub(super) inputs: usize,
    pub(super) hidden: usize,
}

/// Outputs `[T, N, H]` of the layer for `x: [T, N, I]`, from zero state.
///
/// # Errors
/// [`GraphError`] when the shapes do not fit.
pub fn lstm(b: &Builder, x: TensorId, weights: LstmWeights) -> Result<TensorId, GraphError> {
    let ([steps, batch, inputs], [hidden, _]) = (b.dims(x)?, b.dims(weights.recurrent)?);
    let sizes = Sizes {
        steps,
        batch,
        inputs,
        hidden,
    };
    let operands = [x, weights.input, weights.recurrent, weights.bias];
    let outputs = b.region(&operands, |b| {
        let rows = b.reshape(x, &[steps * batch, inputs])?;
        // All steps' input products at once; only the recurrent product is left for the loop.
        let projected = b.gemm(rows, weights.input, weights.bias)?;
        let saved = forward_loop(b, projected, weights.recurrent, sizes)?;
        let output = b.reshape(saved.hidden, &[steps, batch, hidden])?;
        Ok((vec![output], rule(rows, weights, saved, sizes)))
    })?;
    outputs.first().copied().ok_or(GraphError::NoRule { op: "LSTM" })
}

fn rule(rows: TensorId, weights: LstmWeights, saved: Saved, sizes: Sizes) -> Rule {
    Box::new(move |b, dy, wants| {
        let Some(dy) = dy.first().copied().flatten() else {
            return Ok(vec![None; 4]);
        };
        let Sizes {
            steps,
            batch,
            inputs,
            hidden,
        } = sizes;
        let dh = b.reshape(dy, &[steps * batch, hidden])?;
        let factors = Factors::new(b, &saved)?;
        let dgates = backward_loop(b, dh, weights.recurrent, &factors, sizes)?;
        let wanted = |position: usize| wants.get(position) == Some(&true);
        let mut result = vec![None; 4];
        let emit: [&dyn Fn() -> Result<TensorId, GraphError>; 4] = [
            &|| b.reshape(b.matmul_tb(dgates, weights.input)?, &[steps, batch, inputs]),
            &|| b.matmul_ta(rows, dgates),
            &|| b.matmul_ta(saved.previous_hidden, dgates),
            &|| b.sum(dgates, &[0]),
        ];
        for (position, (slot, emit)) in result.iter_mut().zip(emit).enumerate() {
            if wanted(position) {
                *slot = Some(emit()?);
            }
        }
        Ok(result)
    })
}

/// Derivatives that do not depend on the loop, for all steps at once: with `dc` the cotangent of the cell,
/// `dgates = [dc, dh, dc, dc] * gates`, `dc = dh * cell + dc_next * forget_next`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Factors {
    /// `[T * N, 4H]`.
    pub(super) gates: TensorId,
    /// `[T * N, H]`.
    pub(super) cell: TensorId,
    /// The forget gate itself, `[T * N, H]`.
    pub(super) forget: TensorId,
}

impl Factors {
    fn new(b: &Builder, saved: &Saved) -> Result<Self, GraphError> {
        let one = b.scalar(1.0);
        let of_tanh = |y| b.sub(one, b.mul(y, y)?);
        let [input, output, forget] = b.split_even(saved.gates, 1)?;
        let of_sigmoid = b.mul(saved.gates, b.sub(one, saved.gates)?)?;
        let [d_input, d_output, d_forget] = b.split_even(of_sigmoid, 1)?;
        let gates = b.concat(
            &[
                b.mul(saved.candidate, d_input)?,
                b.mul(saved.tanh_cell, d_output)?,
                b.mul(saved.previous_cell, d_forget)?,
                b.mul(input, of_tanh(saved.candidate)?)?,
            ],
            1,
        )?;
        Ok(Self {
            gates,
            cell: b.mul(output, of_tanh(saved.tanh_cell)?)?,
            forget,
        })
    }
}
