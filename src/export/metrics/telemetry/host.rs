//! The machine, the processes watched, and libtorch's allocator.

use super::super::families::Families;
use crate::telemetry::snapshot::{AllocatorSnapshot, HostSnapshot, ProcessSnapshot};
use crate::units::Bytes;

fn bytes(value: Option<Bytes>) -> Option<f64> {
    value.map(|b| b.0 as f64)
}

pub(super) fn host(host: &HostSnapshot, families: &mut Families) {
    let help = "Share of all cores at work, by all processes";
    families.gauge("ndbench_host_cpu_utilization_ratio", help, &[], host.cpu.map(|r| r.0));
    for (name, help, value) in [
        ("memory_used", "Main memory in use", host.memory_used),
        ("memory_available", "Main memory that could be taken without swapping", host.memory_available),
        ("memory_total", "Main memory", host.memory_total),
    ] {
        families.gauge(&format!("ndbench_host_{name}_bytes"), help, &[], bytes(value));
    }
    let help = "Memory that the tightest control group counts";
    families.gauge("ndbench_cgroup_memory_used_bytes", help, &[], bytes(host.cgroup_used));
    let help = "The limit of the tightest control group";
    families.gauge("ndbench_cgroup_memory_limit_bytes", help, &[], bytes(host.cgroup_limit));
}

pub(super) fn process(process: &ProcessSnapshot, families: &mut Families) {
    let help = "CPU time of this process, or of those watched";
    families.counter("ndbench_process_cpu_seconds_total", help, &[], process.cpu.map(|s| s.0));
    let help = "Resident set of this process, or of those watched";
    families.gauge("ndbench_process_resident_memory_bytes", help, &[], bytes(process.resident));
    let help = "The largest resident set that was seen";
    families.gauge("ndbench_process_resident_memory_peak_bytes", help, &[], bytes(process.resident_peak));
}

pub(super) fn allocator(allocator: &AllocatorSnapshot, families: &mut Families) {
    let help = "Memory in live tensors, as libtorch's CUDA allocator counts";
    families.gauge("ndbench_allocator_allocated_bytes", help, &[], allocator.allocated.0 as f64);
    let help = "Memory that libtorch's CUDA allocator has taken from the device";
    families.gauge("ndbench_allocator_reserved_bytes", help, &[], allocator.reserved.0 as f64);
    let help = "Memory in blocks of libtorch's CUDA allocator that are allocated or may still be used";
    families.gauge("ndbench_allocator_active_bytes", help, &[], allocator.active.0 as f64);
    let help = "Times that libtorch's CUDA allocator emptied its cache to serve a request";
    families.counter("ndbench_allocator_retries_total", help, &[], allocator.retries as f64);
    let help = "Requests that libtorch's CUDA allocator could not serve";
    families.counter("ndbench_allocator_ooms_total", help, &[], allocator.ooms as f64);
}
