//! ONNX Runtime: finding its library, choosing a device, building sessions. Nothing about particular models.

mod device;
mod library;

use std::sync::OnceLock;

use ort::{
    environment::Environment,
    logging::LogLevel,
    session::{Session, builder::GraphOptimizationLevel},
};

use device::Kernels;
pub use device::{Device, DeviceChoice, cuda_missing};
pub use library::{Library, LibraryError, Source};

/// Why nothing can be run.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RuntimeError {
    /// There is no library.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The library is there and cannot be used.
    #[error("ONNX Runtime at {path} cannot be used: {reason}")]
    Load {
        /// Path of the library.
        path: String,
        /// What it said.
        reason: String,
    },
    /// The device asked for is not to be had.
    #[error("no CUDA: {reason}")]
    NoCuda {
        /// What is missing.
        reason: String,
    },
    /// A model was refused.
    #[error("ONNX Runtime refuses the model: {reason}")]
    Model {
        /// What it said, on one line.
        reason: String,
    },
    /// A model failed while running.
    #[error("ONNX Runtime failed: {reason}")]
    Run {
        /// What it said, on one line.
        reason: String,
    },
}

impl<R> From<ort::Error<R>> for RuntimeError {
    fn from(error: ort::Error<R>) -> Self {
        Self::Run {
            reason: one_line(&error.to_string()),
        }
    }
}

/// How a session runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionConfig {
    /// Where.
    pub device: Device,
    /// Threads that one operator is spread over.
    pub threads: usize,
}

impl SessionConfig {
    /// With as many threads on the CPU: captchas are perturbed one at a time, where there is nothing to gain from a GPU.
    #[must_use]
    pub fn on_the_cpu(self) -> Self {
        Self {
            device: Device::Cpu,
            ..self
        }
    }
}

/// Whether a session replays its kernels as one CUDA graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Captured {
    /// It does.
    Yes,
    /// It runs elsewhere.
    NotOnCuda,
    /// ONNX Runtime finds the model not fit for that; its kernels are launched one by one.
    Refused {
        /// What it said, on one line.
        reason: String,
    },
}

/// The loaded library with its one environment.
#[derive(Debug)]
pub struct Runtime {
    environment: Environment,
    library: Library,
}

impl Runtime {
    /// Finds and loads the library, once in a process.
    ///
    /// # Errors
    /// [`RuntimeError::Library`] saying what to install, [`RuntimeError::Load`].
    pub fn load() -> Result<&'static Self, RuntimeError> {
        static LOADED: OnceLock<Result<Runtime, RuntimeError>> = OnceLock::new();
        LOADED.get_or_init(Self::load_anew).as_ref().map_err(Clone::clone)
    }

    fn load_anew() -> Result<Self, RuntimeError> {
        let library = Library::find()?;
        let refused = |reason: String| RuntimeError::Load {
            path: library.path.display().to_string(),
            reason: one_line(&reason),
        };
        let builder = ort::init_from(&library.path).map_err(|error| refused(error.to_string()))?;
        let environment = builder
            .with_name("parallax")
            .with_telemetry(false)
            .build()
            .map_err(|error| refused(error.to_string()))?;
        environment.set_log_level(LogLevel::Error);
        Ok(Self { environment, library })
    }

    /// The library in use.
    #[must_use]
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// The devices that the library sees, as `provider: vendor kind`.
    #[must_use]
    pub fn devices(&self) -> Vec<String> {
        self.environment
            .devices()
            .map(|device| {
                let hardware = device.hardware_device();
                let provider = device.ep().unwrap_or("?");
                format!("{provider}: {} {:?}", hardware.vendor().unwrap_or("?"), hardware.ty())
            })
            .collect()
    }

    /// A session for an ONNX model.
    ///
    /// # Errors
    /// [`RuntimeError::Model`] when the model is no model, [`RuntimeError::NoCuda`] when the device is not to be had:
    /// a session never falls back to another device.
    pub fn session(&self, model: &[u8], config: SessionConfig) -> Result<Session, RuntimeError> {
        self.session_that(model, config, Kernels::Launched)
    }

    /// A session for a model that is always run on the same buffers: the first run captures its CUDA kernels as one graph,
    /// which later ones replay. Meanwhile no other thread may use the device.
    ///
    /// # Errors
    /// Those of [`Self::session`]; [`RuntimeError::Model`] where ONNX Runtime finds the model not fit for that.
    pub fn captured_session(&self, model: &[u8], config: SessionConfig) -> Result<Session, RuntimeError> {
        self.session_that(model, config, Kernels::Captured)
    }

    fn session_that(&self, model: &[u8], config: SessionConfig, kernels: Kernels) -> Result<Session, RuntimeError> {
        let builder = Session::builder(&self.environment)?
            .with_log_level(LogLevel::Fatal)?
            .with_intra_threads(config.threads)?
            .with_optimization_level(GraphOptimizationLevel::Level2)?
            .with_deterministic_compute(true)?;
        let mut builder = device::register(builder, config.device, kernels)?;
        builder.commit_from_memory(model).map_err(|error| RuntimeError::Model {
            reason: one_line(&error.to_string()),
        })
    }
}

/// Threads to use when the user does not say.
#[must_use]
pub fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Threads that draw pictures beside a training on `device`. A core draws some thousands a second, many times what another
/// learns from; a GPU learns from as many, and leaves the cores to those who draw.
#[must_use]
pub fn drawing_threads(device: Device) -> usize {
    match device {
        Device::Cpu => 1,
        Device::Cuda => default_threads().saturating_sub(1).max(1),
    }
}

/// A message without line breaks, for errors that are printed on one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
