//! Errors of the driver (XID).

use super::script::{TIMEOUT, enter, leave};
use nvml_wrapper_sys::bindings::{nvmlDevice_t, nvmlEventData_t, nvmlEventSet_t, nvmlReturn_t};
use std::ffi::{c_uint, c_ulonglong};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How many lines of the script were told.
static TOLD: AtomicUsize = AtomicUsize::new(0);

/// `nvmlEventTypeXidCriticalError`.
const XID: c_ulonglong = 8;

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlEventSetCreate(set: *mut nvmlEventSet_t) -> nvmlReturn_t {
    leave(enter("nvmlEventSetCreate").map(|_| {
        // SAFETY: the interface says so.
        unsafe { *set = 1 as nvmlEventSet_t };
    }))
}

#[unsafe(no_mangle)]
extern "C" fn nvmlEventSetFree(_set: nvmlEventSet_t) -> nvmlReturn_t {
    leave(enter("nvmlEventSetFree").map(drop))
}

#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceRegisterEvents(
    _device: nvmlDevice_t,
    _types: c_ulonglong,
    _set: nvmlEventSet_t,
) -> nvmlReturn_t {
    leave(enter("nvmlDeviceRegisterEvents").map(drop))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlEventSetWait_v2(
    _set: nvmlEventSet_t,
    data: *mut nvmlEventData_t,
    timeout: c_uint,
) -> nvmlReturn_t {
    let begun = Instant::now();
    loop {
        let script = match enter("nvmlEventSetWait_v2") {
            Ok(script) => script,
            Err(code) => return code,
        };
        let told = TOLD.load(Ordering::Relaxed);
        if let Some(number) = script.all(None, "xid").nth(told).and_then(|words| words.first()?.parse().ok()) {
            TOLD.fetch_add(1, Ordering::Relaxed);
            // SAFETY: the interface says so; the structure is plain numbers.
            unsafe {
                *data = std::mem::zeroed();
                (*data).device = 1 as nvmlDevice_t;
                ((*data).eventType, (*data).eventData) = (XID, number);
            }
            return 0;
        }
        if begun.elapsed() >= Duration::from_millis(timeout.into()) {
            return TIMEOUT;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
