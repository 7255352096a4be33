//! Where a run computes, and the description of that for its records.

use crate::telemetry::{
    COMMIT, Cuda, CudaRuntime, Device, Environment, Gpus, Host, Reading, Software, gpus, open_cuda,
};
use crate::train::libtorch_version;
use std::path::Path;

/// The device numbered `index` of CUDA, or the CPU.
///
/// # Errors
/// Why CUDA cannot be used here, and what to do.
pub fn device(cuda: Option<usize>) -> Result<tch::Device, String> {
    let Some(index) = cuda else { return Ok(tch::Device::Cpu) };
    if let CudaRuntime::Unavailable { why, remedy } = open_cuda(Path::new(env!("NDBENCH_LIBTORCH_LIB"))) {
        return Err(format!("no CUDA device: {why}; {remedy}"));
    }
    let count = tch::Cuda::device_count();
    if index as i64 >= count {
        return Err(format!("no CUDA device {index}: {count} visible; run `ndbench doctor`"));
    }
    Ok(tch::Device::Cuda(index))
}

/// Threads that libtorch uses for one operation.
pub fn threads() -> u32 {
    tch::get_num_threads() as u32
}

/// Sets [`threads`].
pub fn set_threads(threads: u32) {
    tch::set_num_threads(threads as i32);
}

/// The environment of a run on `device`.
pub fn environment(device: tch::Device) -> Environment {
    Environment {
        host: Host::read(),
        software: Software {
            ndbench: env!("CARGO_PKG_VERSION").into(),
            commit: COMMIT.into(),
            libtorch: libtorch_version(),
        },
        device: match device {
            tch::Device::Cuda(index) => Device::Cuda(cuda(index, gpus().ok())),
            _ => Device::Cpu,
        },
        threads: threads(),
    }
}

fn cuda(index: usize, gpus: Option<Gpus>) -> Cuda {
    let cudnn = tch::Cuda::cudnn_is_available().then(|| "available".to_string());
    let (driver, cuda, mut devices) = match gpus {
        Some(g) => (g.driver.value(), g.cuda.value(), g.devices),
        None => (None, None, Vec::new()),
    };
    // NVML numbers all devices of the machine; with a restricted view the numbers need not agree, and then nothing is said.
    let restricted = std::env::var_os("CUDA_VISIBLE_DEVICES").is_some() && devices.len() > 1;
    let gpu = (index < devices.len() && !restricted).then(|| devices.swap_remove(index)).and_then(Reading::value);
    let (name, uuid, memory) = match gpu {
        Some(gpu) => (gpu.name.value(), gpu.uuid.value(), gpu.memory.value()),
        None => (None, None, None),
    };
    Cuda { index: index as u32, name, uuid, driver, cuda, cudnn, memory }
}
