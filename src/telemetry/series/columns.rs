//! The columns.

use crate::telemetry::recorder::Look;
use crate::telemetry::snapshot::{Activities, Call, GpuSnapshot, Memory, ThrottleReason, Traffic};
use crate::units::{Bytes, Hertz, Joules, Ratio, Seconds, Watts};
use std::fmt::Write;

/// What was seen, as a row.
pub(crate) struct Row<'a>(pub &'a Look<'a>);

/// A row but for the execution, which the file knows.
pub(in crate::telemetry) struct Line {
    unix: String,
    rest: String,
}

impl Line {
    /// The line of `execution`, from 1.
    pub fn of(&self, execution: u32) -> String {
        let Self { unix, rest } = self;
        format!("{unix},{execution},{rest}\n")
    }
}

/// A column of a device: its name, the calls that fill it, and its value.
type GpuColumn = (&'static str, &'static [Call], fn(&GpuSnapshot) -> Option<f64>);

/// A column of the host: its name, whether it is the machine's, and its value.
type HostColumn = (&'static str, bool, fn(&Look) -> Option<f64>);

/// Reasons are asked for where times are not to be had.
const THROTTLE: [Call; 2] = [Call::ThrottleTimes, Call::ThrottleReasons];

const GPU: [GpuColumn; 35] = [
    ("memory_used_bytes", &[Call::Memory], |g| memory(g, |m| m.used)),
    ("memory_free_bytes", &[Call::Memory], |g| memory(g, |m| m.free)),
    ("memory_reserved_bytes", &[Call::Memory], |g| memory(g, |m| m.reserved)),
    ("utilisation_ratio", &[Call::Utilisation], |g| ratio(g.utilisation)),
    ("memory_utilisation_ratio", &[Call::Utilisation], |g| ratio(g.memory_utilisation)),
    ("power_watts", &[Call::Power], |g| watts(g.power)),
    ("energy_estimated_joules", &[Call::Power], |g| joules(g.energy_estimated)),
    ("energy_joules", &[Call::Energy], |g| joules(g.energy)),
    ("busy_seconds", &[Call::BusySamples, Call::Utilisation], |g| seconds(g.busy)),
    ("memory_busy_seconds", &[Call::MemoryBusySamples, Call::Utilisation], |g| seconds(g.memory_busy)),
    ("sm_clock_hertz", &[Call::SmClock], |g| hertz(g.sm_clock)),
    ("memory_clock_hertz", &[Call::MemoryClock], |g| hertz(g.memory_clock)),
    ("temperature_celsius", &[Call::Temperature], |g| g.temperature.map(|t| t.0)),
    ("memory_temperature_celsius", &[Call::MemoryTemperature], |g| g.memory_temperature.map(|t| t.0)),
    ("power_average_watts", &[Call::PowerAverage], |g| watts(g.power_average)),
    ("memory_power_watts", &[Call::MemoryPower], |g| watts(g.memory_power)),
    ("power_limit_watts", &[Call::PowerLimit], |g| watts(g.power_limit)),
    ("throttle_power_cap_seconds", &THROTTLE, |g| throttle(g, ThrottleReason::PowerCap)),
    ("throttle_hw_slowdown_seconds", &THROTTLE, |g| throttle(g, ThrottleReason::HwSlowdown)),
    ("throttle_sync_boost_seconds", &THROTTLE, |g| throttle(g, ThrottleReason::SyncBoost)),
    ("throttle_sw_thermal_seconds", &THROTTLE, |g| throttle(g, ThrottleReason::SwThermal)),
    ("throttle_hw_thermal_seconds", &THROTTLE, |g| throttle(g, ThrottleReason::HwThermal)),
    ("throttle_power_brake_seconds", &THROTTLE, |g| throttle(g, ThrottleReason::PowerBrake)),
    ("throttle_unknown_seconds", &THROTTLE, |g| throttle(g, ThrottleReason::Unknown)),
    ("sm_active_ratio", &[Call::Activities], |g| activity(g, |a| a.sm)),
    ("sm_occupancy_ratio", &[Call::Activities], |g| activity(g, |a| a.occupancy)),
    ("tensor_active_ratio", &[Call::Activities], |g| activity(g, |a| a.tensor)),
    ("dram_active_ratio", &[Call::Activities], |g| activity(g, |a| a.dram)),
    ("process_memory_bytes", &[Call::Processes], |g| g.process_memory.map(|m| m.used.0 as f64)),
    ("foreign_processes", &[Call::Processes], |g| g.foreign_processes.map(f64::from)),
    ("pcie_transmitted_bytes", &[Call::Pcie], |g| bytes_of(g.pcie, |t| t.transmitted)),
    ("pcie_received_bytes", &[Call::Pcie], |g| bytes_of(g.pcie, |t| t.received)),
    ("nvlink_transmitted_bytes", &[Call::NvLink], |g| bytes_of(g.nvlink, |t| t.transmitted)),
    ("nvlink_received_bytes", &[Call::NvLink], |g| bytes_of(g.nvlink, |t| t.received)),
    ("ecc_uncorrected", &[Call::Ecc], |g| g.ecc.map(|e| e.uncorrected as f64)),
];

const HOST: [HostColumn; 9] = [
    ("process_cpu_seconds", false, |l| seconds(l.process.cpu)),
    ("process_resident_bytes", false, |l| bytes(l.process.resident)),
    ("allocator_allocated_bytes", false, |l| l.allocator.map(|a| a.allocated.0 as f64)),
    ("allocator_reserved_bytes", false, |l| l.allocator.map(|a| a.reserved.0 as f64)),
    ("allocator_retries", false, |l| l.allocator.map(|a| a.retries as f64)),
    ("host_cpu_ratio", true, |l| ratio(l.host.cpu)),
    ("host_memory_used_bytes", true, |l| bytes(l.host.memory_used)),
    ("host_memory_available_bytes", true, |l| bytes(l.host.memory_available)),
    ("cgroup_memory_used_bytes", true, |l| bytes(l.host.cgroup_used)),
];

fn bytes(value: Option<Bytes>) -> Option<f64> {
    value.map(|v| v.0 as f64)
}

fn ratio(value: Option<Ratio>) -> Option<f64> {
    value.map(|v| v.0)
}

fn seconds(value: Option<Seconds>) -> Option<f64> {
    value.map(|v| v.0)
}

fn watts(value: Option<Watts>) -> Option<f64> {
    value.map(|v| v.0)
}

fn joules(value: Option<Joules>) -> Option<f64> {
    value.map(|v| v.0)
}

fn hertz(value: Option<Hertz>) -> Option<f64> {
    value.map(|v| v.0)
}

fn memory(gpu: &GpuSnapshot, part: fn(&Memory) -> Bytes) -> Option<f64> {
    gpu.memory.map(|m| part(&m).0 as f64)
}

fn activity(gpu: &GpuSnapshot, part: fn(&Activities) -> Option<Ratio>) -> Option<f64> {
    gpu.activities.and_then(|a| part(&a)).map(|r| r.0)
}

fn throttle(gpu: &GpuSnapshot, reason: ThrottleReason) -> Option<f64> {
    gpu.throttle.get(&reason).map(|s| s.0)
}

fn bytes_of(traffic: Option<Traffic>, part: fn(&Traffic) -> Bytes) -> Option<f64> {
    traffic.map(|t| part(&t).0 as f64)
}

impl Row<'_> {
    /// The header line.
    pub fn header() -> String {
        let names = GPU.iter().map(|(name, ..)| *name).chain(HOST.iter().map(|(name, ..)| *name));
        let first = ["unix_seconds", "execution", "gpu_uuid"];
        first.into_iter().chain(names).collect::<Vec<_>>().join(",") + "\n"
    }

    /// The line.
    pub fn line(&self) -> Line {
        let Look { unix, gpu, .. } = self.0;
        let uuid = gpu.and_then(|gpu| gpu.snapshot.identity.as_ref()).map_or("", |identity| identity.uuid.as_str());
        let mut line = uuid.to_owned();
        let mut cell = |value: Option<f64>| {
            line.push(',');
            if let Some(value) = value {
                // A text takes everything.
                let _ = write!(line, "{value}");
            }
        };
        for (_, calls, value) in GPU {
            let fresh = gpu.filter(|gpu| calls.iter().any(|call| gpu.fresh.contains(call)));
            cell(fresh.and_then(|gpu| value(gpu.snapshot)));
        }
        for (_, of_machine, value) in HOST {
            let fresh = if of_machine { self.0.machine_is_new } else { self.0.host_is_new };
            cell(if fresh { value(self.0) } else { None });
        }
        Line { unix: format!("{:.3}", unix.0), rest: line }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_names_every_column() {
        let page = include_str!("../../../docs/telemetry.md");
        for name in Row::header().trim().split(',') {
            assert!(page.contains(&format!("`{name}`")), "docs/telemetry.md does not name {name}");
        }
    }
}
