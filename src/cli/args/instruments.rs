//! What is watched.

use crate::telemetry::Level;
use clap::Args;
use std::path::PathBuf;

/// What is watched.
#[derive(Debug, Args)]
pub struct InstrumentArgs {
    /// How much to watch of the machine and the device: off, minimal or full
    #[arg(long, value_name = "LEVEL", default_value_t)]
    pub telemetry: Level,
    /// For tests: a library to ask in place of the NVIDIA driver's; its figures are marked as no measurement
    /// [default: NDBENCH_NVML_LIB]
    #[arg(long, value_name = "PATH")]
    pub nvml_lib: Option<PathBuf>,
}

impl InstrumentArgs {
    /// The library to ask in place of the driver's.
    pub fn nvml_library(&self) -> Option<PathBuf> {
        let named = || std::env::var_os("NDBENCH_NVML_LIB").filter(|name| !name.is_empty());
        let path = self.nvml_lib.clone().or_else(|| named().map(PathBuf::from))?;
        // A bare name would be looked for where the loader looks, instead of here.
        Some(std::path::absolute(&path).unwrap_or(path))
    }
}
