//! The driver and the devices it knows.

use super::library::open;
use super::session::list;
use crate::telemetry::visible::{GpuTarget, resolve_all, variables};
use crate::telemetry::{Reading, visible_gpu};
use crate::units::Bytes;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Nvml, cuda_driver_version_major, cuda_driver_version_minor};
use std::sync::mpsc::channel;
use std::time::Duration;

/// The driver and its devices.
#[derive(Debug, Clone, PartialEq)]
pub struct Gpus {
    /// Driver version.
    pub driver: Reading<String>,
    /// CUDA version that the driver supports, `13.0`.
    pub cuda: Reading<String>,
    /// In the driver's order, which is that of the PCI bus.
    pub devices: Vec<Reading<Gpu>>,
}

/// One device.
#[derive(Debug, Clone, PartialEq)]
pub struct Gpu {
    /// Model.
    pub name: Reading<String>,
    /// Unique identifier, `GPU-…`.
    pub uuid: Reading<String>,
    /// Device memory.
    pub memory: Reading<Bytes>,
    /// Of it, in use by all processes.
    pub used: Reading<Bytes>,
}

/// So long the driver is waited for where it is asked on the way; without a daemon that keeps it loaded it needs a second
/// or two.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the driver for its devices.
///
/// # Errors
/// Why there is none to ask: the library is missing, does not start, or does not answer within five seconds.
pub fn gpus() -> Result<Gpus, String> {
    patiently(ask).unwrap_or_else(|| Err(format!("NVML has not answered for {} s", PATIENCE.as_secs())))
}

/// Every device that a program started here may use: those of `CUDA_VISIBLE_DEVICES`, without it all. Where its numbers are
/// ambiguous CUDA is asked, and without CUDA all are taken. A driver that fails, or does not answer within five seconds, may
/// have one all the same: then the first, of which its telemetry will say what is amiss.
pub fn visible_gpus() -> Vec<GpuTarget> {
    let resolved = patiently(|| {
        let nvml = match open(None) {
            Err(NvmlError::LibloadingError(_)) => return Ok(Vec::new()),
            other => other?,
        };
        let [visible, order] = variables();
        let ask = |index| visible_gpu(index).ok()?.uuid.value();
        list(&nvml).map(|devices| resolve_all(visible.as_deref(), order.as_deref(), &devices, ask))
    });
    match resolved {
        Some(Ok(targets)) => targets,
        _ => vec![GpuTarget::Visible(0)],
    }
}

/// What `ask` brings, on a thread of its own that is left behind where the driver hangs.
fn patiently<T: Send + 'static>(ask: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (tell, told) = channel();
    let ask = move || {
        // Who waited may have lost patience.
        let _ = tell.send(ask());
    };
    std::thread::Builder::new().name("nvml".into()).spawn(ask).ok()?;
    told.recv_timeout(PATIENCE).ok()
}

fn ask() -> Result<Gpus, String> {
    let nvml = open(None).map_err(|e| match e {
        NvmlError::LibloadingError(_) => "libnvidia-ml.so.1 is not here: no NVIDIA driver".into(),
        e => format!("NVML does not start: {e}"),
    })?;
    let count = nvml.device_count().map_err(|e| format!("NVML does not count its devices: {e}"))?;
    let version = |v| format!("{}.{}", cuda_driver_version_major(v), cuda_driver_version_minor(v));
    Ok(Gpus {
        driver: reading(nvml.sys_driver_version()),
        cuda: reading(nvml.sys_cuda_driver_version().map(version)),
        devices: (0..count).map(|index| gpu(&nvml, index)).collect(),
    })
}

fn gpu(nvml: &Nvml, index: u32) -> Reading<Gpu> {
    reading(nvml.device_by_index(index).map(|device| {
        let memory = device.memory_info();
        let used = memory.as_ref().map_or_else(missing, |m| Reading::Value(Bytes(m.used)));
        Gpu {
            name: reading(device.name()),
            uuid: reading(device.uuid()),
            memory: memory.as_ref().map_or_else(missing, |m| Reading::Value(Bytes(m.total))),
            used,
        }
    }))
}

fn reading<T>(result: Result<T, NvmlError>) -> Reading<T> {
    result.map_or_else(|e| missing(&e), Reading::Value)
}

fn missing<T>(error: &NvmlError) -> Reading<T> {
    match error {
        NvmlError::NotSupported => Reading::Unsupported,
        e => Reading::Failed { why: e.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_lacks_is_not_what_failed() {
        assert_eq!(reading::<u8>(Err(NvmlError::NotSupported)), Reading::Unsupported);
        assert!(matches!(reading::<u8>(Err(NvmlError::GpuLost)), Reading::Failed { why } if !why.is_empty()));
        assert_eq!(reading(Ok(0)), Reading::Value(0));
    }

    #[test]
    fn a_machine_has_devices_or_a_reason() {
        match gpus() {
            Ok(gpus) => assert!(gpus.driver.value().is_some()),
            Err(why) => assert!(why.contains("NVML") || why.contains("libnvidia-ml"), "{why}"),
        }
    }
}
