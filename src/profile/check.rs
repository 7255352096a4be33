//! The rules that the values of a profile must keep.

use super::checked::{Raw, RawPrecision};
use super::{Arithmetic, Device, Slurm, time_minutes};
use crate::settings::{Checker, Document, SettingsError};
use crate::units::Bytes;
use std::net::SocketAddr;

/// 8 PiB, more than any machine has.
const MOST_MEMORY: Bytes = Bytes(1 << 53);
const MOST_THREADS: u32 = 4096;
const MOST_STEPS: u32 = 1_000_000_000;
/// A thousand exaflops.
const MOST_FLOPS: f64 = 1e21;
/// No device and no method is a million times faster or slower than another.
const LARGEST_FACTOR: f64 = 1e6;
/// No allocator needs a hundred times what it gives.
const LARGEST_OVERHEAD: f64 = 100.0;

/// Holds every value against its rule; the device and its TF32, which have no default, come back as plain values.
///
/// # Errors
/// All breaches at once.
pub(super) fn check(raw: &Raw, document: &Document) -> Result<(Device, Arithmetic), SettingsError> {
    let mut checker = Checker::new(document);
    let c = &mut checker;
    let required = [
        "name",
        "device.kind",
        "device.memory",
        "device.host_memory",
        "precision.tf32",
        "sampling.step_every",
        "estimate.flops_per_second",
        "estimate.nd_factor",
        "estimate.base_memory",
        "estimate.memory_factor",
    ];
    for key in required {
        c.present(key);
    }
    if required.into_iter().all(|key| document.has(key)) {
        values(raw, c);
    }
    checker.finish()?;
    let device = raw.device.kind.expect("device.kind is required above");
    Ok((device, raw.precision.tf32.expect("precision.tf32 is required above")))
}

fn values(raw: &Raw, c: &mut Checker<'_>) {
    c.rule(!raw.name.is_empty(), "name", "must not be empty");
    memory(c, "device.memory", raw.device.memory.0, 1);
    memory(c, "device.host_memory", raw.device.host_memory.0, 1);
    let on_cpu = raw.device.kind == Some(Device::Cpu);
    if let Some(model) = &raw.device.model {
        c.rule(!on_cpu, "device.model", "is for device.kind = \"cuda\" only");
        c.rule(!model.trim().is_empty(), "device.model", "must not be empty; leave it out for any device");
    }
    if let Some(threads) = raw.device.threads {
        c.rule(on_cpu, "device.threads", "is for device.kind = \"cpu\" only");
        c.count("device.threads", threads, 1..=MOST_THREADS);
    }
    let RawPrecision { tf32, bf16 } = raw.precision;
    let is_absent = tf32 == Some(Arithmetic::Absent);
    c.rule(!on_cpu || is_absent, "precision.tf32", "must be \"absent\" where device.kind = \"cpu\"");
    let both = [tf32, bf16].iter().all(|has| *has == Some(Arithmetic::On));
    c.rule(!both, "precision.bf16", "cannot be \"on\" beside precision.tf32 = \"on\": trainings have one precision");
    c.count("sampling.step_every", raw.sampling.step_every, 1..=MOST_STEPS);
    c.positive("estimate.flops_per_second", raw.estimate.flops_per_second, MOST_FLOPS);
    c.positive("estimate.nd_factor", raw.estimate.nd_factor, LARGEST_FACTOR);
    c.positive("estimate.study_speed", raw.estimate.study_speed.unwrap_or(1.0), LARGEST_FACTOR);
    c.positive("estimate.step_speed", raw.estimate.step_speed.unwrap_or(1.0), LARGEST_FACTOR);
    c.rule(
        (1.0..=LARGEST_OVERHEAD).contains(&raw.estimate.memory_factor),
        "estimate.memory_factor",
        format_args!("must be from 1 to {LARGEST_OVERHEAD}, not {}", raw.estimate.memory_factor),
    );
    memory(c, "estimate.base_memory", raw.estimate.base_memory.0, 0);
    slurm(&raw.slurm, c);
    super::kubernetes::check(&raw.kubernetes, on_cpu, c);
    if let Some(amount) = raw.kubernetes.memory {
        memory(c, "kubernetes.memory", amount.0, 1);
    }
}

fn slurm(slurm: &Slurm, c: &mut Checker<'_>) {
    for (key, number) in [("slurm.cpus", slurm.cpus), ("slurm.throttle", slurm.throttle)] {
        c.count(key, number.unwrap_or(1), 1..=MOST_THREADS);
    }
    if let Some(amount) = slurm.memory {
        memory(c, "slurm.memory", amount.0, 1);
    }
    let time = slurm.max_time.as_deref().map(|text| time_minutes(text).unwrap_or(0));
    c.rule(time != Some(0), "slurm.max_time", "must be a time of Slurm's form, such as \"1-00:00:00\"");
    let words = [&slurm.partition, &slurm.account, &slurm.qos, &slurm.constraint, &slurm.gres].map(Option::as_deref);
    let all = words
        .into_iter()
        .flatten()
        .chain(slurm.options.iter().chain(&slurm.report_options).chain(&slurm.setup).map(String::as_str));
    if let Some(metrics) = &slurm.metrics {
        c.rule(
            metrics.targets.is_absolute(),
            "slurm.metrics.targets",
            "must be a path from the root, the same on every node",
        );
        let protected = metrics.web_config.is_some() != metrics.insecure;
        c.rule(protected, "slurm.metrics", "must say either web_config = FILE or insecure = true");
        let is_address = metrics.listen.parse::<SocketAddr>().is_ok();
        c.rule(
            is_address,
            "slurm.metrics.listen",
            "must be an address and a port, such as \"0.0.0.0:0\" (0: any that is free)",
        );
    }
    c.rule(all.clone().all(|text| !text.contains('\n')), "slurm", "must have no line breaks in its texts");
}

fn memory(c: &mut Checker<'_>, key: &str, value: Bytes, least: u64) {
    let rule = format_args!("must be from {} to {MOST_MEMORY}, not {value}", Bytes(least));
    c.rule((Bytes(least)..=MOST_MEMORY).contains(&value), key, rule);
}
