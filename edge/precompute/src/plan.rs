//! Graphs in tract: inputs and outputs by name, of the shapes that their role has.

use std::{io::Cursor, sync::Arc};

use parallax_onnx::ctc::CtcError;
use tract_onnx::prelude::*;

/// Why a graph cannot be loaded or asked.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The runtime does not take it.
    #[error("{0}")]
    Runtime(String),
    /// It is of another role: an input or output is missing or has another shape.
    #[error("the graph has no {name} of the shape that its role asks for")]
    Interface {
        /// Which one.
        name: &'static str,
    },
    /// An argument has another size.
    #[error("{name} has {found} numbers")]
    Argument {
        /// Which one.
        name: &'static str,
        /// Numbers it has.
        found: usize,
    },
    /// A label it was not made for.
    #[error(transparent)]
    Label(#[from] CtcError),
}

fn runtime(error: TractError) -> ModelError {
    ModelError::Runtime(format!("{error:#}"))
}

/// Name and shape of an input.
pub type Input = (&'static str, &'static [usize]);
/// Name of an output, and how many numbers it has.
pub type Output = (&'static str, usize);

/// A graph, ready to run.
#[derive(Debug)]
pub struct Plan<const I: usize, const O: usize> {
    plan: Arc<TypedRunnableModel>,
    inputs: [Input; I],
    outputs: [Output; O],
    /// For each input of the plan, in its order, the position in `inputs`.
    input_order: Vec<usize>,
    /// For each of `outputs`, the position among the plan's outputs.
    output_order: Vec<usize>,
}

impl<const I: usize, const O: usize> Plan<I, O> {
    /// Parses and optimises `onnx`, which has these inputs, no others, and these outputs.
    ///
    /// # Errors
    /// [`ModelError::Runtime`], [`ModelError::Interface`].
    pub fn load(onnx: &[u8], inputs: [Input; I], outputs: [Output; O]) -> Result<Self, ModelError> {
        let parsed = tract_onnx::onnx()
            .model_for_read(&mut Cursor::new(onnx))
            .map_err(runtime)?;
        // Taken from the parsed graph: optimisation renames nodes.
        let input_order = input_order(&parsed, &inputs)?;
        let output_order = output_order(&parsed, &outputs)?;
        let plan = parsed
            .into_optimized()
            .and_then(IntoRunnable::into_runnable)
            .map_err(runtime)?;
        Ok(Self {
            plan,
            inputs,
            outputs,
            input_order,
            output_order,
        })
    }

    /// Runs once; arguments and results in the order of [`Plan::load`].
    ///
    /// # Errors
    /// [`ModelError`].
    pub fn run(&self, arguments: [&[f32]; I]) -> Result<[Vec<f32>; O], ModelError> {
        let mut values: TVec<TValue> = tvec!();
        for position in &self.input_order {
            if let (Some((name, shape)), Some(numbers)) = (self.inputs.get(*position), arguments.get(*position)) {
                let tensor = Tensor::from_shape(shape, numbers).map_err(|_| ModelError::Argument {
                    name,
                    found: numbers.len(),
                })?;
                values.push(tensor.into());
            }
        }
        let replies = self.plan.run(values).map_err(runtime)?;
        let mut found = [const { Vec::new() }; O];
        for ((into, position), (name, count)) in found.iter_mut().zip(&self.output_order).zip(self.outputs) {
            let numbers = replies
                .get(*position)
                .and_then(|reply| reply.to_plain_array_view::<f32>().ok());
            *into = numbers.map(|n| n.iter().copied().collect()).unwrap_or_default();
            if into.len() != count {
                return Err(ModelError::Interface { name });
            }
        }
        Ok(found)
    }
}

fn input_order(model: &InferenceModel, inputs: &[Input]) -> Result<Vec<usize>, ModelError> {
    let outlets = model.input_outlets().map_err(runtime)?;
    let names: Vec<&str> = outlets.iter().map(|outlet| &*model.node(outlet.node).name).collect();
    if let Some((name, _)) = inputs.iter().find(|(name, _)| !names.contains(name)) {
        return Err(ModelError::Interface { name });
    }
    let order: Vec<usize> = names
        .iter()
        .filter_map(|n| inputs.iter().position(|(name, _)| name == n))
        .collect();
    if order.len() == names.len() {
        Ok(order)
    } else {
        Err(ModelError::Interface { name: "other inputs" })
    }
}

fn output_order(model: &InferenceModel, outputs: &[Output]) -> Result<Vec<usize>, ModelError> {
    let outlets = model.output_outlets().map_err(runtime)?;
    let is_called = |outlet: &OutletId, name: &str| {
        model.outlet_label(*outlet) == Some(name) || model.node(outlet.node).name == name
    };
    let position = |(name, _): &Output| {
        outlets
            .iter()
            .position(|outlet| is_called(outlet, name))
            .ok_or(ModelError::Interface { name })
    };
    outputs.iter().map(position).collect()
}
