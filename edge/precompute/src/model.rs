//! The solver in tract: `attack.onnx`, from image and label to loss and gradient.

use std::{io::Cursor, sync::Arc};

use parallax_captcha::{
    alphabet::{CLASSES, Label},
    perturb::{FRAMES, Gradient, GradientModel, MODEL_HEIGHT, MODEL_WIDTH},
};
use parallax_onnx::ctc::{AttackInputs, CtcError, MAX_LABEL};
use tract_onnx::prelude::*;

/// Size of the model's input, pixels.
const HEIGHT: usize = MODEL_HEIGHT as usize;
const WIDTH: usize = MODEL_WIDTH as usize;

/// CTC states of the longest label.
const STATES: usize = 2 * MAX_LABEL + 1;

/// Inputs of the graph by name, with the shape each must have.
const INPUTS: [(&str, &[usize]); 5] = [
    ("image", &[1, 1, HEIGHT, WIDTH]),
    ("target", &[1, STATES, CLASSES]),
    ("start", &[2, STATES]),
    ("skip", &[2, STATES]),
    ("frame_weights", &[1, FRAMES, CLASSES]),
];

/// Outputs of the graph by name, with how many numbers each must have.
const OUTPUTS: [(&str, usize); 3] = [("loss", 1), ("gradient", HEIGHT * WIDTH), ("logits", FRAMES * CLASSES)];

/// Why the solver cannot be loaded or asked.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The runtime does not take it.
    #[error("{0}")]
    Runtime(String),
    /// It is no attack graph: an input or output is missing or has another shape.
    #[error("the graph has no {name} of the shape that an attack graph has")]
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

/// An attack graph, ready to run.
#[derive(Debug)]
pub struct AttackModel {
    plan: Arc<TypedRunnableModel>,
    /// For each input of the plan, in its order, the position in [`INPUTS`].
    inputs: Vec<usize>,
    /// For each of [`OUTPUTS`], the position among the plan's outputs.
    outputs: Vec<usize>,
}

impl AttackModel {
    /// Parses and optimises `onnx`; takes about a second.
    ///
    /// # Errors
    /// [`ModelError::Runtime`], [`ModelError::Interface`].
    pub fn load(onnx: &[u8]) -> Result<Self, ModelError> {
        let parsed = tract_onnx::onnx()
            .model_for_read(&mut Cursor::new(onnx))
            .map_err(runtime)?;
        // Taken from the parsed graph: optimisation renames nodes.
        let inputs = input_order(&parsed)?;
        let outputs = output_order(&parsed)?;
        let plan = parsed
            .into_optimized()
            .and_then(IntoRunnable::into_runnable)
            .map_err(runtime)?;
        Ok(Self { plan, inputs, outputs })
    }

    fn run(&self, arguments: [&[f32]; INPUTS.len()]) -> Result<[Vec<f32>; OUTPUTS.len()], ModelError> {
        let mut values: TVec<TValue> = tvec!();
        for position in &self.inputs {
            if let (Some((name, shape)), Some(numbers)) = (INPUTS.get(*position), arguments.get(*position)) {
                let tensor = Tensor::from_shape(shape, numbers).map_err(|_| ModelError::Argument {
                    name,
                    found: numbers.len(),
                })?;
                values.push(tensor.into());
            }
        }
        let replies = self.plan.run(values).map_err(runtime)?;
        let mut found: [Vec<f32>; OUTPUTS.len()] = Default::default();
        for ((into, position), (name, count)) in found.iter_mut().zip(&self.outputs).zip(OUTPUTS) {
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

fn input_order(model: &InferenceModel) -> Result<Vec<usize>, ModelError> {
    let outlets = model.input_outlets().map_err(runtime)?;
    let names: Vec<&str> = outlets.iter().map(|outlet| &*model.node(outlet.node).name).collect();
    if let Some((name, _)) = INPUTS.iter().find(|(name, _)| !names.contains(name)) {
        return Err(ModelError::Interface { name });
    }
    let order: Vec<usize> = names
        .iter()
        .filter_map(|n| INPUTS.iter().position(|(name, _)| name == n))
        .collect();
    if order.len() == names.len() {
        Ok(order)
    } else {
        Err(ModelError::Interface { name: "other inputs" })
    }
}

fn output_order(model: &InferenceModel) -> Result<Vec<usize>, ModelError> {
    let outlets = model.output_outlets().map_err(runtime)?;
    let is_called = |outlet: &OutletId, name: &str| {
        model.outlet_label(*outlet) == Some(name) || model.node(outlet.node).name == name
    };
    let position = |(name, _): (&'static str, usize)| {
        outlets
            .iter()
            .position(|outlet| is_called(outlet, name))
            .ok_or(ModelError::Interface { name })
    };
    OUTPUTS.into_iter().map(position).collect()
}

impl GradientModel for AttackModel {
    type Error = ModelError;

    fn gradient(&mut self, image: &[f32], label: &Label, frame_weights: &[f32]) -> Result<Gradient, ModelError> {
        let AttackInputs { target, start, skip } = AttackInputs::encode(&label.classes())?;
        let [loss, image, logits] = self.run([image, &target, &start, &skip, frame_weights])?;
        let loss = loss.first().copied().ok_or(ModelError::Interface { name: "loss" })?;
        Ok(Gradient {
            loss,
            image,
            logits: Some(logits),
        })
    }
}
