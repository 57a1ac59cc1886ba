//! A step graph on ONNX Runtime whose state stays in buffers that are input and output at once; on CUDA captured as one graph,
//! where that can be done.

use ort::session::{IoBinding, Session};
use parallax_onnx::{Graph, codec};

use super::{
    TrainError,
    buffers::{Buffer, Memory},
    state::TrainingState,
    step::StepReport,
};
use crate::{
    runtime::{Captured, Device, Runtime, RuntimeError, SessionConfig},
    zoo::{AdamConfig, Weights},
};

/// Name and shape of an input that each batch is written into.
pub type BatchInput = (&'static str, Vec<usize>);

/// A graph that makes steps: inputs for a batch, `hyper`, `parameters`, `first_moment`, `second_moment` and `running`;
/// outputs the state's successors, with `_next` appended, `loss` and `grad_norm`.
#[derive(Debug, Clone)]
pub struct StepGraph {
    /// The graph.
    pub graph: Graph,
    /// Its inputs for a batch.
    pub inputs: Vec<BatchInput>,
    /// Its optimiser.
    pub adam: AdamConfig,
}

/// A step graph, loaded, and the state that it updates.
#[derive(Debug)]
pub struct InPlace {
    session: Session,
    binding: IoBinding,
    captured: Captured,
    inputs: Vec<(&'static str, Buffer)>,
    hyper: Buffer,
    state: StateBuffers,
    adam: AdamConfig,
    step: u64,
    /// The step from which Adam counts.
    origin: u64,
    loss: Buffer,
    grad_norm: Buffer,
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

impl InPlace {
    /// Loads a graph and puts `state` on the device. On CUDA it is captured, where that can be done; where not, standard error
    /// says why.
    ///
    /// # Errors
    /// [`TrainError`] when the graph cannot be run here, or the state is of another one.
    pub fn new(graph: &StepGraph, state: &TrainingState, config: SessionConfig) -> Result<Self, TrainError> {
        if config.device == Device::Cpu {
            return Self::built(graph, state, config, Captured::NotOnCuda);
        }
        let captured = Self::built(graph, state, config, Captured::Yes);
        let warmed_up = captured.and_then(|mut this| {
            this.warm_up(state)?;
            Ok(this)
        });
        match warmed_up {
            Err(TrainError::Runtime(error)) => {
                let reason = error.to_string();
                eprintln!("the step is no CUDA graph, its kernels are launched one by one: {reason}");
                Self::built(graph, state, config, Captured::Refused { reason })
            }
            done => done,
        }
    }

    fn built(
        step: &StepGraph,
        state: &TrainingState,
        config: SessionConfig,
        captured: Captured,
    ) -> Result<Self, TrainError> {
        let graph = codec::encode(&step.graph);
        let runtime = Runtime::load()?;
        let session = match captured {
            Captured::Yes => runtime.captured_session(&graph, config)?,
            Captured::NotOnCuda | Captured::Refused { .. } => runtime.session(&graph, config)?,
        };
        let memory = Memory::new(&session, config.device)?;
        let inputs = step
            .inputs
            .iter()
            .map(|(name, shape)| Ok((*name, memory.zeros(shape)?)));
        let mut this = Self {
            binding: session.create_binding().map_err(RuntimeError::from)?,
            loss: memory.zeros(&[])?,
            grad_norm: memory.zeros(&[])?,
            state: StateBuffers::new(&memory, state)?,
            inputs: inputs.collect::<Result<_, TrainError>>()?,
            hyper: memory.zeros(&[2])?,
            adam: step.adam,
            step: state.step,
            origin: 0,
            session,
            captured,
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
    pub(super) fn warm_up(&mut self, state: &TrainingState) -> Result<(), TrainError> {
        self.run_bound()?;
        self.state.write(state)
    }

    fn run_bound(&mut self) -> Result<(), TrainError> {
        drop(self.session.run_binding(&self.binding).map_err(RuntimeError::from)?);
        Ok(())
    }

    /// Fills the inputs of a batch, in the order of [`StepGraph::inputs`].
    ///
    /// # Errors
    /// [`TrainError::Batch`] when they are more or fewer, or one has another size.
    pub(crate) fn write<const N: usize>(&mut self, values: [&[f32]; N]) -> Result<(), TrainError> {
        if N != self.inputs.len() {
            return Err(TrainError::Batch {
                expected: self.inputs.len(),
                found: N,
            });
        }
        let mut pairs = self.inputs.iter_mut().zip(values);
        pairs.try_for_each(|((_, buffer), values)| buffer.write(values))
    }

    /// One step along the gradient of the batch that was written.
    ///
    /// # Errors
    /// [`TrainError`] when the runtime fails.
    pub fn step(&mut self, learning_rate: f32) -> Result<StepReport, TrainError> {
        let hyper = self.adam.hyper(learning_rate, self.step + 1 - self.origin);
        self.hyper.write(&hyper)?;
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

    fn bind(&mut self) -> Result<(), TrainError> {
        let state = &mut self.state;
        let in_place = [
            ("parameters", &mut state.parameters),
            ("first_moment", &mut state.first_moment),
            ("second_moment", &mut state.second_moment),
            ("running", &mut state.running),
        ];
        let bind = |binding: &mut IoBinding| -> ort::Result<()> {
            for (name, buffer) in &self.inputs {
                binding.bind_input(*name, buffer.tensor())?;
            }
            binding.bind_input("hyper", self.hyper.tensor())?;
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
