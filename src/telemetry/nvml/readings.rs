//! One call each: the library's answers in base units.

use super::errors::implausible;
use super::fields::{self, Field};
use crate::telemetry::snapshot::{Ecc, Memory, ThrottleReason};
use crate::telemetry::source::{Answer, CallError, ComputeProcess};
use crate::units::{Bytes, Celsius, Hertz, Joules, Ratio, Seconds, Watts};
use nvml_wrapper::Device;
use nvml_wrapper::enum_wrappers::device::{Clock, EccCounter, MemoryError, Sampling, TemperatureSensor};
use nvml_wrapper::enums::device::{SampleValue, UsedGpuMemory};
use nvml_wrapper::error::{NvmlError, nvml_sym, nvml_try};

type Answered = Result<Answer, CallError>;

pub(super) fn memory(device: &Device) -> Answered {
    let info = device.memory_info()?;
    let [used, free, reserved, total] = [info.used, info.free, info.reserved, info.total].map(Bytes);
    Ok(Answer::Memory(Memory { used, free, reserved, total }))
}

pub(super) fn utilisation(device: &Device) -> Answered {
    let rates = device.utilization_rates()?;
    Ok(Answer::Utilisation(share(rates.gpu.into())?, share(rates.memory.into())?))
}

/// A share from per cent.
fn share(percent: f64) -> Result<Ratio, CallError> {
    if (0.0..=100.0).contains(&percent) {
        return Ok(Ratio(percent / 100.0));
    }
    Err(implausible(format!("{percent} per cent")))
}

/// The mean of the driver's samples after the time `seen`, which moves on; each sample stands for the time since the one
/// before it. Nothing at the first look: those samples are older.
pub(super) fn busy(device: &Device, kind: Sampling, seen: &mut Option<u64>) -> Answered {
    let samples = match device.samples(kind, *seen) {
        // An idle device keeps none, and none may be newer.
        Err(NvmlError::NotFound) => Vec::new(),
        samples => samples?,
    };
    let first_look = seen.is_none();
    let (mut last, mut weighted, mut weight) = (seen.unwrap_or(0), 0.0, 0.0);
    let mut sorted: Vec<_> = samples.iter().filter(|s| first_look || s.timestamp > last).collect();
    sorted.sort_by_key(|sample| sample.timestamp);
    // One that is not plausible is not asked for again.
    *seen = Some(sorted.last().map_or(last, |newest| newest.timestamp));
    for sample in sorted {
        let percent = match sample.value {
            SampleValue::F64(value) => value,
            SampleValue::U32(value) => f64::from(value),
            SampleValue::U64(value) => value as f64,
            SampleValue::I64(value) => value as f64,
        };
        let span = (sample.timestamp - last) as f64;
        weighted += share(percent)?.0 * span;
        weight += span;
        last = sample.timestamp;
    }
    if first_look {
        return Ok(Answer::Busy(None));
    }
    Ok(Answer::Busy((weight > 0.0).then(|| Ratio(weighted / weight))))
}

/// Power now; what older drivers call power, where they have no other.
pub(super) fn power(device: &Device) -> Answered {
    let milliwatts = match fields::one(device, Field::POWER) {
        Err(NvmlError::NotSupported | NvmlError::FailedToLoadSymbol(_) | NvmlError::InvalidArg) => {
            device.power_usage()?.into()
        }
        value => value?,
    };
    Ok(Answer::Watts(Watts(milliwatts / 1e3)))
}

pub(super) fn power_field(device: &Device, field: Field) -> Answered {
    Ok(Answer::Watts(Watts(fields::one(device, field)? / 1e3)))
}

pub(super) fn power_limit(device: &Device) -> Answered {
    Ok(Answer::Watts(Watts(f64::from(device.enforced_power_limit()?) / 1e3)))
}

pub(super) fn energy(device: &Device) -> Answered {
    Ok(Answer::Joules(Joules(device.total_energy_consumption()? as f64 / 1e3)))
}

pub(super) fn temperature(device: &Device) -> Answered {
    Ok(Answer::Celsius(Celsius(device.temperature(TemperatureSensor::Gpu)?.into())))
}

pub(super) fn memory_temperature(device: &Device) -> Answered {
    Ok(Answer::Celsius(Celsius(fields::one(device, Field::MEMORY_TEMPERATURE)?)))
}

pub(super) fn clock(device: &Device, clock: Clock) -> Answered {
    Ok(Answer::Hertz(Hertz(f64::from(device.clock_info(clock)?) * 1e6)))
}

/// Those counters of throttled time that the device has; an error where it has none.
pub(super) fn throttle_times(device: &Device) -> Answered {
    const REASONS: [ThrottleReason; 5] = [
        ThrottleReason::PowerCap,
        ThrottleReason::SyncBoost,
        ThrottleReason::SwThermal,
        ThrottleReason::HwThermal,
        ThrottleReason::PowerBrake,
    ];
    let mut values = REASONS.into_iter().zip(fields::read(device, Field::THROTTLE)?).peekable();
    let (mut known, mut failure) = (Vec::new(), None);
    for (reason, value) in &mut values {
        match value {
            Ok(nanoseconds) => known.push((reason, Seconds(nanoseconds / 1e9))),
            Err(error) => failure = Some(error),
        }
    }
    match failure {
        Some(error) if known.is_empty() => Err(error.into()),
        _ => Ok(Answer::ThrottleTimes(known)),
    }
}

/// The reasons that hold clocks down now. The wrapper drops bits that it does not know.
pub(super) fn throttle_reasons(device: &Device) -> Answered {
    const BITS: [(u64, ThrottleReason); 9] = [
        (0x1, ThrottleReason::GpuIdle),
        (0x2, ThrottleReason::ApplicationClocks),
        (0x4, ThrottleReason::PowerCap),
        (0x8, ThrottleReason::HwSlowdown),
        (0x10, ThrottleReason::SyncBoost),
        (0x20, ThrottleReason::SwThermal),
        (0x40, ThrottleReason::HwThermal),
        (0x80, ThrottleReason::PowerBrake),
        (0x100, ThrottleReason::Display),
    ];
    let call = nvml_sym(device.nvml().lib().nvmlDeviceGetCurrentClocksThrottleReasons.as_ref())?;
    let mut mask = 0;
    // SAFETY: the handle belongs to the library of `device`; the call only writes a number.
    nvml_try(unsafe { call(device.handle(), &raw mut mask) })?;
    let known = BITS.iter().filter(|(bit, _)| mask & bit != 0).map(|(_, reason)| *reason);
    let unknown = (mask & !0x1ff != 0).then_some(ThrottleReason::Unknown);
    Ok(Answer::ThrottleReasons(known.chain(unknown).collect()))
}

pub(super) fn processes(device: &Device) -> Answered {
    let list = device.running_compute_processes()?.into_iter().map(|process| ComputeProcess {
        pid: process.pid,
        used: match process.used_gpu_memory {
            UsedGpuMemory::Used(bytes) => Some(bytes),
            UsedGpuMemory::Unavailable => None,
        },
    });
    Ok(Answer::Processes(list.collect()))
}

pub(super) fn ecc(device: &Device) -> Answered {
    let count = |kind| device.total_ecc_errors(kind, EccCounter::Volatile);
    Ok(Answer::Ecc(Ecc { corrected: count(MemoryError::Corrected)?, uncorrected: count(MemoryError::Uncorrected)? }))
}

/// Bytes over a link, whose counters count `unit` bytes.
pub(super) fn traffic(device: &Device, counters: [Field; 2], unit: f64) -> Answered {
    let [transmitted, received] = fields::read(device, counters)?;
    Ok(Answer::Bytes((transmitted? * unit) as u64, (received? * unit) as u64))
}
