//! `--device` and `--threads`: where the models of a command run.

use super::CommandError;
use crate::runtime::{DeviceChoice, SessionConfig, default_threads};

/// The options, of commands that run models.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Session {
    /// Where to run
    #[arg(long, value_enum, default_value_t = DeviceChoice::Auto)]
    device: DeviceChoice,
    /// Threads of the runtime [default: one for each core]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl Session {
    /// What was chosen, or what this machine has.
    ///
    /// # Errors
    /// [`CommandError::Runtime`] when CUDA is asked for by name and something is missing.
    pub fn config(&self) -> Result<SessionConfig, CommandError> {
        Ok(SessionConfig {
            device: self.device.settle()?,
            threads: self.threads.map_or_else(default_threads, usize::from),
        })
    }
}
