//! The instruments of a run.

use crate::telemetry::{GpuTarget, Level, Settings, Telemetry, visible_gpu};
use crate::train::allocator_probe;
use std::path::PathBuf;

/// Begins to watch this process, the machine, and the device that is computed on. With a library in place of the driver's
/// the first device that it shows is watched, wherever it is computed.
pub fn instruments(device: tch::Device, level: Level, nvml_library: Option<PathBuf>) -> Telemetry {
    let index = if let tch::Device::Cuda(index) = device { Some(index) } else { None };
    let gpu = match (&nvml_library, index) {
        (Some(_), index) => Some(GpuTarget::Visible(index.unwrap_or(0))),
        (None, None) => None,
        // CUDA's own word is surer than what the environment's variables make of its numbers.
        (None, Some(index)) => match visible_gpu(index).ok().and_then(|gpu| gpu.uuid.value()) {
            Some(uuid) => Some(GpuTarget::Uuid(uuid)),
            None => Some(GpuTarget::Visible(index)),
        },
    };
    Telemetry::start(Settings {
        level,
        gpus: gpu.into_iter().collect(),
        nvml_library,
        allocator: index.map(|_| allocator_probe()),
    })
}
