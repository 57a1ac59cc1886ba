//! LSTM and Scan.

use super::{Fact, ShapeError, axes, fixed_axes, floats, mismatch, operands};
use crate::graph::{Dim, ElementType, Scan, TensorInfo};

pub(super) fn lstm(hidden: usize, given: &[&TensorInfo]) -> Result<Fact, ShapeError> {
    let [x, w, r, b] = operands(given)?;
    floats(given)?;
    let [t, n, inputs] = axes(0, x)?;
    let gates = hidden.checked_mul(4).ok_or(ShapeError::TooLarge)?;
    if inputs.fixed().is_none() {
        return Err(ShapeError::Symbolic);
    }
    let [one, rows, columns] = fixed_axes(1, w)?;
    if [one, rows] != [1, gates] || Some(columns) != inputs.fixed() {
        return Err(mismatch(x, w));
    }
    if fixed_axes(2, r)? != [1, gates, hidden] {
        return Err(mismatch(w, r));
    }
    if fixed_axes(3, b)? != [1, gates.saturating_mul(2)] {
        return Err(mismatch(w, b));
    }
    Ok((ElementType::F32, vec![t, Dim::Fixed(1), n, Dim::Fixed(hidden)]))
}

pub(super) fn scan(scan: &Scan, given: &[&TensorInfo]) -> Result<Vec<Fact>, ShapeError> {
    let body = &scan.body;
    let fact = |id| body.info(id).map_err(|_| ShapeError::Attribute("body"));
    if given.len() != body.inputs().len() || scan.scanned == 0 || body.outputs().len() < scan.states {
        return Err(ShapeError::Operands { found: given.len() });
    }
    let mut steps = None;
    for (position, (outer, inner)) in given.iter().zip(body.inputs()).enumerate() {
        let inner = fact(*inner)?;
        let is_scanned = (scan.states..scan.states.saturating_add(scan.scanned)).contains(&position);
        let expected = match (is_scanned, outer.shape.split_first()) {
            (false, _) => outer.shape.as_slice(),
            (true, Some((length, slice))) => {
                if *steps.get_or_insert(*length) != *length {
                    return Err(ShapeError::Attribute("scanned length"));
                }
                slice
            }
            (true, None) => {
                return Err(ShapeError::Rank {
                    operand: position,
                    found: 0,
                });
            }
        };
        if expected != inner.shape || outer.element != inner.element {
            return Err(mismatch(outer, inner));
        }
    }
    let steps = steps.ok_or(ShapeError::Attribute("scanned"))?;
    let mut facts = Vec::new();
    for (position, output) in body.outputs().iter().enumerate() {
        let info = fact(*output)?;
        if position < scan.states {
            let state = given.get(position).ok_or(ShapeError::Operands { found: given.len() })?;
            if state.shape != info.shape {
                return Err(mismatch(state, info));
            }
            facts.push((info.element, info.shape.clone()));
        } else {
            facts.push((info.element, [&[steps], info.shape.as_slice()].concat()));
        }
    }
    Ok(facts)
}
