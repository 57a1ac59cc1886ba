//! A generator in training against the models of a checkpoint.

use parallax_captcha::{
    perturb::{PerturbConfig, Start},
    text::{MODEL_HEIGHT, MODEL_WIDTH},
};
use parallax_onnx::codec;

use super::Constrained;
use crate::{
    attack::{Gradients, Surrogate, perturbed_pictures},
    data::{batches::Sample, seeds::Stream},
    experiment::Setting,
    models::{Loaded, Recognizer},
    runtime::SessionConfig,
    train::{
        InPlace, Learner, StepGraph, StepReport, TrainError, TrainingState, accuracy,
        step::{encode, label_inputs},
    },
    zoo::{AdamConfig, Blurs, Generator, Victim, Weights},
};

/// What a generator learns.
#[derive(Debug, Clone)]
pub struct Task {
    /// Which generator.
    pub generator: Generator,
    /// The models that it misleads, and how much each counts.
    pub victims: Vec<(Loaded, f32)>,
    /// How its captchas look and are perturbed.
    pub setting: Setting,
}

impl Task {
    /// The attack's blurs in pixels of a model's input, each of which is two of the picture.
    fn blurs(&self) -> Blurs {
        let PerturbConfig {
            softness_px,
            gradient_blur_px,
            ..
        } = self.setting.perturb;
        Blurs {
            // One after the other they are one whose variance is the sum.
            direction: softness_px.hypot(gradient_blur_px) / 2.0,
            movement: softness_px / 2.0,
        }
    }

    /// The share of `count` captchas of a stream that the victims still read after a generator with these weights, on the mean
    /// over the victims.
    ///
    /// # Errors
    /// [`TrainError`] when a graph cannot be built or run.
    pub fn still_read(
        &self,
        weights: &Weights,
        stream: Stream,
        seed: u64,
        count: u64,
        session: SessionConfig,
    ) -> Result<f64, TrainError> {
        let gradients = Gradients::Generator {
            graph: codec::encode(&self.generator.direction(weights)?),
            members: Vec::new(),
        };
        self.read(gradients, stream, seed, count, session)
    }

    /// The same of the captchas as they are drawn: what there is to be misled.
    ///
    /// # Errors
    /// [`TrainError`] when a graph cannot be built or run.
    pub fn read_plain(&self, stream: Stream, seed: u64, count: u64, session: SessionConfig) -> Result<f64, TrainError> {
        self.read(Gradients::None, stream, seed, count, session)
    }

    fn read(
        &self,
        gradients: Gradients,
        stream: Stream,
        seed: u64,
        count: u64,
        session: SessionConfig,
    ) -> Result<f64, TrainError> {
        let surrogate = Surrogate {
            gradients,
            config: PerturbConfig {
                start: Start::Generator,
                steps: 0,
                ..self.setting.perturb.clone()
            },
            session: session.on_the_cpu(),
        };
        let pictures = perturbed_pictures(&surrogate, &self.setting.style, stream, seed, 0..count)?;
        let samples: Vec<Sample> = pictures.iter().map(crate::attack::Picture::sample).collect();
        let mut sum = 0.0;
        for ((_, model, weights), _) in &self.victims {
            let recognizer = codec::encode(&model.recognizer(weights)?);
            sum += accuracy(&mut Recognizer::new(&recognizer, session)?, &samples)?;
        }
        Ok(sum / self.victims.len().max(1) as f64)
    }
}

/// A generator on its way.
#[derive(Debug)]
pub struct GeneratorSession<'a> {
    task: &'a Task,
    batch: usize,
    steps: InPlace,
    measured: Measured,
}

/// What a run is measured on.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Seed of the held-out captchas.
    pub seed: u64,
    /// How many they are.
    pub count: u64,
    /// Where they are read, and where the steps run.
    pub session: SessionConfig,
}

impl<'a> GeneratorSession<'a> {
    /// Begins or goes on with `state`, in steps of `batch` pictures.
    ///
    /// # Errors
    /// [`TrainError`] when the graph cannot be built or run here, or the state is of another generator.
    pub fn new(task: &'a Task, batch: usize, state: &TrainingState, measured: Measured) -> Result<Self, TrainError> {
        let victims: Vec<Victim<'_>> = task
            .victims
            .iter()
            .map(|((_, model, weights), weight)| Victim {
                model,
                weights,
                weight: *weight,
            })
            .collect();
        let image = vec![batch, 1, MODEL_HEIGHT as usize, MODEL_WIDTH as usize];
        let mut inputs = vec![("image", image.clone())];
        if let Some(victim) = victims.first() {
            inputs.extend(label_inputs(victim.model, batch));
            inputs.push(("epsilon", image));
            let classes = victim.model.config().classes;
            inputs.push(("frame_weights", vec![batch, parallax_captcha::perturb::FRAMES, classes]));
        }
        let graph = StepGraph {
            graph: task.generator.training_step(&victims, batch, task.blurs())?,
            inputs,
            adam: AdamConfig::default(),
        };
        Ok(Self {
            steps: InPlace::new(&graph, state, measured.session)?,
            task,
            batch,
            measured,
        })
    }
}

impl Learner for GeneratorSession<'_> {
    type Batch = Vec<Constrained>;

    fn step(&mut self, batch: &Vec<Constrained>, learning_rate: f32) -> Result<StepReport, TrainError> {
        let ((_, model, _), _) = self.task.victims.first().ok_or(TrainError::Batch {
            expected: self.batch,
            found: 0,
        })?;
        let classes: Vec<Vec<usize>> = batch.iter().map(|one| one.sample.label.classes()).collect();
        let target = encode(model.config(), classes.iter().map(Vec::as_slice))?;
        let joined =
            |part: fn(&Constrained) -> &Vec<f32>| -> Vec<f32> { batch.iter().flat_map(part).copied().collect() };
        self.steps.write([
            &joined(|one| &one.sample.image),
            &target.target,
            &target.start,
            &target.skip,
            &joined(|one| &one.constraints.epsilon),
            &joined(|one| &one.constraints.frame_weights),
        ])?;
        self.steps.step(learning_rate)
    }

    fn state(&self) -> Result<TrainingState, TrainError> {
        self.steps.state()
    }

    fn measure(&self) -> Result<f64, TrainError> {
        let Measured { seed, count, session } = self.measured;
        let weights = self.steps.state()?.weights;
        self.task.still_read(&weights, Stream::Progress, seed, count, session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo::GeneratorArchitecture;

    /// Standard deviations of the picture's two blurs, and of the input's, worked out by hand.
    #[test]
    fn blurs_are_of_half_the_size_and_add_up_as_variances() {
        let task = |softness_px, gradient_blur_px| Task {
            generator: Generator::new(GeneratorArchitecture::Unet, [30, 100]).unwrap(),
            victims: Vec::new(),
            setting: Setting {
                perturb: PerturbConfig {
                    softness_px,
                    gradient_blur_px,
                    ..PerturbConfig::default()
                },
                ..Setting::product()
            },
        };
        for (softness_px, gradient_blur_px, direction, movement) in
            [(1.25, 0.0, 0.625, 0.625), (3.0, 4.0, 2.5, 1.5), (0.0, 2.0, 1.0, 0.0)]
        {
            let blurs = task(softness_px, gradient_blur_px).blurs();
            assert_eq!((blurs.direction, blurs.movement), (direction, movement));
        }
    }
}
