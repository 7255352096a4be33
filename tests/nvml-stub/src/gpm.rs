//! Shares of a device in use. A sample holds nothing: the script says what its metrics are.

use super::script::{INVALID_ARGUMENT, NOT_SUPPORTED, enter, leave};
use super::system::Handle;
use nvml_wrapper_sys::bindings::{nvmlDevice_t, nvmlGpmMetricsGet_t, nvmlGpmSample_t, nvmlGpmSupport_t, nvmlReturn_t};
use std::ffi::c_uint;

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlGpmQueryDeviceSupport(device: nvmlDevice_t, support: *mut nvmlGpmSupport_t) -> nvmlReturn_t {
    leave(enter("nvmlGpmQueryDeviceSupport").and_then(|script| {
        let device = Handle::of(device)?.device();
        // SAFETY: the interface says so.
        unsafe { (*support).isSupportedDevice = c_uint::from(script.all(device, "gpm").next().is_some()) };
        Ok(())
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlGpmSampleAlloc(sample: *mut nvmlGpmSample_t) -> nvmlReturn_t {
    leave(enter("nvmlGpmSampleAlloc").map(|_| {
        // A block of its own, so that freeing one twice, or never, is seen by tools that look for that.
        // SAFETY: the interface says so.
        unsafe { *sample = Box::into_raw(Box::new(0u64)).cast() };
    }))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlGpmSampleFree(sample: nvmlGpmSample_t) -> nvmlReturn_t {
    // SAFETY: it was made above.
    drop(unsafe { Box::from_raw(sample.cast::<u64>()) });
    leave(enter("nvmlGpmSampleFree").map(drop))
}

#[unsafe(no_mangle)]
extern "C" fn nvmlGpmSampleGet(_device: nvmlDevice_t, _sample: nvmlGpmSample_t) -> nvmlReturn_t {
    leave(enter("nvmlGpmSampleGet").map(drop))
}

#[unsafe(no_mangle)]
extern "C" fn nvmlGpmMigSampleGet(_device: nvmlDevice_t, _instance: c_uint, _sample: nvmlGpmSample_t) -> nvmlReturn_t {
    leave(enter("nvmlGpmMigSampleGet").map(drop))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlGpmMetricsGet(request: *mut nvmlGpmMetricsGet_t) -> nvmlReturn_t {
    leave(enter("nvmlGpmMetricsGet").and_then(|script| {
        // SAFETY: the interface says so.
        let request = unsafe { &mut *request };
        if request.version != 1 || request.sample1 == request.sample2 {
            return Err(INVALID_ARGUMENT);
        }
        for metric in request.metrics.iter_mut().take(request.numMetrics as usize) {
            let number = metric.metricId.to_string();
            let words = script.all(None, "gpm").find(|words| words.first() == Some(&number));
            match words.and_then(|words| words.get(1)?.parse().ok()) {
                Some(value) => (metric.value, metric.nvmlReturn) = (value, 0),
                None => metric.nvmlReturn = NOT_SUPPORTED,
            }
        }
        Ok(())
    }))
}
