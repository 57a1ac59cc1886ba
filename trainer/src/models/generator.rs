//! `generator.onnx`: where does the perturbation of this picture begin?

use ort::{session::Session, value::TensorRef};
use parallax_captcha::{
    perturb::DirectionModel,
    text::{MODEL_HEIGHT, MODEL_WIDTH},
};

use crate::runtime::{Runtime, RuntimeError, SessionConfig};

const SHAPE: [usize; 4] = [1, 1, MODEL_HEIGHT as usize, MODEL_WIDTH as usize];

/// A generator, loaded.
#[derive(Debug)]
pub struct GeneratorModel {
    session: Session,
}

impl GeneratorModel {
    /// Loads the bytes of a `generator.onnx`.
    ///
    /// # Errors
    /// [`RuntimeError`] when the bytes are no model, or a model with other inputs and outputs.
    pub fn new(model: &[u8], config: SessionConfig) -> Result<Self, RuntimeError> {
        let session = Runtime::load()?.session(model, config)?;
        let has = |outlets: &[ort::value::Outlet], name| outlets.iter().any(|outlet| outlet.name() == name);
        if has(session.inputs(), "image") && has(session.outputs(), "direction") {
            Ok(Self { session })
        } else {
            Err(RuntimeError::Model {
                reason: "it has no input `image` or no output `direction`".to_owned(),
            })
        }
    }
}

impl DirectionModel for GeneratorModel {
    type Error = RuntimeError;

    fn direction(&mut self, image: &[f32]) -> Result<Vec<f32>, RuntimeError> {
        let inputs = ort::inputs!["image" => TensorRef::from_array_view((SHAPE, image))?];
        let outputs = self.session.run(inputs)?;
        let direction = outputs.get("direction").ok_or_else(|| RuntimeError::Run {
            reason: "no output `direction`".to_owned(),
        })?;
        Ok(direction.try_extract_tensor::<f32>()?.1.to_vec())
    }
}
