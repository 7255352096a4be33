//! The library at work, and the device that was found in it.

use super::activities::Gpm;
use super::errors;
use super::events::Events;
use super::library;
use crate::telemetry::snapshot::{GpuIdentity, MigSlice};
use crate::telemetry::source::{CallError, Tell};
use crate::telemetry::visible::{GpuTarget, Listed, resolve, variables};
use nvml_wrapper::error::{NvmlError, nvml_sym, nvml_try};
use nvml_wrapper::{Device, Nvml, cuda_driver_version_major, cuda_driver_version_minor};
use std::path::Path;
use std::sync::Arc;

/// A device and what belongs to it. Fields are let go from top to bottom: what borrows from the library before it.
pub(super) struct Session {
    pub events: Option<Events>,
    pub gpm: Gpm<'static>,
    /// The device, or the slice of one.
    pub device: Device<'static>,
    /// Of a slice, the whole device.
    pub parent: Option<Device<'static>>,
    pub identity: GpuIdentity,
    nvml: Arc<Nvml>,
}

impl Session {
    /// Starts the library and finds the device.
    pub fn open(library: Option<&Path>, target: &GpuTarget) -> Result<Self, CallError> {
        let nvml = Arc::new(library::open(library)?);
        // SAFETY: the session holds the library for longer than anything that borrows from it, gives no such borrow away,
        // and never moves what an `Arc` points to.
        let borrowed: &'static Nvml = unsafe { &*Arc::as_ptr(&nvml) };
        let uuid = match target {
            GpuTarget::Uuid(uuid) => uuid.clone(),
            GpuTarget::Visible(index) => {
                let [visible, order] = variables();
                resolve(*index, visible.as_deref(), order.as_deref(), &list(borrowed)?)?
            }
        };
        let device = borrowed.device_by_uuid(uuid.as_str())?;
        // Without the call there are no slices.
        let parent = match device.mig_is_mig_device_handle() {
            Ok(true) => Some(device.mig_parent_device()?),
            _ => None,
        };
        let stub = library.is_some() || library::is_stub(library);
        let identity = identity(borrowed, &device, parent.as_ref(), stub)?;
        Ok(Self { events: None, gpm: Gpm::new(), device, parent, identity, nvml })
    }

    /// The device that has sensors and errors: a slice's whole device.
    pub fn board(&self) -> &Device<'static> {
        self.parent.as_ref().unwrap_or(&self.device)
    }

    /// Begins to wait for errors of the driver, and tells each. Asked again, it says whether they are awaited by now.
    pub fn await_events(&mut self, tell: Tell) -> Result<(), CallError> {
        let mut events = match self.events.take() {
            Some(events) => events,
            None => Events::start(Arc::clone(&self.nvml), self.board().uuid()?, tell)?,
        };
        let said = events.are_awaited();
        // One that failed ends by itself, and another may be begun.
        self.events = (!matches!(said, Some(Err(_)))).then_some(events);
        said.unwrap_or_else(|| Err(errors::late("registering for its errors (XID)")))
    }
}

/// The devices of the machine, those that do not answer too.
pub(super) fn list(nvml: &Nvml) -> Result<Vec<Result<Listed, CallError>>, CallError> {
    let count = nvml.device_count()?;
    let listed = (0..count).map(|index| {
        let device = nvml.device_by_index(index)?;
        let slices = (0..device.mig_device_count().unwrap_or(0))
            .filter_map(|slice| device.mig_device_by_index(slice).ok()?.uuid().ok())
            .collect();
        Ok(Listed { uuid: device.uuid()?, name: device.name().unwrap_or_default(), slices })
    });
    Ok(listed.collect())
}

fn identity(nvml: &Nvml, device: &Device, parent: Option<&Device>, stub: bool) -> Result<GpuIdentity, CallError> {
    let board = parent.unwrap_or(device);
    let name = device.name().unwrap_or_default();
    let cuda = nvml.sys_cuda_driver_version().ok();
    let mig = parent.map(|parent| -> Result<MigSlice, NvmlError> {
        Ok(MigSlice {
            parent: parent.uuid()?,
            profile: name.split_once(" MIG ").map_or_else(String::new, |(_, profile)| profile.into()),
            gpu_instance: instance(device, true)?,
            compute_instance: instance(device, false)?,
        })
    });
    Ok(GpuIdentity {
        uuid: device.uuid()?,
        index: board.index().unwrap_or_default(),
        name: if stub { format!("stub {name}") } else { name.clone() },
        driver: nvml.sys_driver_version().unwrap_or_default(),
        cuda: cuda
            .map_or_else(String::new, |v| format!("{}.{}", cuda_driver_version_major(v), cuda_driver_version_minor(v))),
        pci_bus_id: board.pci_info().map(|pci| pci.bus_id).unwrap_or_default(),
        mig: mig.transpose()?,
        stub,
    })
}

/// The number of a slice's GPU instance, or compute instance; the wrapper lacks the latter.
fn instance(device: &Device, gpu: bool) -> Result<u32, NvmlError> {
    let lib = device.nvml().lib();
    let mut number = 0;
    // SAFETY: the handle belongs to the library of `device`; both calls only write a number.
    let status = unsafe {
        if gpu {
            nvml_sym(lib.nvmlDeviceGetGpuInstanceId.as_ref())?(device.handle(), &raw mut number)
        } else {
            nvml_sym(lib.nvmlDeviceGetComputeInstanceId.as_ref())?(device.handle(), &raw mut number)
        }
    };
    nvml_try(status).map(|()| number)
}

/// What the driver advises for a device that needs a reset; without the device to ask, what is usual.
pub(super) fn advice(device: Option<&Device>) -> &'static str {
    use super::fields::{Field, one};
    match device.map(|device| one(device, Field::RECOVERY_ACTION).map(|action| action as u32)) {
        Some(Ok(1)) => "reset the device (nvidia-smi --gpu-reset)",
        Some(Ok(2)) => "reboot the machine",
        Some(Ok(3)) => "stop the programs that use peer-to-peer transfers on it",
        Some(Ok(4)) => "stop its programs, then reset the device (nvidia-smi --gpu-reset)",
        _ => "reset the device (nvidia-smi --gpu-reset) or reboot",
    }
}
