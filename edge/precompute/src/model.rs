//! The solver in tract: `attack.onnx`, from image and label to loss and gradient; `generator.onnx`, from image to direction.

use parallax_captcha::{
    alphabet::{CLASSES, Label},
    perturb::{Amortised, DirectionModel, Ensemble, FRAMES, Gradient, GradientModel, MODEL_HEIGHT, MODEL_WIDTH},
};
use parallax_onnx::ctc::{AttackInputs, MAX_LABEL};

use crate::plan::{ModelError, Plan};

/// Size of the model's input, pixels.
const HEIGHT: usize = MODEL_HEIGHT as usize;
const WIDTH: usize = MODEL_WIDTH as usize;

/// CTC states of the longest label.
const STATES: usize = 2 * MAX_LABEL + 1;

/// What perturbs: models in turns, and a generator before them where the checkpoint has one.
pub type Models = Amortised<GeneratorModel, Ensemble<AttackModel>>;

/// An attack graph, ready to run.
#[derive(Debug)]
pub struct AttackModel(Plan<5, 3>);

impl AttackModel {
    /// Parses and optimises `onnx`; takes about a second.
    ///
    /// # Errors
    /// [`ModelError::Runtime`], [`ModelError::Interface`].
    pub fn load(onnx: &[u8]) -> Result<Self, ModelError> {
        let inputs: [(&'static str, &'static [usize]); 5] = [
            ("image", &[1, 1, HEIGHT, WIDTH]),
            ("target", &[1, STATES, CLASSES]),
            ("start", &[2, STATES]),
            ("skip", &[2, STATES]),
            ("frame_weights", &[1, FRAMES, CLASSES]),
        ];
        let outputs = [("loss", 1), ("gradient", HEIGHT * WIDTH), ("logits", FRAMES * CLASSES)];
        Ok(Self(Plan::load(onnx, inputs, outputs)?))
    }
}

impl GradientModel for AttackModel {
    type Error = ModelError;

    fn gradient(&mut self, image: &[f32], label: &Label, frame_weights: &[f32]) -> Result<Gradient, ModelError> {
        let AttackInputs { target, start, skip } = AttackInputs::encode(&label.classes())?;
        let [loss, image, logits] = self.0.run([image, &target, &start, &skip, frame_weights])?;
        let loss = loss.first().copied().ok_or(ModelError::Interface { name: "loss" })?;
        Ok(Gradient {
            loss,
            image,
            logits: Some(logits),
        })
    }
}

/// A generator, ready to run.
#[derive(Debug)]
pub struct GeneratorModel(Plan<1, 1>);

impl GeneratorModel {
    /// Parses and optimises `onnx`.
    ///
    /// # Errors
    /// [`ModelError::Runtime`], [`ModelError::Interface`].
    pub fn load(onnx: &[u8]) -> Result<Self, ModelError> {
        let inputs: [(&'static str, &'static [usize]); 1] = [("image", &[1, 1, HEIGHT, WIDTH])];
        Ok(Self(Plan::load(onnx, inputs, [("direction", HEIGHT * WIDTH)])?))
    }
}

impl DirectionModel for GeneratorModel {
    type Error = ModelError;

    fn direction(&mut self, image: &[f32]) -> Result<Vec<f32>, ModelError> {
        let [direction] = self.0.run([image])?;
        Ok(direction)
    }
}
