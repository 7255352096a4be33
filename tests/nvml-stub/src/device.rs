//! Readings of a device.

use super::script::{INSUFFICIENT_SIZE, INVALID_ARGUMENT, NOT_FOUND, NOT_SUPPORTED, Script, elapsed, enter, leave};
use super::system::{Handle, put};
use nvml_wrapper_sys::bindings::{
    nvmlDevice_t, nvmlMemory_v2_t, nvmlPciInfo_t, nvmlProcessInfo_t, nvmlReturn_t, nvmlSample_t, nvmlUtilization_t,
    nvmlValue_t,
};
use std::ffi::{c_char, c_uint, c_ulonglong};

const MIB: f64 = 1048576.0;

/// Begins a call for a device; slices have none of the board's sensors.
fn begin(function: &str, device: nvmlDevice_t, on_slices: bool) -> Result<(Script, Handle), nvmlReturn_t> {
    let script = enter(function)?;
    match Handle::of(device)? {
        Handle::Slice(..) if !on_slices => Err(NOT_SUPPORTED),
        handle => Ok((script, handle)),
    }
}

macro_rules! numbers {
    ($($function:ident($out:ty) = $key:literal, $otherwise:expr, slices: $on_slices:literal;)+) => {
        $(#[unsafe(no_mangle)]
        unsafe extern "C" fn $function(device: nvmlDevice_t, value: *mut $out) -> nvmlReturn_t {
            leave(begin(stringify!($function), device, $on_slices).map(|(script, handle)| {
                // SAFETY: the interface says that there is room for a number.
                unsafe { *value = script.number(handle.device(), $key, $otherwise) as $out };
            }))
        })+
    };
}

numbers! {
    nvmlDeviceGetPowerUsage(c_uint) = "power", 627_300.0, slices: false;
    nvmlDeviceGetEnforcedPowerLimit(c_uint) = "power_limit", 700_000.0, slices: false;
    nvmlDeviceGetTotalEnergyConsumption(c_ulonglong) = "energy", 627_300.0 * elapsed().as_secs_f64(), slices: false;
    nvmlDeviceGetCurrentClocksThrottleReasons(c_ulonglong) = "throttle", 4.0, slices: false;
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetIndex(device: nvmlDevice_t, index: *mut c_uint) -> nvmlReturn_t {
    leave(begin("nvmlDeviceGetIndex", device, false).map(|(_, handle)| {
        // SAFETY: the interface says so.
        unsafe { *index = handle.device().unwrap_or(0) as c_uint };
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetUUID(device: nvmlDevice_t, uuid: *mut c_char, length: c_uint) -> nvmlReturn_t {
    leave(begin("nvmlDeviceGetUUID", device, true).map(|(script, handle)| {
        // SAFETY: the interface says so.
        unsafe { put(&handle.uuid(&script), uuid, length) };
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetName(device: nvmlDevice_t, name: *mut c_char, length: c_uint) -> nvmlReturn_t {
    leave(begin("nvmlDeviceGetName", device, true).map(|(script, handle)| {
        let mut text = script.words(handle.device(), "name").unwrap_or_else(|| vec!["NVIDIA H200".into()]).join(" ");
        if matches!(handle, Handle::Slice(..)) {
            text.push_str(" MIG 1g.18gb");
        }
        // SAFETY: the interface says so.
        unsafe { put(&text, name, length) };
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetPciInfo_v3(device: nvmlDevice_t, info: *mut nvmlPciInfo_t) -> nvmlReturn_t {
    leave(begin("nvmlDeviceGetPciInfo_v3", device, false).map(|(_, handle)| {
        let text = format!("00000000:{:02X}:00.0", 0x19 + handle.device().unwrap_or(0));
        // SAFETY: the interface says that there is room for the structure.
        unsafe {
            put(&text, (&raw mut (*info).busId).cast(), 32);
            put(&text[4..], (&raw mut (*info).busIdLegacy).cast(), 16);
        }
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetMemoryInfo_v2(device: nvmlDevice_t, memory: *mut nvmlMemory_v2_t) -> nvmlReturn_t {
    leave(begin("nvmlDeviceGetMemoryInfo_v2", device, true).and_then(|(script, handle)| {
        // SAFETY: the interface says that there is a structure, with its version set.
        let memory = unsafe { &mut *memory };
        if memory.version as usize != size_of::<nvmlMemory_v2_t>() | (2 << 24) {
            return Err(25);
        }
        let number = |key: &str, otherwise| script.number(handle.device(), key, otherwise);
        let total = number("memory.total", 150_754_820_096.0);
        let reserved = number("memory.reserved", 643_825_664.0);
        let used = number("memory.used", 32_362.0 * MIB);
        let free = number("memory.free", total - reserved - used);
        [memory.total, memory.reserved, memory.used, memory.free] =
            [total, reserved, used, free].map(|bytes| bytes as c_ulonglong);
        Ok(())
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetUtilizationRates(
    device: nvmlDevice_t,
    rates: *mut nvmlUtilization_t,
) -> nvmlReturn_t {
    leave(begin("nvmlDeviceGetUtilizationRates", device, false).map(|(script, handle)| {
        let rate = |key: &str, otherwise| script.number(handle.device(), key, otherwise) as c_uint;
        // SAFETY: the interface says so.
        unsafe {
            *rates = nvmlUtilization_t { gpu: rate("utilisation", 100.0), memory: rate("memory_utilisation", 7.0) };
        }
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetTemperature(
    device: nvmlDevice_t,
    _sensor: c_uint,
    degrees: *mut c_uint,
) -> nvmlReturn_t {
    leave(begin("nvmlDeviceGetTemperature", device, false).map(|(script, handle)| {
        // SAFETY: the interface says so.
        unsafe { *degrees = script.number(handle.device(), "temperature", 52.0) as c_uint };
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetClockInfo(device: nvmlDevice_t, clock: c_uint, mhz: *mut c_uint) -> nvmlReturn_t {
    leave(begin("nvmlDeviceGetClockInfo", device, false).map(|(script, handle)| {
        let otherwise = if clock == 2 { 3201.0 } else { 1980.0 };
        // SAFETY: the interface says so.
        unsafe { *mhz = script.number(handle.device(), &format!("clock.{clock}"), otherwise) as c_uint };
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetTotalEccErrors(
    device: nvmlDevice_t,
    kind: c_uint,
    _counter: c_uint,
    errors: *mut c_ulonglong,
) -> nvmlReturn_t {
    leave(begin("nvmlDeviceGetTotalEccErrors", device, false).map(|(script, handle)| {
        // SAFETY: the interface says so.
        unsafe { *errors = script.number(handle.device(), &format!("ecc.{kind}"), 0.0) as c_ulonglong };
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetComputeRunningProcesses_v3(
    device: nvmlDevice_t,
    count: *mut c_uint,
    processes: *mut nvmlProcessInfo_t,
) -> nvmlReturn_t {
    leave(begin("nvmlDeviceGetComputeRunningProcesses_v3", device, true).and_then(|(script, handle)| {
        let list: Vec<(u32, u64)> = script
            .all(handle.device(), "process")
            .filter_map(|words| {
                let pid = if words[0] == "self" { std::process::id() } else { words[0].parse().ok()? };
                Some((pid, words.get(1)?.parse().unwrap_or(u64::MAX)))
            })
            .collect();
        // SAFETY: the interface says that `count` tells the room in `processes`, which may be null.
        unsafe {
            let room = *count as usize;
            *count = list.len() as c_uint;
            if list.is_empty() {
                return Ok(());
            }
            if processes.is_null() || room < list.len() {
                return Err(INSUFFICIENT_SIZE);
            }
            for (place, (pid, used)) in list.into_iter().enumerate() {
                let none = u32::MAX;
                *processes.add(place) =
                    nvmlProcessInfo_t { pid, usedGpuMemory: used, gpuInstanceId: none, computeInstanceId: none };
            }
        }
        Ok(())
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetSamples(
    device: nvmlDevice_t,
    kind: c_uint,
    seen: c_ulonglong,
    value_type: *mut c_uint,
    count: *mut c_uint,
    samples: *mut nvmlSample_t,
) -> nvmlReturn_t {
    // What the real one keeps, and when it began.
    const KEPT: u64 = 120;
    const EPOCH: u64 = 1_790_000_000_000_000;
    leave(begin("nvmlDeviceGetSamples", device, false).and_then(|(script, handle)| {
        let words = script.words(handle.device(), &format!("samples.{kind}")).unwrap_or_default();
        let [percent, period] = words.as_slice() else { return Err(NOT_FOUND) };
        let (Ok(percent), Ok(period)) = (percent.parse::<u32>(), period.parse::<u64>()) else {
            return Err(INVALID_ARGUMENT);
        };
        let last = elapsed().as_millis() as u64 / period;
        let times = (last.saturating_sub(KEPT)..last).map(|turn| EPOCH + (turn + 1) * period * 1000);
        let fresh: Vec<u64> = times.filter(|time| *time > seen).collect();
        if fresh.is_empty() {
            return Err(NOT_FOUND);
        }
        // SAFETY: the interface says that `count` tells the room in `samples`, which may be null.
        unsafe {
            *value_type = 1;
            if samples.is_null() {
                *count = fresh.len() as c_uint;
                return Ok(());
            }
            let room = (*count as usize).min(fresh.len());
            *count = room as c_uint;
            for (place, time) in fresh.into_iter().take(room).enumerate() {
                let mut value = nvmlValue_t { ullVal: 0 };
                value.uiVal = percent;
                *samples.add(place) = nvmlSample_t { timeStamp: time, sampleValue: value };
            }
        }
        Ok(())
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceIsMigDeviceHandle(device: nvmlDevice_t, is_slice: *mut c_uint) -> nvmlReturn_t {
    leave(begin("nvmlDeviceIsMigDeviceHandle", device, true).map(|(_, handle)| {
        // SAFETY: the interface says so.
        unsafe { *is_slice = c_uint::from(matches!(handle, Handle::Slice(..))) };
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetDeviceHandleFromMigDeviceHandle(
    slice: nvmlDevice_t,
    device: *mut nvmlDevice_t,
) -> nvmlReturn_t {
    leave(begin("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", slice, true).and_then(|(_, handle)| {
        let Handle::Slice(parent, _) = handle else { return Err(INVALID_ARGUMENT) };
        // SAFETY: the interface says so.
        unsafe { *device = Handle::Device(parent).raw() };
        Ok(())
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetMaxMigDeviceCount(device: nvmlDevice_t, count: *mut c_uint) -> nvmlReturn_t {
    leave(begin("nvmlDeviceGetMaxMigDeviceCount", device, false).map(|(script, handle)| {
        // SAFETY: the interface says so.
        unsafe { *count = script.all(handle.device(), "slice").count() as c_uint };
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetMigDeviceHandleByIndex(
    device: nvmlDevice_t,
    index: c_uint,
    slice: *mut nvmlDevice_t,
) -> nvmlReturn_t {
    leave(begin("nvmlDeviceGetMigDeviceHandleByIndex", device, false).and_then(|(script, handle)| {
        let Handle::Device(parent) = handle else { return Err(INVALID_ARGUMENT) };
        if index as usize >= script.all(Some(parent), "slice").count() {
            return Err(NOT_FOUND);
        }
        // SAFETY: the interface says so.
        unsafe { *slice = Handle::Slice(parent, index as usize).raw() };
        Ok(())
    }))
}

/// A number of a slice: a word behind its identifier.
unsafe fn instance(function: &str, device: nvmlDevice_t, word: usize, id: *mut c_uint) -> nvmlReturn_t {
    leave(begin(function, device, true).and_then(|(script, handle)| {
        let Handle::Slice(parent, slice) = handle else { return Err(NOT_SUPPORTED) };
        let words = script.all(Some(parent), "slice").nth(slice);
        let number = words.and_then(|words| words.get(word)?.parse().ok()).ok_or(NOT_FOUND)?;
        // SAFETY: the interface says so.
        unsafe { *id = number };
        Ok(())
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetGpuInstanceId(device: nvmlDevice_t, id: *mut c_uint) -> nvmlReturn_t {
    // SAFETY: the same interface.
    unsafe { instance("nvmlDeviceGetGpuInstanceId", device, 1, id) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetComputeInstanceId(device: nvmlDevice_t, id: *mut c_uint) -> nvmlReturn_t {
    // SAFETY: the same interface.
    unsafe { instance("nvmlDeviceGetComputeInstanceId", device, 2, id) }
}
