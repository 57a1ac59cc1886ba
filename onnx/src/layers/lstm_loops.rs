//! The two loops of an LSTM, in the form each runtime is fast on: unrolled for ONNX Runtime, `Scan` for tract.

use super::lstm::{Factors, Saved, Sizes};
use crate::builder::{Builder, Dialect};
use crate::graph::{GraphError, Scan, TensorId};

/// Runs over `projected: [T * N, 4H]`, the input products with bias.
pub(super) fn forward_loop(
    b: &Builder,
    projected: TensorId,
    recurrent: TensorId,
    sizes: Sizes,
) -> Result<Saved, GraphError> {
    match b.dialect() {
        Dialect::OnnxRuntime => forward_unrolled(b, projected, recurrent, sizes),
        Dialect::Tract => forward_scan(b, projected, recurrent, sizes),
    }
}

/// Cotangents of the gates before their nonlinearities, `[T * N, 4H]`, from those of the outputs, `[T * N, H]`.
pub(super) fn backward_loop(
    b: &Builder,
    dh: TensorId,
    recurrent: TensorId,
    factors: &Factors,
    sizes: Sizes,
) -> Result<TensorId, GraphError> {
    match b.dialect() {
        Dialect::OnnxRuntime => backward_unrolled(b, dh, recurrent, factors, sizes),
        Dialect::Tract => backward_scan(b, dh, recurrent, factors, sizes),
    }
}

/// One step's results.
struct Step {
    gates: TensorId,
    candidate: TensorId,
    cell: TensorId,
    tanh_cell: TensorId,
    hidden: TensorId,
}

/// From the gates before their nonlinearities, `[N, 4H]`. Three sigmoids at once: fewer, larger operators.
fn step(b: &Builder, gates: TensorId, cell: Option<TensorId>, hidden: usize) -> Result<Step, GraphError> {
    let parts = b.split(gates, 1, &[3 * hidden, hidden])?;
    let [sigmoids, candidate] = parts.as_slice() else {
        return Err(GraphError::NoRule { op: "Split" });
    };
    let (gates, candidate) = (b.sigmoid(*sigmoids)?, b.tanh(*candidate)?);
    let [input, output, forget] = b.split_even(gates, 1)?;
    let written = b.mul(input, candidate)?;
    let cell = match cell {
        Some(cell) => b.add(b.mul(forget, cell)?, written)?,
        None => written,
    };
    let tanh_cell = b.tanh(cell)?;
    Ok(Step {
        gates,
        candidate,
        cell,
        tanh_cell,
        hidden: b.mul(output, tanh_cell)?,
    })
}

fn forward_unrolled(
    b: &Builder,
    projected: TensorId,
    recurrent: TensorId,
    Sizes {
        steps, batch, hidden, ..
    }: Sizes,
) -> Result<Saved, GraphError> {
    let mut trace: Vec<Step> = Vec::with_capacity(steps);
    for projected in b.split(projected, 0, &vec![batch; steps])? {
        let next = match trace.last() {
            Some(last) => step(b, b.gemm(last.hidden, recurrent, projected)?, Some(last.cell), hidden)?,
            None => step(b, projected, None, hidden)?,
        };
        trace.push(next);
    }
    let zeros = b.full(&[batch, hidden], 0.0)?;
    let stack = |field: &dyn Fn(&Step) -> TensorId| b.concat(&trace.iter().map(field).collect::<Vec<_>>(), 0);
    let previous = |field: &dyn Fn(&Step) -> TensorId| {
        let earlier = trace.iter().take(steps.saturating_sub(1)).map(field);
        b.concat(&std::iter::once(zeros).chain(earlier).collect::<Vec<_>>(), 0)
    };
    Ok(Saved {
        gates: stack(&|s| s.gates)?,
        candidate: stack(&|s| s.candidate)?,
        tanh_cell: stack(&|s| s.tanh_cell)?,
        previous_cell: previous(&|s| s.cell)?,
        previous_hidden: previous(&|s| s.hidden)?,
        hidden: stack(&|s| s.hidden)?,
    })
}

fn backward_unrolled(
    b: &Builder,
    dh: TensorId,
    recurrent: TensorId,
    factors: &Factors,
    Sizes { steps, batch, .. }: Sizes,
) -> Result<TensorId, GraphError> {
    let sizes = vec![batch; steps];
    let [dh, gates, cell, forget] = [
        b.split(dh, 0, &sizes)?,
        b.split(factors.gates, 0, &sizes)?,
        b.split(factors.cell, 0, &sizes)?,
        b.split(factors.forget, 0, &sizes)?,
    ];
    let mut carried: Option<(TensorId, TensorId)> = None; // Cotangents of the next step's gates and cell.
    let mut dgates = Vec::with_capacity(steps);
    for (((dh, gates), cell), forget) in dh.iter().zip(&gates).zip(&cell).zip(&forget).rev() {
        let (dh, dcell) = match carried {
            Some((dgates, dcell)) => {
                let dh = b.gemm_tb(dgates, recurrent, *dh)?;
                (dh, b.add(b.mul(dh, *cell)?, dcell)?)
            }
            None => (*dh, b.mul(*dh, *cell)?),
        };
        let d = b.mul(b.concat(&[dcell, dh, dcell, dcell], 1)?, *gates)?;
        carried = Some((d, b.mul(dcell, *forget)?));
        dgates.push(d);
    }
    dgates.reverse();
    b.concat(&dgates, 0)
}

fn forward_scan(
    b: &Builder,
    projected: TensorId,
    recurrent: TensorId,
    Sizes {
        steps, batch, hidden, ..
    }: Sizes,
) -> Result<Saved, GraphError> {
    let body = Builder::new(b.dialect());
    let [h, c] = [
        body.input("hidden", &[batch, hidden]),
        body.input("cell", &[batch, hidden]),
    ];
    let projected_t = body.input("projected", &[batch, 4 * hidden]);
    let r = body.input("recurrent", &[hidden, 4 * hidden]);
    let next = step(&body, body.add(projected_t, body.matmul(h, r)?)?, Some(c), hidden)?;
    body.output("next_hidden", next.hidden)?;
    body.output("next_cell", next.cell)?;
    // tract: what a scan gives out must have no other reader in its body.
    for (name, id) in [
        ("hiddens", next.hidden),
        ("cells", next.cell),
        ("gates", next.gates),
        ("candidates", next.candidate),
        ("tanh_cells", next.tanh_cell),
    ] {
        body.output(name, body.identity(id)?)?;
    }
    let zeros = b.full(&[batch, hidden], 0.0)?;
    let scanned = b.reshape(projected, &[steps, batch, 4 * hidden])?;
    let scan = Scan {
        body: body.finish(),
        states: 2,
        scanned: 1,
        reverse: false,
    };
    let results = b.scan(scan, &[zeros, zeros, scanned, recurrent])?;
    let [_, _, hiddens, cells, gates, candidates, tanh_cells] = results.as_slice() else {
        return Err(GraphError::NoRule { op: "Scan" });
    };
    let flat = |id: &TensorId, width: usize| b.reshape(*id, &[steps * batch, width]);
    let previous = |id: TensorId| b.concat(&[zeros, b.slice(id, 0, 0..(steps - 1) * batch)?], 0);
    let (hidden_rows, cell_rows) = (flat(hiddens, hidden)?, flat(cells, hidden)?);
    Ok(Saved {
        gates: flat(gates, 3 * hidden)?,
        candidate: flat(candidates, hidden)?,
        tanh_cell: flat(tanh_cells, hidden)?,
        previous_cell: previous(cell_rows)?,
        previous_hidden: previous(hidden_rows)?,
        hidden: hidden_rows,
    })
}

fn backward_scan(
    b: &Builder,
    dh: TensorId,
    recurrent: TensorId,
    factors: &Factors,
    Sizes {
        steps, batch, hidden, ..
    }: Sizes,
) -> Result<TensorId, GraphError> {
    let body = Builder::new(b.dialect());
    let dgates_next = body.input("next_gates", &[batch, 4 * hidden]);
    let dcell_next = body.input("next_cell", &[batch, hidden]);
    let dh_t = body.input("dh", &[batch, hidden]);
    let gates_t = body.input("gate_factors", &[batch, 4 * hidden]);
    let [cell_t, forget_t] = [
        body.input("cell_factors", &[batch, hidden]),
        body.input("forget", &[batch, hidden]),
    ];
    let transposed = body.input("recurrent_transposed", &[4 * hidden, hidden]);
    let dh_total = body.add(dh_t, body.matmul(dgates_next, transposed)?)?;
    let dcell = body.add(body.mul(dh_total, cell_t)?, dcell_next)?;
    let dgates = body.mul(body.concat(&[dcell, dh_total, dcell, dcell], 1)?, gates_t)?;
    body.output("dgates", dgates)?;
    body.output("dcell", body.mul(dcell, forget_t)?)?;
    body.output("all_dgates", body.identity(dgates)?)?;
    let steps_first = |id: TensorId, width: usize| b.reshape(id, &[steps, batch, width]);
    let operands = [
        b.full(&[batch, 4 * hidden], 0.0)?,
        b.full(&[batch, hidden], 0.0)?,
        steps_first(dh, hidden)?,
        steps_first(factors.gates, 4 * hidden)?,
        steps_first(factors.cell, hidden)?,
        steps_first(factors.forget, hidden)?,
        b.transpose(recurrent, &[1, 0])?,
    ];
    let results = b.scan(
        Scan {
            body: body.finish(),
            states: 2,
            scanned: 4,
            reverse: true,
        },
        &operands,
    )?;
    let dgates = results.get(2).copied().ok_or(GraphError::NoRule { op: "Scan" })?;
    b.reshape(dgates, &[steps * batch, 4 * hidden])
}
