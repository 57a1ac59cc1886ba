//! `attack.onnx`: how does the loss change with the picture?

use ort::{session::Session, value::TensorRef};
use parallax_captcha::{
    alphabet::{CLASSES, Label},
    perturb::{FRAMES, Gradient, GradientModel},
    text::{MODEL_HEIGHT, MODEL_WIDTH},
};
use parallax_onnx::ctc::{AttackInputs, MAX_LABEL};

use crate::runtime::{Runtime, RuntimeError, SessionConfig};

const HEIGHT: usize = MODEL_HEIGHT as usize;
const WIDTH: usize = MODEL_WIDTH as usize;
/// Frames that positions of the text are spelled with.
const POSITIONS: usize = 2 * MAX_LABEL - 1;
/// States of an encoded label.
const STATES: usize = 2 * MAX_LABEL + 1;

/// An attack graph, loaded.
#[derive(Debug)]
pub struct AttackModel {
    session: Session,
    /// Whether its logits stand for places in the picture, as weights of frames do.
    has_frames: bool,
}

impl AttackModel {
    /// Loads the bytes of an `attack.onnx`.
    ///
    /// # Errors
    /// [`RuntimeError`] when the bytes are no model, or a model with other inputs and outputs.
    pub fn new(model: &[u8], config: SessionConfig) -> Result<Self, RuntimeError> {
        let session = Runtime::load()?.session(model, config)?;
        let missing = ["loss", "gradient", "logits"]
            .into_iter()
            .find(|name| session.outputs().iter().all(|outlet| outlet.name() != *name));
        match missing {
            Some(name) => Err(RuntimeError::Model {
                reason: format!("it has no output `{name}`"),
            }),
            None => {
                let frames = session.inputs().iter().find(|input| input.name() == "frame_weights");
                let shape = frames.and_then(|input| input.dtype().tensor_shape());
                let has_frames = shape.is_some_and(|shape| shape.get(1) == Some(&(FRAMES as i64)));
                Ok(Self { session, has_frames })
            }
        }
    }
}

impl GradientModel for AttackModel {
    type Error = RuntimeError;

    fn gradient(&mut self, image: &[f32], label: &Label, frame_weights: &[f32]) -> Result<Gradient, RuntimeError> {
        let label = AttackInputs::encode(&label.classes()).map_err(|error| RuntimeError::Run {
            reason: error.to_string(),
        })?;
        // By positions of the text there is no place to reward, and the logits say nothing of one.
        let positions = vec![0.0; if self.has_frames { 0 } else { POSITIONS * CLASSES }];
        let weights = if self.has_frames {
            TensorRef::from_array_view(([1, FRAMES, CLASSES], frame_weights))?
        } else {
            TensorRef::from_array_view(([1, POSITIONS, CLASSES], positions.as_slice()))?
        };
        let inputs = ort::inputs![
            "image" => TensorRef::from_array_view(([1, 1, HEIGHT, WIDTH], image))?,
            "target" => TensorRef::from_array_view(([1, STATES, CLASSES], label.target.as_slice()))?,
            "start" => TensorRef::from_array_view(([2, STATES], label.start.as_slice()))?,
            "skip" => TensorRef::from_array_view(([2, STATES], label.skip.as_slice()))?,
            "frame_weights" => weights,
        ];
        let outputs = self.session.run(inputs)?;
        let output = |name: &str| -> Result<Vec<f32>, RuntimeError> {
            let value = outputs.get(name).ok_or_else(|| RuntimeError::Run {
                reason: format!("no output `{name}`"),
            })?;
            Ok(value.try_extract_tensor::<f32>()?.1.to_vec())
        };
        Ok(Gradient {
            loss: output("loss")?.first().copied().unwrap_or(f32::NAN),
            image: output("gradient")?,
            logits: if self.has_frames { Some(output("logits")?) } else { None },
        })
    }
}
