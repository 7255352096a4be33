//! A device. Its series carry the label `gpu_uuid` alone; what else it is stands in `ndbench_gpu_info`.

use super::super::families::{Families, Labels};
use crate::telemetry::snapshot::{Activities, Ecc, GpuIdentity, GpuSnapshot, GpuState, Memory, Traffic};
use crate::units::{Bytes, Celsius, Hertz, Joules, Ratio, Seconds, Watts};

/// The device that is `number` among those watched.
pub(super) fn collect(number: usize, gpu: &GpuSnapshot, families: &mut Families) {
    // A machine without a device is no failure of one.
    if matches!(gpu.state, GpuState::Absent { .. }) && gpu.identity.is_none() {
        return;
    }
    let unknown = if number == 0 { "unknown".into() } else { format!("unknown-{number}") };
    let uuid = gpu.identity.as_ref().map_or(unknown.as_str(), |identity| identity.uuid.as_str());
    let mut device = Device { families, uuid };
    if let Some(identity) = &gpu.identity {
        device.info(identity);
    }
    device.gauge("up", "1 where the device answers", f64::from(u8::from(gpu.state.is_up())));
    device.counter("lost", "Times that the device was lost", gpu.lost as f64);
    device.memory(gpu);
    device.use_of(gpu);
    device.power(gpu);
    device.clocks(gpu);
    device.links_and_errors(gpu);
}

/// Writes the metrics of one device.
struct Device<'a> {
    families: &'a mut Families,
    uuid: &'a str,
}

impl Device<'_> {
    fn gauge(&mut self, name: &str, help: &str, value: impl Into<Option<f64>>) {
        self.gauge_of(name, help, &[], value);
    }

    fn gauge_of(&mut self, name: &str, help: &str, labels: Labels, value: impl Into<Option<f64>>) {
        let labels = [&[("gpu_uuid", self.uuid)], labels].concat();
        self.families.gauge(&format!("ndbench_gpu_{name}"), help, &labels, value);
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Into<Option<f64>>) {
        self.counter_of(name, help, &[], value);
    }

    fn counter_of(&mut self, name: &str, help: &str, labels: Labels, value: impl Into<Option<f64>>) {
        let labels = [&[("gpu_uuid", self.uuid)], labels].concat();
        self.families.counter(&format!("ndbench_gpu_{name}_total"), help, &labels, value);
    }

    fn info(&mut self, identity: &GpuIdentity) {
        let index = identity.index.to_string();
        let labels = [
            ("gpu_index", index.as_str()),
            ("gpu_model", &identity.name),
            ("driver_version", &identity.driver),
            ("cuda_version", &identity.cuda),
            ("pci_bus_id", &identity.pci_bus_id),
            ("mig_profile", identity.mig.as_ref().map_or("", |mig| &mig.profile)),
        ];
        self.gauge_of("info", "The device", &labels, 1.0);
    }

    fn memory(&mut self, gpu: &GpuSnapshot) {
        if let Some(Memory { used, free, reserved, total }) = gpu.memory {
            self.gauge("memory_used_bytes", "Device memory taken by processes", used.0 as f64);
            self.gauge("memory_free_bytes", "Device memory left", free.0 as f64);
            self.gauge("memory_reserved_bytes", "Device memory that the driver keeps, not in used", reserved.0 as f64);
            self.gauge("memory_total_bytes", "Device memory", total.0 as f64);
        }
        for (window, peak) in
            [("30s", gpu.memory_peak.last_30s.filter(|_| gpu.state.is_up())), ("run", gpu.memory_peak.run)]
        {
            let help = "The largest memory used that was seen: within 30 s, or since the sampler began";
            self.gauge_of("memory_used_peak_bytes", help, &[("window", window)], bytes(peak));
        }
        if let Some(process) = gpu.process_memory {
            let labels = [("attribution", process.attribution.word())];
            let help = "Device memory of this process, as the driver counts it";
            self.gauge_of("process_memory_bytes", help, &labels, process.used.0 as f64);
        }
        let help = "Other processes that compute on the device";
        self.gauge("foreign_processes", help, gpu.foreign_processes.map(f64::from));
    }

    fn use_of(&mut self, gpu: &GpuSnapshot) {
        let ratio = |r: Option<Ratio>| r.map(|r| r.0);
        let help = "Share of the driver's last sample period in which a kernel ran";
        self.gauge("utilization_ratio", help, ratio(gpu.utilisation));
        let help = "Share of the driver's last sample period in which device memory was read or written";
        self.gauge("memory_utilization_ratio", help, ratio(gpu.memory_utilisation));
        let seconds = |s: Option<Seconds>| s.map(|s| s.0);
        self.counter("busy_seconds", "Time in which a kernel ran", seconds(gpu.busy));
        self.counter("memory_busy_seconds", "Time in which memory was read or written", seconds(gpu.memory_busy));
        let Activities { sm, occupancy, tensor, dram, .. } = gpu.activities.unwrap_or_default();
        self.gauge("sm_active_ratio", "Multiprocessors with at least one warp", ratio(sm));
        self.gauge("sm_occupancy_ratio", "Warps of those that the multiprocessors can hold", ratio(occupancy));
        self.gauge("tensor_active_ratio", "Tensor cores at work", ratio(tensor));
        self.gauge("dram_active_ratio", "Memory bandwidth in use", ratio(dram));
    }

    fn power(&mut self, gpu: &GpuSnapshot) {
        let watts = |w: Option<Watts>| w.map(|w| w.0);
        self.gauge("power_watts", "Power now", watts(gpu.power));
        self.gauge("power_average_watts", "Power, mean of the last second", watts(gpu.power_average));
        self.gauge("memory_power_watts", "Power of the memory alone", watts(gpu.memory_power));
        self.gauge("power_limit_watts", "The limit that is enforced", watts(gpu.power_limit));
        for (window, peak) in
            [("30s", gpu.power_peak.last_30s.filter(|_| gpu.state.is_up())), ("run", gpu.power_peak.run)]
        {
            let help = "The largest power that was seen: within 30 s, or since the sampler began";
            self.gauge_of("power_peak_watts", help, &[("window", window)], watts(peak));
        }
        let joules = |j: Option<Joules>| j.map(|j| j.0);
        self.counter("energy_joules", "Energy by the device's own counter", joules(gpu.energy));
        let help = "Energy as the integral of power";
        self.counter("energy_estimated_joules", help, joules(gpu.energy_estimated));
    }

    fn clocks(&mut self, gpu: &GpuSnapshot) {
        let celsius = |c: Option<Celsius>| c.map(|c| c.0);
        self.gauge("temperature_celsius", "Temperature of the die", celsius(gpu.temperature));
        self.gauge("memory_temperature_celsius", "Temperature of the memory", celsius(gpu.memory_temperature));
        let hertz = |h: Option<Hertz>| h.map(|h| h.0);
        for (domain, clock) in [("sm", gpu.sm_clock), ("memory", gpu.memory_clock)] {
            self.gauge_of("clock_hertz", "Clock", &[("domain", domain)], hertz(clock));
        }
        for (reason, seconds) in &gpu.throttle {
            let help = "Time for which clocks were held down; gpu_idle is no throttling";
            self.counter_of("throttle_seconds", help, &[("reason", reason.word())], seconds.0);
        }
    }

    fn links_and_errors(&mut self, gpu: &GpuSnapshot) {
        for (link, traffic) in [("pcie", gpu.pcie), ("nvlink", gpu.nvlink)] {
            let Some(Traffic { transmitted, received }) = traffic else { continue };
            self.counter(&format!("{link}_transmit_bytes"), "Bytes from the device", transmitted.0 as f64);
            self.counter(&format!("{link}_receive_bytes"), "Bytes to the device", received.0 as f64);
        }
        if let Some(Ecc { corrected, uncorrected }) = gpu.ecc {
            for (severity, count) in [("corrected", corrected), ("uncorrected", uncorrected)] {
                self.counter_of("ecc_errors", "Memory errors", &[("severity", severity)], count as f64);
            }
        }
        for (number, xid) in &gpu.xids {
            let number = number.to_string();
            let labels = [("xid", number.as_str())];
            self.counter_of("xid_errors", "Errors of the driver", &labels, xid.count as f64);
            let help = "When the error of the driver came last";
            self.gauge_of("xid_last_timestamp_seconds", help, &labels, xid.last.0);
        }
    }
}

fn bytes(value: Option<Bytes>) -> Option<f64> {
    value.map(|b| b.0 as f64)
}
