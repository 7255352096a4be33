//! Values by their number and scope.

use super::script::{NOT_SUPPORTED, SUCCESS, Script, elapsed, enter, leave, number};
use super::system::Handle;
use nvml_wrapper_sys::bindings::{nvmlDevice_t, nvmlFieldValue_t, nvmlReturn_t, nvmlValue_t};
use std::ffi::c_int;

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetFieldValues(
    device: nvmlDevice_t,
    count: c_int,
    values: *mut nvmlFieldValue_t,
) -> nvmlReturn_t {
    leave(enter("nvmlDeviceGetFieldValues").and_then(|script| {
        let handle = Handle::of(device)?;
        for place in 0..count as usize {
            // SAFETY: the interface says that there are `count` values.
            let value = unsafe { &mut *values.add(place) };
            value.nvmlReturn = match handle {
                Handle::Slice(..) => NOT_SUPPORTED,
                Handle::Device(device) => fill(&script, device, value),
            };
            (value.timestamp, value.latencyUsec) = (elapsed().as_micros() as i64, 1);
        }
        Ok(())
    }))
}

/// What a field says where the script does not.
fn otherwise(number: u32, scope: u32) -> Option<f64> {
    match (number, scope) {
        (185, 0) => Some(627_300.0),
        (186, 0) => Some(625_200.0),
        (185, 2) => Some(97_700.0),
        (82, 0) => Some(60.0),
        _ => None,
    }
}

fn fill(script: &Script, device: usize, value: &mut nvmlFieldValue_t) -> nvmlReturn_t {
    let words = script.words(Some(device), &format!("field.{}/{}", value.fieldId, value.scopeId));
    let (found, tag) = match words.as_deref() {
        Some([error, code, ..]) if error == "error" => return code.parse().unwrap_or(NOT_SUPPORTED),
        Some(words) => {
            let behind = if words.first().is_some_and(|word| word == "ramp") { 3 } else { 1 };
            (number(words), words.get(behind).and_then(|tag| tag.parse().ok()).unwrap_or(3))
        }
        None => (otherwise(value.fieldId, value.scopeId), 1),
    };
    let Some(found) = found else { return NOT_SUPPORTED };
    value.valueType = tag;
    value.value = match tag {
        0 => nvmlValue_t { dVal: found },
        1 => nvmlValue_t { uiVal: found as u32 },
        5 => nvmlValue_t { siVal: found as i32 },
        6 => nvmlValue_t { usVal: found as u16 },
        _ => nvmlValue_t { ullVal: found as u64 },
    };
    SUCCESS
}
