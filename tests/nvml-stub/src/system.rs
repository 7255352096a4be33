//! The library itself, and finding devices.

use super::script::{INVALID_ARGUMENT, NOT_FOUND, Script, enter, leave};
use nvml_wrapper_sys::bindings::{nvmlDevice_t, nvmlReturn_t};
use std::ffi::{CStr, c_char, c_int, c_uint};

/// Handles of slices begin here; those of devices at 1.
const SLICES: usize = 1000;

/// What a handle stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Handle {
    Device(usize),
    /// A slice of a device.
    Slice(usize, usize),
}

impl Handle {
    pub fn of(raw: nvmlDevice_t) -> Result<Self, nvmlReturn_t> {
        match raw as usize {
            0 => Err(INVALID_ARGUMENT),
            n if n < SLICES => Ok(Self::Device(n - 1)),
            n => Ok(Self::Slice(n / SLICES - 1, n % SLICES)),
        }
    }

    pub fn raw(self) -> nvmlDevice_t {
        let number = match self {
            Self::Device(device) => device + 1,
            Self::Slice(device, slice) => (device + 1) * SLICES + slice,
        };
        number as nvmlDevice_t
    }

    /// The number of the device.
    pub fn device(self) -> Option<usize> {
        match self {
            Self::Device(device) | Self::Slice(device, _) => Some(device),
        }
    }

    pub fn uuid(self, script: &Script) -> String {
        match self {
            Self::Device(device) => script
                .words(Some(device), "uuid")
                .and_then(|words| words.first().cloned())
                .unwrap_or_else(|| format!("GPU-{device:08}-stub")),
            Self::Slice(device, slice) => script
                .all(Some(device), "slice")
                .nth(slice)
                .and_then(|words| words.first().cloned())
                .unwrap_or_default(),
        }
    }
}

/// The number of devices.
pub fn count(script: &Script) -> usize {
    script.number(None, "count", 1.0) as usize
}

/// Writes a text where the caller wants it.
///
/// # Safety
/// `to` has room for `length` characters.
pub unsafe fn put(text: &str, to: *mut c_char, length: c_uint) {
    let room = (length as usize).saturating_sub(1);
    for (place, byte) in text.bytes().take(room).chain([0]).enumerate() {
        // SAFETY: at most `length` characters are written.
        unsafe { to.add(place).write(byte as c_char) };
    }
}

#[unsafe(no_mangle)]
extern "C" fn nvmlInit_v2() -> nvmlReturn_t {
    leave(enter("nvmlInit_v2").map(drop))
}

#[unsafe(no_mangle)]
extern "C" fn nvmlShutdown() -> nvmlReturn_t {
    leave(enter("nvmlShutdown").map(drop))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlSystemGetDriverVersion(version: *mut c_char, length: c_uint) -> nvmlReturn_t {
    leave(enter("nvmlSystemGetDriverVersion").map(|script| {
        let driver = script.words(None, "driver").unwrap_or_else(|| vec!["590.48.01".into()]);
        // SAFETY: the interface says so.
        unsafe { put(&driver.join(" "), version, length) };
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlSystemGetCudaDriverVersion_v2(version: *mut c_int) -> nvmlReturn_t {
    leave(enter("nvmlSystemGetCudaDriverVersion_v2").map(|script| {
        // SAFETY: the interface says so.
        unsafe { *version = script.number(None, "cuda", 13010.0) as c_int };
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetCount_v2(number: *mut c_uint) -> nvmlReturn_t {
    leave(enter("nvmlDeviceGetCount_v2").map(|script| {
        // SAFETY: the interface says so.
        unsafe { *number = count(&script) as c_uint };
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetHandleByIndex_v2(index: c_uint, device: *mut nvmlDevice_t) -> nvmlReturn_t {
    leave(enter("nvmlDeviceGetHandleByIndex_v2").and_then(|script| {
        if index as usize >= count(&script) {
            return Err(INVALID_ARGUMENT);
        }
        // SAFETY: the interface says so.
        unsafe { *device = Handle::Device(index as usize).raw() };
        Ok(())
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetHandleByUUID(uuid: *const c_char, device: *mut nvmlDevice_t) -> nvmlReturn_t {
    leave(enter("nvmlDeviceGetHandleByUUID").and_then(|script| {
        // SAFETY: the interface says so.
        let uuid = unsafe { CStr::from_ptr(uuid) }.to_string_lossy();
        let whole = (0..count(&script)).map(Handle::Device);
        let slices = (0..count(&script))
            .flat_map(|d| (0..script.all(Some(d), "slice").count()).map(move |slice| Handle::Slice(d, slice)));
        let found = whole.chain(slices).find(|handle| handle.uuid(&script) == uuid).ok_or(NOT_FOUND)?;
        // SAFETY: the interface says so.
        unsafe { *device = found.raw() };
        Ok(())
    }))
}
