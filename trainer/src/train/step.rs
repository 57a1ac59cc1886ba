//! One training step of a model on ONNX Runtime.

use parallax_onnx::ctc::Target;

use super::{
    TrainError,
    in_place::{InPlace, StepGraph},
    state::TrainingState,
};
use crate::{
    data::batches::Sample,
    runtime::{Captured, SessionConfig},
    zoo::{Model, ModelConfig},
};

/// A picture, what it is to be read as, and how much that counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Example<'a> {
    /// `[30 * 100]`, row-major, in `[0, 1]`.
    pub image: &'a [f32],
    /// Classes of the text, at least one.
    pub classes: Vec<usize>,
    /// Factor of its loss.
    pub weight: f32,
}

impl<'a> From<&'a Sample> for Example<'a> {
    fn from(sample: &'a Sample) -> Self {
        Self {
            image: &sample.image,
            classes: sample.label.classes(),
            weight: 1.0,
        }
    }
}

/// What a step reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// Mean over the batch: of a model the CTC loss per character, both heads; of a generator what is left of its victims'
    /// certainty.
    pub loss: f32,
    /// Length of the gradient before clipping.
    pub grad_norm: f32,
}

/// A model in training.
#[derive(Debug)]
pub struct StepSession {
    model: Model,
    batch: usize,
    steps: InPlace,
}

impl StepSession {
    /// Builds the graph for batches of `batch` pictures and puts `state` on the device, as [`InPlace::new`] does.
    ///
    /// # Errors
    /// [`TrainError`] when the graph cannot be built or run here, or the state is of another model.
    pub fn new(model: Model, batch: usize, state: &TrainingState, config: SessionConfig) -> Result<Self, TrainError> {
        let sizes = model.config();
        let mut inputs = vec![("image", vec![batch, 1, sizes.height, sizes.width])];
        inputs.extend(label_inputs(&model, batch));
        inputs.push(("sample_weight", vec![batch]));
        let graph = StepGraph {
            graph: model.training_step(batch)?,
            inputs,
            adam: sizes.adam,
        };
        Ok(Self {
            steps: InPlace::new(&graph, state, config)?,
            batch,
            model,
        })
    }

    /// Whether the step is replayed as one CUDA graph, or why not.
    #[must_use]
    pub fn captured(&self) -> &Captured {
        self.steps.captured()
    }

    /// One step along the gradient of a batch.
    ///
    /// # Errors
    /// [`TrainError`] when the batch has another size or the runtime fails.
    pub fn run(&mut self, samples: &[Sample], learning_rate: f32) -> Result<StepReport, TrainError> {
        let examples: Vec<_> = samples.iter().map(Example::from).collect();
        self.run_weighted(&examples, learning_rate)
    }

    /// One step along the gradient of a batch whose losses count by their weights.
    ///
    /// # Errors
    /// [`TrainError`] when the batch has another size, a text is one that the model has no room for, or the runtime fails.
    pub fn run_weighted(&mut self, examples: &[Example<'_>], learning_rate: f32) -> Result<StepReport, TrainError> {
        self.write_batch(examples)?;
        self.steps.step(learning_rate)
    }

    /// Makes Adam count its steps from `origin` on, at most the step that is reached.
    pub fn count_from(&mut self, origin: u64) {
        self.steps.count_from(origin);
    }

    /// A copy of the state.
    ///
    /// # Errors
    /// [`TrainError`] when the device fails.
    pub fn state(&self) -> Result<TrainingState, TrainError> {
        self.steps.state()
    }

    fn write_batch(&mut self, examples: &[Example<'_>]) -> Result<(), TrainError> {
        if examples.len() != self.batch {
            return Err(TrainError::Batch {
                expected: self.batch,
                found: examples.len(),
            });
        }
        let target = encode(
            self.model.config(),
            examples.iter().map(|example| example.classes.as_slice()),
        )?;
        let weights: Vec<f32> = examples.iter().map(|example| example.weight).collect();
        let images: Vec<f32> = examples.iter().flat_map(|example| example.image).copied().collect();
        self.steps
            .write([&images, &target.target, &target.start, &target.skip, &weights])
    }
}

/// Inputs that say what a batch's pictures are, as [`encode`] fills them.
pub(crate) fn label_inputs(model: &Model, batch: usize) -> [(&'static str, Vec<usize>); 3] {
    let [states, classes] = [model.states(), model.config().classes];
    [
        ("target", vec![batch, states, classes]),
        ("start", vec![2 * batch, states]),
        ("skip", vec![2 * batch, states]),
    ]
}

/// Texts, by their classes, as `target`, `start` and `skip`.
pub(crate) fn encode<'a>(config: &ModelConfig, texts: impl Iterator<Item = &'a [usize]>) -> Result<Target, TrainError> {
    let labels = texts.map(|classes| Target::encode(classes, config.max_label, config.classes));
    Ok(Target::batch(&labels.collect::<Result<Vec<_>, _>>()?)?)
}

#[cfg(all(test, feature = "runtime-tests"))]
mod tests {
    use parallax_captcha::text::Style;

    use super::*;
    use crate::{
        data::{batches::Pictures, seeds::Stream},
        runtime::Device,
        train::initial_weights,
        zoo::Architecture,
    };

    /// On CUDA a captured graph is warmed up; the same code on the CPU.
    #[test]
    fn a_step_that_was_warmed_up_begins_as_if_it_had_not_been() {
        let model = Architecture::LenetCtc.model().unwrap();
        let state = TrainingState::untrained(initial_weights(&model, 3));
        let pictures = Pictures {
            style: Style::default(),
            seed: 1,
            stream: Stream::Training,
            filtered: false,
        };
        let batch: Vec<_> = (0..4).map(|index| pictures.sample(index)).collect();
        let config = SessionConfig {
            device: Device::Cpu,
            threads: 1,
        };
        let begin = || StepSession::new(model.clone(), batch.len(), &state, config).unwrap();

        let mut plain = begin();
        let mut warmed_up = begin();
        plain.run(&batch, 1e-3).unwrap();
        assert!(plain.state().unwrap() != state, "a step changes the state");
        // Buffers full of a batch, as ONNX Runtime's first run may find them.
        warmed_up
            .write_batch(&batch.iter().map(Example::from).collect::<Vec<_>>())
            .unwrap();
        warmed_up.steps.warm_up(&state).unwrap();
        assert!(warmed_up.state().unwrap() == state, "taken back");
        warmed_up.run(&batch, 1e-3).unwrap();
        assert!(
            warmed_up.state().unwrap() == plain.state().unwrap(),
            "and the first step is the first"
        );
    }
}
