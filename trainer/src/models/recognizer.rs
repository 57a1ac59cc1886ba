//! `recognizer.onnx`: what does this picture say?

use ort::{session::Session, value::TensorRef};
use parallax_captcha::{
    alphabet::{CLASSES, Label, character_of},
    text::{MODEL_HEIGHT, MODEL_WIDTH},
};
use parallax_onnx::ctc::greedy_decode;

use crate::runtime::{Runtime, RuntimeError, SessionConfig};

/// Values of one picture.
const PIXELS: usize = (MODEL_WIDTH * MODEL_HEIGHT) as usize;

/// What a recogniser makes of one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The text read: any length, empty if nothing was seen.
    pub text: String,
    /// Scores of each frame, `[T, CLASSES]`, row-major; class 0 is the blank.
    pub logits: Vec<f32>,
}

impl Reading {
    /// Whether the text is the answer.
    #[must_use]
    pub fn is(&self, label: &Label) -> bool {
        self.text == label.as_str()
    }
}

/// A recogniser, loaded.
#[derive(Debug)]
pub struct Recognizer {
    session: Session,
}

impl Recognizer {
    /// Loads the bytes of a `recognizer.onnx`.
    ///
    /// # Errors
    /// [`RuntimeError`] when the bytes are no model, or a model with other inputs and outputs.
    pub fn new(model: &[u8], config: SessionConfig) -> Result<Self, RuntimeError> {
        let session = Runtime::load()?.session(model, config)?;
        let has = |outlets: &[ort::value::Outlet], name| outlets.iter().any(|outlet| outlet.name() == name);
        if !has(session.inputs(), "image") || !has(session.outputs(), "logits") {
            return Err(RuntimeError::Model {
                reason: "it has no input `image` or no output `logits`".to_owned(),
            });
        }
        Ok(Self { session })
    }

    /// Reads pictures, each `[30 * 100]` in `[0, 1]`, as one batch.
    ///
    /// # Errors
    /// [`RuntimeError::Run`] when a picture has another size or the runtime fails.
    pub fn read<I: AsRef<[f32]>>(&mut self, images: &[I]) -> Result<Vec<Reading>, RuntimeError> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        let pixels: Vec<f32> = images.iter().flat_map(|image| image.as_ref()).copied().collect();
        let shape = [images.len(), 1, MODEL_HEIGHT as usize, MODEL_WIDTH as usize];
        if pixels.len() != images.len() * PIXELS {
            return Err(RuntimeError::Run {
                reason: format!("pictures have {PIXELS} values"),
            });
        }
        let input = TensorRef::from_array_view((shape, pixels.as_slice()))?;
        let outputs = self.session.run(ort::inputs!["image" => input])?;
        let (shape, logits) = outputs
            .get("logits")
            .ok_or_else(|| RuntimeError::Run {
                reason: "no output `logits`".to_owned(),
            })?
            .try_extract_tensor::<f32>()?;
        if shape.len() != 3 || shape.get(1..) != Some(&[images.len() as i64, CLASSES as i64]) {
            return Err(RuntimeError::Run {
                reason: format!("the logits are {shape:?} instead of [T, {}, {CLASSES}]", images.len()),
            });
        }
        Ok((0..images.len()).map(|n| reading(logits, n, images.len())).collect())
    }
}

/// Picture `n` of logits `[T, N, CLASSES]`.
fn reading(logits: &[f32], n: usize, count: usize) -> Reading {
    let frames = logits.chunks_exact(CLASSES).skip(n).step_by(count);
    let logits: Vec<f32> = frames.flatten().copied().collect();
    let text = greedy_decode(&logits, CLASSES)
        .into_iter()
        .filter_map(character_of)
        .collect();
    Reading { text, logits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_picture_gets_its_own_frames() {
        // Two pictures, three frames: classes 1, blank, 2 and blank, 3, 3.
        let frames = [[1, 0], [0, 3], [2, 3]];
        let one_hot = |class: usize| (0..CLASSES).map(move |k| f32::from(k == class));
        let logits: Vec<f32> = frames.into_iter().flatten().flat_map(one_hot).collect();
        let text = |classes: &[usize]| -> String { classes.iter().filter_map(|class| character_of(*class)).collect() };
        assert_eq!(reading(&logits, 0, 2).text, text(&[1, 2]));
        assert_eq!(reading(&logits, 1, 2).text, text(&[3]));
        assert_eq!(reading(&logits, 1, 2).logits.len(), 3 * CLASSES);
    }
}
