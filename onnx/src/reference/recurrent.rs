//! LSTM and Scan.

use super::{Array, layout, run_positional};
use crate::graph::Scan;

pub(super) fn lstm(operands: &[&Array], hidden: usize) -> Option<Array> {
    let [x, w, r, b] = operands else { return None };
    let [steps, batch, inputs] = x.shape() else { return None };
    let sigmoid = |v: f64| 1.0 / (1.0 + (-v).exp());
    let mut output = vec![0.0; steps * batch * hidden];
    for n in 0..*batch {
        let (mut h, mut c) = (vec![0.0; hidden], vec![0.0; hidden]);
        for t in 0..*steps {
            let gate = |row: usize| {
                let from_input: f64 = (0..*inputs).map(|i| w.at(&[0, row, i]) * x.at(&[t, n, i])).sum();
                let from_hidden: f64 = (0..hidden).map(|i| r.at(&[0, row, i]) * h[i]).sum();
                from_input + from_hidden + b.at(&[0, row]) + b.at(&[0, 4 * hidden + row])
            };
            let gates: Vec<_> = (0..4 * hidden).map(gate).collect();
            for i in 0..hidden {
                let [input, out, forget] = [0, 1, 2].map(|k| sigmoid(gates[k * hidden + i]));
                c[i] = forget * c[i] + input * gates[3 * hidden + i].tanh();
                h[i] = out * c[i].tanh();
                output[(t * batch + n) * hidden + i] = h[i];
            }
        }
    }
    Array::new(&[*steps, 1, *batch, hidden], output)
}

pub(super) fn scan(scan: &Scan, operands: &[&Array]) -> Option<Vec<Array>> {
    let (states, rest) = operands.split_at_checked(scan.states)?;
    let (scanned, captured) = rest.split_at_checked(scan.scanned)?;
    let mut states: Vec<Array> = states.iter().map(|state| (*state).clone()).collect();
    let steps = *scanned.first()?.shape().first()?;
    let outputs = scan.body.outputs().len().checked_sub(scan.states)?;
    let mut rows: Vec<Vec<Array>> = vec![Vec::new(); outputs];
    for step in 0..steps {
        let step = if scan.reverse { steps - 1 - step } else { step } as i64;
        let mut inputs = states;
        for array in scanned {
            inputs.push(layout::squeeze(
                &layout::slice(array, &[0], &[step], &[step + 1], &[1])?,
                &[0],
            )?);
        }
        inputs.extend(captured.iter().map(|array| (*array).clone()));
        let mut results = run_positional(&scan.body, inputs).ok()?;
        for (stack, row) in rows.iter_mut().zip(results.split_off(scan.states)) {
            stack.push(layout::unsqueeze(&row, &[0])?);
        }
        states = results;
    }
    for stack in rows {
        let ordered: Vec<_> = if scan.reverse {
            stack.iter().rev().collect()
        } else {
            stack.iter().collect()
        };
        states.push(layout::concat(&ordered, 0)?);
    }
    Some(states)
}
