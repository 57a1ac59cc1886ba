//! One training step on ONNX Runtime: the state stays in buffers that are input and output of the graph at once.

use ort::{
    memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType},
    session::{IoBinding, Session},
    value::Tensor,
};
use parallax_onnx::{codec, ctc::Target};

use super::{TrainError, state::TrainingState};
use crate::{
    data::batches::Sample,
    runtime::{Device, Runtime, SessionConfig},
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
    device: Device,
    session: Session,
    binding: IoBinding,
    batch_inputs: BatchInputs,
    state: StateBuffers,
    step: u64,
    /// The step from which Adam counts.
    origin: u64,
    loss: Tensor<f32>,
    grad_norm: Tensor<f32>,
}

/// Host buffers that each batch is written into.
#[derive(Debug)]
struct BatchInputs {
    image: Tensor<f32>,
    target: Tensor<f32>,
    start: Tensor<f32>,
    skip: Tensor<f32>,
    sample_weight: Tensor<f32>,
    hyper: Tensor<f32>,
}

impl BatchInputs {
    fn named(&self) -> [(&'static str, &Tensor<f32>); 6] {
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

/// Buffers on the device that a step reads and overwrites.
#[derive(Debug)]
struct StateBuffers {
    parameters: Tensor<f32>,
    first_moment: Tensor<f32>,
    second_moment: Tensor<f32>,
    running: Tensor<f32>,
}

impl StepSession {
    /// Builds the graph for batches of `batch` pictures and puts `state` on the device.
    ///
    /// # Errors
    /// [`TrainError`] when the graph cannot be built or run here, or the state is of another model.
    pub fn new(model: Model, batch: usize, state: &TrainingState, config: SessionConfig) -> Result<Self, TrainError> {
        let graph = model.training_step(batch)?;
        let session = Runtime::load()?.session(&codec::encode(&graph), config)?;
        let host = Allocator::default();
        let [height, width] = [model.config().height, model.config().width];
        let [states, classes] = [model.states(), model.config().classes];
        let batch_inputs = BatchInputs {
            image: tensor(&host, &[batch, 1, height, width])?,
            target: tensor(&host, &[batch, states, classes])?,
            start: tensor(&host, &[2 * batch, states])?,
            skip: tensor(&host, &[2 * batch, states])?,
            sample_weight: tensor(&host, &[batch])?,
            hyper: tensor(&host, &[2])?,
        };
        let place = Place::new(&session, config.device)?;
        let state_buffers = StateBuffers {
            parameters: place.upload(&state.weights.parameters)?,
            first_moment: place.upload(&state.first_moment)?,
            second_moment: place.upload(&state.second_moment)?,
            running: place.upload(&state.weights.running)?,
        };
        let mut this = Self {
            binding: session.create_binding().map_err(crate::runtime::RuntimeError::from)?,
            loss: tensor(&host, &[])?,
            grad_norm: tensor(&host, &[])?,
            device: config.device,
            state: state_buffers,
            step: state.step,
            origin: 0,
            batch_inputs,
            session,
            batch,
            model,
        };
        this.bind()?;
        Ok(this)
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
        fill(&mut self.batch_inputs.hyper, &hyper)?;
        if self.device != Device::Cpu {
            // Binding copies to the device, so what is written afterwards would not be seen there.
            self.bind_batch()?;
        }
        drop(
            self.session
                .run_binding(&self.binding)
                .map_err(crate::runtime::RuntimeError::from)?,
        );
        self.step += 1;
        Ok(StepReport {
            loss: scalar(&self.loss),
            grad_norm: scalar(&self.grad_norm),
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
                parameters: download(&self.state.parameters, self.device)?,
                running: download(&self.state.running, self.device)?,
            },
            first_moment: download(&self.state.first_moment, self.device)?,
            second_moment: download(&self.state.second_moment, self.device)?,
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
        fill(&mut self.batch_inputs.target, &target.target)?;
        fill(&mut self.batch_inputs.start, &target.start)?;
        fill(&mut self.batch_inputs.skip, &target.skip)?;
        let weights: Vec<f32> = examples.iter().map(|example| example.weight).collect();
        fill(&mut self.batch_inputs.sample_weight, &weights)?;
        let images: Vec<f32> = examples.iter().flat_map(|example| example.image).copied().collect();
        fill(&mut self.batch_inputs.image, &images)
    }

    fn bind(&mut self) -> Result<(), TrainError> {
        self.bind_batch()?;
        let state = &mut self.state;
        let buffers = [
            ("parameters", &mut state.parameters),
            ("first_moment", &mut state.first_moment),
            ("second_moment", &mut state.second_moment),
            ("running", &mut state.running),
        ];
        let bind = |binding: &mut IoBinding| -> ort::Result<()> {
            for (name, buffer) in buffers {
                binding.bind_input(name, buffer)?;
                binding.bind_output(format!("{name}_next"), buffer)?;
            }
            binding.bind_output("loss", &mut self.loss)?;
            binding.bind_output("grad_norm", &mut self.grad_norm)
        };
        Ok(bind(&mut self.binding).map_err(crate::runtime::RuntimeError::from)?)
    }

    fn bind_batch(&mut self) -> Result<(), TrainError> {
        for (name, buffer) in self.batch_inputs.named() {
            self.binding
                .bind_input(name, buffer)
                .map_err(crate::runtime::RuntimeError::from)?;
        }
        Ok(())
    }
}

/// Where the state lies.
struct Place {
    allocator: Allocator,
    device: Device,
}

impl Place {
    fn new(session: &Session, device: Device) -> Result<Self, TrainError> {
        let allocator = match device {
            Device::Cpu => Allocator::default(),
            Device::Cuda => MemoryInfo::new(AllocationDevice::CUDA, 0, AllocatorType::Device, MemoryType::Default)
                .and_then(|memory| Allocator::new(session, memory))
                .map_err(crate::runtime::RuntimeError::from)?,
        };
        Ok(Self { allocator, device })
    }

    fn upload(&self, values: &[f32]) -> Result<Tensor<f32>, TrainError> {
        let mut on_host = tensor(&Allocator::default(), &[values.len()])?;
        fill(&mut on_host, values)?;
        if self.device == Device::Cpu {
            return Ok(on_host);
        }
        let mut on_device = tensor(&self.allocator, &[values.len()])?;
        on_host
            .copy_into(&mut on_device)
            .map_err(crate::runtime::RuntimeError::from)?;
        Ok(on_device)
    }
}

fn download(buffer: &Tensor<f32>, device: Device) -> Result<Vec<f32>, TrainError> {
    if device == Device::Cpu {
        return Ok(buffer.extract_tensor().1.to_vec());
    }
    let on_host = buffer
        .to(AllocationDevice::CPU, 0)
        .map_err(crate::runtime::RuntimeError::from)?;
    Ok(on_host.extract_tensor().1.to_vec())
}

fn tensor(allocator: &Allocator, shape: &[usize]) -> Result<Tensor<f32>, TrainError> {
    Ok(Tensor::new(allocator, shape.to_vec()).map_err(crate::runtime::RuntimeError::from)?)
}

fn fill(buffer: &mut Tensor<f32>, values: &[f32]) -> Result<(), TrainError> {
    let (_, elements) = buffer.extract_tensor_mut();
    if elements.len() != values.len() {
        return Err(TrainError::Batch {
            expected: elements.len(),
            found: values.len(),
        });
    }
    elements.copy_from_slice(values);
    Ok(())
}

fn scalar(buffer: &Tensor<f32>) -> f32 {
    buffer.extract_tensor().1.first().copied().unwrap_or(f32::NAN)
}
