//! Captchas perturbed ahead of time, many at once.

use std::{convert::Infallible, ops::Range, sync::Arc};

use image::GrayImage;
use parallax_captcha::{
    alphabet::Label,
    perturb::{
        Amortised, Ensemble, EnsembleError, Gradient, GradientModel, MODEL_HEIGHT, MODEL_WIDTH, Member, PerturbConfig,
        PerturbError, Perturbed, perturb,
    },
    strength::Strength,
    text::{self, Captcha, Style},
};

use crate::{
    data::{
        batches::Sample,
        seeds::{Stream, picture_seed},
    },
    interrupt,
    models::{AttackModel, GeneratorModel},
    parallel::Ordered,
    runtime::{RuntimeError, SessionConfig},
};

/// Pictures that each thread may be ahead.
const AHEAD: usize = 8;

/// What captchas are perturbed with.
#[derive(Debug, Clone, PartialEq)]
pub struct Surrogate {
    /// Along what.
    pub gradients: Gradients,
    /// How.
    pub config: PerturbConfig,
    /// Where. As many pictures are worked on at once as it has threads.
    pub session: SessionConfig,
}

/// Which way the pixels of captchas move.
#[derive(Debug, Clone, PartialEq)]
pub enum Gradients {
    /// Not at all: captchas stay as they are drawn.
    None,
    /// At random, the same way in every step: what the budget does without an attack.
    Noise,
    /// Along the gradients of these attack graphs, which take turns.
    Of(Vec<Member<Vec<u8>>>),
    /// Where this generator says, then along the gradients of the models that it stands for, if the configuration asks for any.
    Generator {
        /// `generator.onnx`.
        graph: Vec<u8>,
        /// Attack graphs of those models.
        members: Vec<Member<Vec<u8>>>,
    },
}

impl Gradients {
    /// The attack graphs of whoever is attacked, none of noise.
    #[must_use]
    pub fn members(&self) -> &[Member<Vec<u8>>] {
        match self {
            Self::None | Self::Noise => &[],
            Self::Of(members) | Self::Generator { members, .. } => members,
        }
    }

    /// The generator that says the first movement, if one does.
    #[must_use]
    pub fn generator(&self) -> Option<&[u8]> {
        match self {
            Self::Generator { graph, .. } => Some(graph),
            Self::None | Self::Noise | Self::Of(_) => None,
        }
    }
}

/// The same noise for every step of a picture, drawn from the picture's seed.
struct Noise {
    seed: u64,
}

impl GradientModel for Noise {
    type Error = Infallible;

    fn gradient(&mut self, _: &[f32], _: &Label, _: &[f32]) -> Result<Gradient, Infallible> {
        let uniform = |index: u64| picture_seed(Stream::Noise, self.seed, index) as f64 / u64::MAX as f64;
        Ok(Gradient {
            loss: 0.0,
            image: (0..u64::from(MODEL_WIDTH * MODEL_HEIGHT))
                .map(|index| (uniform(index) - 0.5) as f32)
                .collect(),
            logits: None,
        })
    }
}

/// A perturbed captcha.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// 200 x 60.
    pub image: GrayImage,
    /// What it says.
    pub label: Label,
    /// What the readability gate left of the perturbation.
    pub strength: Strength,
}

impl Picture {
    /// As a model sees it.
    #[must_use]
    pub fn sample(&self) -> Sample {
        Sample {
            image: text::model_input(&self.image),
            label: self.label.clone(),
        }
    }
}

/// Why captchas were not perturbed.
#[derive(Debug, thiserror::Error)]
pub enum AttackError {
    /// A graph cannot be loaded.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// A weight makes no sense.
    #[error(transparent)]
    Ensemble(#[from] EnsembleError),
    /// A picture was refused.
    #[error(transparent)]
    Perturb(#[from] PerturbError<RuntimeError>),
    /// A picture was refused, with noise.
    #[error(transparent)]
    Noise(PerturbError<Infallible>),
    /// The user stopped it.
    #[error("interrupted")]
    Interrupted,
}

/// The captchas `range` of a stream, perturbed.
///
/// # Errors
/// [`AttackError`].
pub fn perturbed_pictures(
    surrogate: &Surrogate,
    style: &Style,
    stream: Stream,
    seed: u64,
    range: Range<u64>,
) -> Result<Vec<Picture>, AttackError> {
    let shared = Arc::new((style.clone(), surrogate.config.clone()));
    let worker = |_| {
        let mut attacker = Attacker::load(surrogate)?;
        let shared = Arc::clone(&shared);
        let make = move |index: u64| -> Result<Picture, AttackError> {
            let (style, config) = shared.as_ref();
            let seed = picture_seed(stream, seed, index);
            let captcha = text::draw(style, seed);
            let Perturbed { image, strength } = attacker.perturb(&captcha, seed, config)?;
            Ok(Picture {
                image,
                label: captcha.label,
                strength,
            })
        };
        Ok::<_, AttackError>(make)
    };
    let workers = (0..surrogate.session.threads.max(1))
        .map(worker)
        .collect::<Result<Vec<_>, _>>()?;
    let unless_stopped = |picture| match interrupt::requested() {
        true => Err(AttackError::Interrupted),
        false => picture,
    };
    Ordered::start(range, AHEAD, workers).map(unless_stopped).collect()
}

/// What perturbs the captchas of one thread.
enum Attacker {
    Nobody,
    Noise,
    Models(Ensemble<AttackModel>),
    Generator(Amortised<GeneratorModel, Unasked>),
    GeneratorFirst(Amortised<GeneratorModel, Ensemble<AttackModel>>),
}

impl Attacker {
    fn load(surrogate: &Surrogate) -> Result<Self, AttackError> {
        let session = surrogate.session;
        Ok(match &surrogate.gradients {
            Gradients::None => Self::Nobody,
            Gradients::Noise => Self::Noise,
            Gradients::Of(members) => Self::Models(load(members, session)?),
            Gradients::Generator { graph, members } => {
                let generator = Some(load_generator(graph, session)?);
                if surrogate.config.steps == 0 {
                    let models = Unasked;
                    Self::Generator(Amortised { generator, models })
                } else {
                    let models = load(members, session)?;
                    Self::GeneratorFirst(Amortised { generator, models })
                }
            }
        })
    }

    fn perturb(&mut self, captcha: &Captcha, seed: u64, config: &PerturbConfig) -> Result<Perturbed, AttackError> {
        let Captcha { image, mask, label, .. } = captcha;
        match self {
            Self::Nobody => Ok(Perturbed {
                image: image.clone(),
                strength: Strength::Plain,
            }),
            Self::Noise => perturb(&mut Noise { seed }, image, mask, label, config).map_err(AttackError::Noise),
            Self::Models(model) => Ok(perturb(model, image, mask, label, config)?),
            Self::Generator(model) => Ok(perturb(model, image, mask, label, config)?),
            Self::GeneratorFirst(model) => Ok(perturb(model, image, mask, label, config)?),
        }
    }
}

/// Stands for the models where no gradient is asked for.
struct Unasked;

impl GradientModel for Unasked {
    type Error = RuntimeError;

    fn gradient(&mut self, _: &[f32], _: &Label, _: &[f32]) -> Result<Gradient, RuntimeError> {
        Err(RuntimeError::Run {
            reason: "no model was loaded to ask for a gradient".to_owned(),
        })
    }
}

/// Loads a generator, with one thread of the runtime.
///
/// # Errors
/// [`AttackError::Runtime`].
pub fn load_generator(graph: &[u8], session: SessionConfig) -> Result<GeneratorModel, AttackError> {
    Ok(GeneratorModel::new(graph, SessionConfig { threads: 1, ..session })?)
}

/// Loads attack graphs, each with one thread of the runtime: threads are better spent on several pictures.
///
/// # Errors
/// [`AttackError::Runtime`], [`AttackError::Ensemble`].
pub fn load(members: &[Member<Vec<u8>>], session: SessionConfig) -> Result<Ensemble<AttackModel>, AttackError> {
    let session = SessionConfig { threads: 1, ..session };
    let load = |member: &Member<Vec<u8>>| -> Result<_, AttackError> {
        Ok(Member {
            model: AttackModel::new(&member.model, session)?,
            weight: member.weight,
        })
    };
    let members = members.iter().map(load).collect::<Result<_, _>>()?;
    Ok(Ensemble::new(members)?)
}
