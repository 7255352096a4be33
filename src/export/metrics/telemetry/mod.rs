//! Metrics of the devices and the host, from the sampler's latest snapshot.

mod gpu;
mod host;
#[cfg(test)]
pub(super) mod tests;

use super::exposition::Source;
use super::families::Families;
use crate::telemetry::snapshot::{CALL_BOUNDS, CallStats, Health, Latest};
use crate::telemetry::{Level, Snapshot};

impl Source for Latest {
    fn collect(&self, families: &mut Families) {
        self.get().collect(families);
    }
}

impl Source for Snapshot {
    fn collect(&self, families: &mut Families) {
        let level = [("level", self.level.word())];
        families.gauge("ndbench_telemetry_info", "How much is watched", &level, 1.0);
        if self.level == Level::Off {
            return;
        }
        self.gpus.iter().enumerate().for_each(|(number, gpu)| gpu::collect(number, gpu, families));
        host::host(&self.host, families);
        host::process(&self.process, families);
        if let Some(allocator) = &self.allocator {
            host::allocator(allocator, families);
        }
        self.calls.iter().for_each(|stats| calls(stats, families));
        health(&self.health, families);
    }
}

/// What the calls to the driver cost, and how they failed.
fn calls(stats: &CallStats, families: &mut Families) {
    let call = ("call", stats.call.word());
    let bounds = CALL_BOUNDS.map(|bound| bound.0);
    let help = "Time of a call to the driver";
    families.histogram("ndbench_nvml_call_duration_seconds", help, &[call], (&bounds, &stats.buckets, stats.sum.0));
    for (code, count) in &stats.errors {
        let labels = [call, ("code", code.word())];
        families.counter("ndbench_nvml_errors_total", "Calls to the driver that failed", &labels, *count as f64);
    }
}

/// The sampler itself.
fn health(health: &Health, families: &mut Families) {
    let help = "Ticks of the sampler's fastest lane that brought readings";
    families.counter("ndbench_telemetry_samples_total", help, &[], health.samples as f64);
    let help = "Ticks of the sampler's fastest lane that brought none";
    families.counter("ndbench_telemetry_missed_samples_total", help, &[], health.missed as f64);
    let help = "When a look at a device, or at the host where none is watched, last succeeded";
    let last = health.last_success.map(|s| s.0);
    families.gauge("ndbench_telemetry_last_success_timestamp_seconds", help, &[], last);
    let help = "CPU time of the sampler";
    families.counter("ndbench_telemetry_cpu_seconds_total", help, &[], health.cpu.0);
    for (lane, interval) in &health.intervals {
        let help = "Time between two samples of a lane, longer than planned where calls are slow";
        families.gauge("ndbench_telemetry_interval_seconds", help, &[("lane", lane)], interval.0);
    }
}
