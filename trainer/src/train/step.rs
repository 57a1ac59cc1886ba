//! One training step on ONNX Runtime: the state stays in buffers that are input and output of the graph at once.

use ort::session::{IoBinding, Session};
use parallax_onnx::{codec, ctc::Target};

use super::{
    TrainError,
    buffers::{Buffer, Memory},
    state::TrainingState,
};
use crate::{
    data::batches::Sample,
    runtime::{Captured, Device, Runtime, RuntimeError, SessionConfig},
    zoo::{Model, Weights},
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
    /// Mean over the batch of the CTC loss per character, both heads.
    pub loss: f32,
    /// Length of the gradient before clipping.
    pub grad_norm: f32,
}

/// A model in training.
#[derive(Debug)]
pub struct StepSession {
    model: Model,
    batch: usize,
    session: Session,
    binding: IoBinding,
    captured: Captured,
    batch_inputs: BatchInputs,
    state: StateBuffers,
    step: u64,
    /// The step from which Adam counts.
    origin: u64,
    loss: Buffer,
    grad_norm: Buffer,
}

/// Buffers that each batch is written into.
#[derive(Debug)]
struct BatchInputs {
    image: Buffer,
    target: Buffer,
    start: Buffer,
    skip: Buffer,
    sample_weight: Buffer,
    hyper: Buffer,
}

impl BatchInputs {
    fn named(&self) -> [(&'static str, &Buffer); 6] {
        [
            ("image", &self.image),
            ("target", &self.target),
            ("start", &self.start),
            ("skip", &self.skip),
            ("sample_weight", &self.sample_weight),
            ("hyper", &self.hyper),
        ]
    }
}

/// Buffers that a step reads and overwrites.
#[derive(Debug)]
struct StateBuffers {
    parameters: Buffer,
    first_moment: Buffer,
    second_moment: Buffer,
    running: Buffer,
}

impl StateBuffers {
    fn new(memory: &Memory, state: &TrainingState) -> Result<Self, TrainError> {
        Ok(Self {
            parameters: memory.upload(&state.weights.parameters)?,
            first_moment: memory.upload(&state.first_moment)?,
            second_moment: memory.upload(&state.second_moment)?,
            running: memory.upload(&state.weights.running)?,
        })
    }

    fn write(&mut self, state: &TrainingState) -> Result<(), TrainError> {
        self.parameters.write(&state.weights.parameters)?;
        self.first_moment.write(&state.first_moment)?;
        self.second_moment.write(&state.second_moment)?;
        self.running.write(&state.weights.running)
    }
}

impl StepSession {
    /// Builds the graph for batches of `batch` pictures and puts `state` on the device. On CUDA it is captured, where that can
    /// be done; where not, standard error says why.
    ///
    /// # Errors
    /// [`TrainError`] when the graph cannot be built or run here, or the state is of another model.
    pub fn new(model: Model, batch: usize, state: &TrainingState, config: SessionConfig) -> Result<Self, TrainError> {
        if config.device == Device::Cpu {
            return Self::built(model, batch, state, config, Captured::NotOnCuda);
        }
        let captured = Self::built(model.clone(), batch, state, config, Captured::Yes);
        let warmed_up = captured.and_then(|mut this| {
            this.warm_up(state)?;
            Ok(this)
        });
        match warmed_up {
            Err(TrainError::Runtime(error)) => {
                let reason = error.to_string();
                eprintln!("the step is no CUDA graph, its kernels are launched one by one: {reason}");
                Self::built(model, batch, state, config, Captured::Refused { reason })
            }
            done => done,
        }
    }

    fn built(
        model: Model,
        batch: usize,
        state: &TrainingState,
        config: SessionConfig,
        captured: Captured,
    ) -> Result<Self, TrainError> {
        let graph = codec::encode(&model.training_step(batch)?);
        let runtime = Runtime::load()?;
        let session = match captured {
            Captured::Yes => runtime.captured_session(&graph, config)?,
            Captured::NotOnCuda | Captured::Refused { .. } => runtime.session(&graph, config)?,
        };
        let memory = Memory::new(&session, config.device)?;
        let [height, width] = [model.config().height, model.config().width];
        let [states, classes] = [model.states(), model.config().classes];
        let batch_inputs = BatchInputs {
            image: memory.zeros(&[batch, 1, height, width])?,
            target: memory.zeros(&[batch, states, classes])?,
            start: memory.zeros(&[2 * batch, states])?,
            skip: memory.zeros(&[2 * batch, states])?,
            sample_weight: memory.zeros(&[batch])?,
            hyper: memory.zeros(&[2])?,
        };
        let mut this = Self {
            binding: session.create_binding().map_err(RuntimeError::from)?,
            loss: memory.zeros(&[])?,
            grad_norm: memory.zeros(&[])?,
            state: StateBuffers::new(&memory, state)?,
            step: state.step,
            origin: 0,
            batch_inputs,
            session,
            captured,
            batch,
            model,
        };
        this.bind()?;
        Ok(this)
    }

    /// Whether the step is replayed as one CUDA graph, or why not.
    #[must_use]
    pub fn captured(&self) -> &Captured {
        &self.captured
    }

    /// Runs once and takes it back. To capture a graph, ONNX Runtime's first run executes the model more than once, and each
    /// execution would be a step.
    fn warm_up(&mut self, state: &TrainingState) -> Result<(), TrainError> {
        self.run_bound()?;
        self.state.write(state)
    }

    fn run_bound(&mut self) -> Result<(), TrainError> {
        drop(self.session.run_binding(&self.binding).map_err(RuntimeError::from)?);
        Ok(())
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
        let hyper = self
            .model
            .config()
            .adam
            .hyper(learning_rate, self.step + 1 - self.origin);
        self.batch_inputs.hyper.write(&hyper)?;
        self.run_bound()?;
        self.step += 1;
        Ok(StepReport {
            loss: scalar(&self.loss)?,
            grad_norm: scalar(&self.grad_norm)?,
        })
    }

    /// Makes Adam count its steps from `origin` on, at most the step that is reached.
    pub fn count_from(&mut self, origin: u64) {
        self.origin = origin.min(self.step);
    }

    /// A copy of the state.
    ///
    /// # Errors
    /// [`TrainError`] when the device fails.
    pub fn state(&self) -> Result<TrainingState, TrainError> {
        Ok(TrainingState {
            weights: Weights {
                parameters: self.state.parameters.read()?,
                running: self.state.running.read()?,
            },
            first_moment: self.state.first_moment.read()?,
            second_moment: self.state.second_moment.read()?,
            step: self.step,
        })
    }

    fn write_batch(&mut self, examples: &[Example<'_>]) -> Result<(), TrainError> {
        if examples.len() != self.batch {
            return Err(TrainError::Batch {
                expected: self.batch,
                found: examples.len(),
            });
        }
        let config = self.model.config();
        let encode = |example: &Example<'_>| Target::encode(&example.classes, config.max_label, config.classes);
        let labels: Vec<Target> = examples.iter().map(encode).collect::<Result<_, _>>()?;
        let target = Target::batch(&labels)?;
        self.batch_inputs.target.write(&target.target)?;
        self.batch_inputs.start.write(&target.start)?;
        self.batch_inputs.skip.write(&target.skip)?;
        let weights: Vec<f32> = examples.iter().map(|example| example.weight).collect();
        self.batch_inputs.sample_weight.write(&weights)?;
        let images: Vec<f32> = examples.iter().flat_map(|example| example.image).copied().collect();
        self.batch_inputs.image.write(&images)
    }

    fn bind(&mut self) -> Result<(), TrainError> {
        let state = &mut self.state;
        let in_place = [
            ("parameters", &mut state.parameters),
            ("first_moment", &mut state.first_moment),
            ("second_moment", &mut state.second_moment),
            ("running", &mut state.running),
        ];
        let bind = |binding: &mut IoBinding| -> ort::Result<()> {
            for (name, buffer) in self.batch_inputs.named() {
                binding.bind_input(name, buffer.tensor())?;
            }
            for (name, buffer) in in_place {
                binding.bind_input(name, buffer.tensor())?;
                binding.bind_output(format!("{name}_next"), buffer.tensor_mut())?;
            }
            binding.bind_output("loss", self.loss.tensor_mut())?;
            binding.bind_output("grad_norm", self.grad_norm.tensor_mut())
        };
        Ok(bind(&mut self.binding).map_err(RuntimeError::from)?)
    }
}

fn scalar(buffer: &Buffer) -> Result<f32, TrainError> {
    Ok(buffer.read()?.first().copied().unwrap_or(f32::NAN))
}

#[cfg(all(test, feature = "runtime-tests"))]
mod tests {
    use parallax_captcha::text::Style;

    use super::*;
    use crate::{
        data::{batches::Pictures, seeds::Stream},
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
        warmed_up.warm_up(&state).unwrap();
        assert!(warmed_up.state().unwrap() == state, "taken back");
        warmed_up.run(&batch, 1e-3).unwrap();
        assert!(
            warmed_up.state().unwrap() == plain.state().unwrap(),
            "and the first step is the first"
        );
    }
}
