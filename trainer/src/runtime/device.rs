//! Which device a session runs on. A device asked for by name is used or refused, never replaced.

use std::fmt;

use ort::session::builder::SessionBuilder;

use super::RuntimeError;

/// What the user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum DeviceChoice {
    /// CUDA where this build, the library and the machine have it, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The first CUDA device.
    Cuda,
}

/// What is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// The CPU.
    Cpu,
    /// The first CUDA device.
    Cuda,
}

/// How kernels are started on a device that has some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernels {
    /// One after the other, by the CPU.
    Launched,
    /// All at once, as the graph that the first run recorded; every run must use the same buffers.
    Captured,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        })
    }
}

impl DeviceChoice {
    /// Settles on a device.
    ///
    /// # Errors
    /// [`RuntimeError::NoCuda`] when CUDA is asked for by name and something is missing.
    pub fn settle(self) -> Result<Device, RuntimeError> {
        match (self, cuda_missing()) {
            (Self::Cpu, _) | (Self::Auto, Some(_)) => Ok(Device::Cpu),
            (Self::Auto | Self::Cuda, None) => Ok(Device::Cuda),
            (Self::Cuda, Some(reason)) => Err(RuntimeError::NoCuda { reason }),
        }
    }
}

/// What CUDA lacks here, `None` if it can be used.
#[cfg(feature = "cuda")]
#[must_use]
pub fn cuda_missing() -> Option<String> {
    use ort::ep::ExecutionProvider as _;
    let runtime = match super::Runtime::load() {
        Ok(runtime) => runtime,
        Err(error) => return Some(error.to_string()),
    };
    if !matches!(ort::ep::CUDA::is_available(), Ok(true)) {
        return Some(format!(
            "the library {} is no CUDA build; `pip install onnxruntime-gpu` and let ORT_DYLIB_PATH name its \
             onnxruntime/capi/libonnxruntime.so.*",
            runtime.library().path.display()
        ));
    }
    // The provider loads CUDA and looks for a device when it is registered.
    let builder = ort::session::Session::builder(&runtime.environment).map_err(|error| error.to_string());
    builder
        .and_then(|builder| register(builder, Device::Cuda, Kernels::Launched).map_err(|error| error.to_string()))
        .err()
}

/// What CUDA lacks here, `None` if it can be used.
#[cfg(not(feature = "cuda"))]
#[must_use]
pub fn cuda_missing() -> Option<String> {
    Some("this build has no CUDA; build with `--features cuda`".to_owned())
}

/// Makes the session run on `device`.
///
/// # Errors
/// [`RuntimeError::NoCuda`] when the provider cannot be had.
#[cfg(feature = "cuda")]
pub(super) fn register(
    builder: SessionBuilder,
    device: Device,
    kernels: Kernels,
) -> Result<SessionBuilder, RuntimeError> {
    if device == Device::Cpu {
        return Ok(builder);
    }
    let provider = ort::ep::CUDA::default()
        .with_tf32(true)
        .with_cuda_graph(kernels == Kernels::Captured)
        .build()
        .error_on_failure();
    builder
        .with_execution_providers([provider])
        .map_err(|error| RuntimeError::NoCuda {
            reason: super::one_line(&error.to_string()),
        })
}

/// Makes the session run on `device`.
///
/// # Errors
/// [`RuntimeError::NoCuda`] when the provider cannot be had.
#[cfg(not(feature = "cuda"))]
pub(super) fn register(builder: SessionBuilder, device: Device, _: Kernels) -> Result<SessionBuilder, RuntimeError> {
    match (device, cuda_missing()) {
        (Device::Cuda, Some(reason)) => Err(RuntimeError::NoCuda { reason }),
        _ => Ok(builder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_to_be_had() {
        assert_eq!(DeviceChoice::Cpu.settle().unwrap(), Device::Cpu);
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn cuda_by_name_is_not_replaced() {
        assert_eq!(DeviceChoice::Auto.settle().unwrap(), Device::Cpu);
        let error = DeviceChoice::Cuda.settle().unwrap_err();
        assert_eq!(
            error.to_string(),
            "no CUDA: this build has no CUDA; build with `--features cuda`"
        );
    }
}
