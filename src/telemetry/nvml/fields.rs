//! Values that the library knows by number. The wrapper's own call cannot name a scope, and changes the numbers that come
//! back: this one matches by position.

use nvml_wrapper::error::{NvmlError, nvml_sym, nvml_try};
use nvml_wrapper::{Device, FieldIdScheme};
use nvml_wrapper_sys::bindings::{nvmlFieldValue_t, nvmlValue_t};

/// A value's number, as drivers before 580.82 count, and its scope.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field(pub u32, pub u32);

/// All links together.
const ALL_LINKS: u32 = u32::MAX;

impl Field {
    pub const POWER_AVERAGE: Self = Self(185, 0);
    pub const POWER: Self = Self(186, 0);
    /// Of the last second: drivers say no other of the memory.
    pub const MEMORY_POWER: Self = Self(185, 2);
    pub const MEMORY_TEMPERATURE: Self = Self(82, 0);
    /// Nanoseconds: power limit, sync boost, thermal by the driver and by the hardware, power brake.
    pub const THROTTLE: [Self; 5] = [Self(74, 0), Self(76, 0), Self(251, 0), Self(252, 0), Self(253, 0)];
    /// Bytes transmitted and received.
    pub const PCIE: [Self; 2] = [Self(197, 0), Self(198, 0)];
    /// KiB transmitted and received.
    pub const NVLINK: [Self; 2] = [Self(138, ALL_LINKS), Self(139, ALL_LINKS)];
    /// What a device that needs a reset asks for.
    pub const RECOVERY_ACTION: Self = Self(230, 0);
}

/// Reads `fields`, in their order: each has a value or its own error.
///
/// # Errors
/// The call as a whole failed.
pub(super) fn read<const N: usize>(
    device: &Device,
    fields: [Field; N],
) -> Result<[Result<f64, NvmlError>; N], NvmlError> {
    let nvml = device.nvml();
    let call = nvml_sym(nvml.lib().nvmlDeviceGetFieldValues.as_ref())?;
    let mut values = fields.map(|Field(number, scope)| nvmlFieldValue_t {
        fieldId: renumbered(nvml.field_id_scheme(), number),
        scopeId: scope,
        timestamp: 0,
        latencyUsec: 0,
        valueType: 0,
        nvmlReturn: 0,
        value: nvmlValue_t { ullVal: 0 },
    });
    // SAFETY: the handle belongs to `nvml`, which lives as long as `device`; the library writes to N values.
    nvml_try(unsafe { call(device.handle(), N as i32, values.as_mut_ptr()) })?;
    Ok(values.map(|value| number(&value)))
}

/// One value.
///
/// # Errors
/// The call's, or the value's own.
pub(super) fn one(device: &Device, field: Field) -> Result<f64, NvmlError> {
    let [value] = read(device, [field])?;
    value
}

/// Later drivers have moved some numbers (`nvml.h` of CUDA 13.0 update 1).
fn renumbered(scheme: FieldIdScheme, number: u32) -> u32 {
    match number {
        251..=255 if scheme == FieldIdScheme::V13Update1 => number + 18,
        256..=273 if scheme == FieldIdScheme::V13Update1 => number - 5,
        _ => number,
    }
}

/// The value, by its tag.
fn number(value: &nvmlFieldValue_t) -> Result<f64, NvmlError> {
    nvml_try(value.nvmlReturn)?;
    // SAFETY: the tag says which member was written; all are numbers, and the whole union was initialised.
    let number = unsafe {
        match value.valueType {
            0 => value.value.dVal,
            1 => f64::from(value.value.uiVal),
            2 => value.value.ulVal as f64,
            3 => value.value.ullVal as f64,
            4 => value.value.sllVal as f64,
            5 => f64::from(value.value.siVal),
            6 => f64::from(value.value.usVal),
            other => return Err(NvmlError::UnexpectedVariant(other)),
        }
    };
    if number.is_finite() { Ok(number) } else { Err(NvmlError::NoData) }
}
