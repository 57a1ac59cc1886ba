//! Buffers that a step is bound to once and for all: their addresses never change, which a captured CUDA graph needs.

use ort::{
    memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType},
    session::Session,
    value::Tensor,
};

use super::TrainError;
use crate::runtime::{Device, RuntimeError};

/// Where buffers are made.
pub(super) struct Memory {
    /// What the CPU writes; pinned for CUDA, which copies that faster.
    host: Allocator,
    /// What kernels read, if that is not the same.
    device: Option<Allocator>,
}

impl Memory {
    /// That of a session on `device`.
    pub(super) fn new(session: &Session, device: Device) -> Result<Self, TrainError> {
        if device == Device::Cpu {
            return Ok(Self {
                host: Allocator::default(),
                device: None,
            });
        }
        let of = |place, kind| -> Result<Allocator, RuntimeError> {
            let info = MemoryInfo::new(place, 0, AllocatorType::Device, kind)?;
            Ok(Allocator::new(session, info)?)
        };
        Ok(Self {
            host: of(AllocationDevice::CUDA_PINNED, MemoryType::CPUInput)?,
            device: Some(of(AllocationDevice::CUDA, MemoryType::Default)?),
        })
    }

    /// A buffer of zeros.
    pub(super) fn zeros(&self, shape: &[usize]) -> Result<Buffer, TrainError> {
        let tensor = |allocator| Tensor::new(allocator, shape.to_vec()).map_err(RuntimeError::from);
        let mut buffer = Buffer {
            host: tensor(&self.host)?,
            device: self.device.as_ref().map(tensor).transpose()?,
        };
        buffer.write(&vec![0.0; shape.iter().product()])?;
        Ok(buffer)
    }

    /// A buffer of one axis that holds `values`.
    pub(super) fn upload(&self, values: &[f32]) -> Result<Buffer, TrainError> {
        let mut buffer = self.zeros(&[values.len()])?;
        buffer.write(values)?;
        Ok(buffer)
    }
}

/// A tensor on the device, with the host memory that it is filled through.
#[derive(Debug)]
pub(super) struct Buffer {
    host: Tensor<f32>,
    device: Option<Tensor<f32>>,
}

impl Buffer {
    /// Overwrites it.
    ///
    /// # Errors
    /// [`TrainError::Batch`] when there are more or fewer `values` than elements; those of the device.
    pub(super) fn write(&mut self, values: &[f32]) -> Result<(), TrainError> {
        let (_, elements) = self.host.extract_tensor_mut();
        if elements.len() != values.len() {
            return Err(TrainError::Batch {
                expected: elements.len(),
                found: values.len(),
            });
        }
        elements.copy_from_slice(values);
        match &mut self.device {
            None => Ok(()),
            Some(device) => Ok(self.host.copy_into(device).map_err(RuntimeError::from)?),
        }
    }

    /// What the last run left in it.
    pub(super) fn read(&self) -> Result<Vec<f32>, TrainError> {
        let Some(device) = &self.device else {
            return Ok(self.host.extract_tensor().1.to_vec());
        };
        let on_host = device.to(AllocationDevice::CPU, 0).map_err(RuntimeError::from)?;
        Ok(on_host.extract_tensor().1.to_vec())
    }

    /// What kernels read.
    pub(super) fn tensor(&self) -> &Tensor<f32> {
        self.device.as_ref().unwrap_or(&self.host)
    }

    /// What kernels write.
    pub(super) fn tensor_mut(&mut self) -> &mut Tensor<f32> {
        self.device.as_mut().unwrap_or(&mut self.host)
    }
}
