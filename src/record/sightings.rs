//! What records and probes of a kind of device say of its memory.

use super::{ProbeArm, ProbeCell, ProbeRecord, Record};
use crate::event::Outcome;
use crate::plan::account::Cpu;
use crate::plan::{Seen, Sightings, StepKind, data_set, peaks_in_a_step};
use crate::profile;
use crate::telemetry::{Device, Environment};

/// Steps that were measured, and trainings that ran out of memory, in environments for which `fits`.
pub fn sightings(records: &[Record], probes: &[ProbeRecord], fits: impl Fn(&Environment) -> bool) -> Sightings {
    let mut sightings = Sightings::default();
    for record in records.iter().filter(|record| fits(&record.environment)) {
        let (kind, recipe) = (StepKind::from(&record.trial), &record.trial.recipe);
        match &record.outcome {
            Outcome::Oom { .. } => sightings.insert_failed(&kind, recipe, &device_of(&record.environment)),
            Outcome::Finished => sightings.insert_fitted(&kind, recipe, &device_of(&record.environment)),
            _ => continue,
        }
        // What a step in parts took says nothing of whole batches.
        let says = recipe.accumulate == 1 && peaks_in_a_step(&record.trial, kind_of(&record.environment.device));
        if let Some(allocated) = record.memory.allocated.filter(|_| says && record.is_finished()) {
            let batch = u64::from(recipe.batch_size);
            let data = data_set(&record.trial).unwrap_or_default();
            sightings.insert(&kind, Seen { batch, allocated, data });
        }
    }
    for probe in probes.iter().filter(|probe| fits(&probe.environment)) {
        for arm in &probe.cell.arms {
            if let Some(seen) = seen(&probe.cell, arm) {
                sightings.insert(&step_kind(&probe.cell, arm), seen);
            }
        }
    }
    sightings
}

/// What tells devices of other memory apart.
fn device_of(environment: &Environment) -> String {
    match &environment.device {
        Device::Cpu => format!("cpu {}", environment.host.memory),
        Device::Cuda(cuda) => format!("{} {:?}", cuda.name.as_deref().unwrap_or_default(), cuda.memory),
    }
}

/// The kind of device that it is.
pub fn kind_of(device: &Device) -> profile::Device {
    match device {
        Device::Cpu => profile::Device::Cpu,
        Device::Cuda(_) => profile::Device::Cuda,
    }
}

/// The CPU that an environment computes on; absent where it is a GPU, or where the record does not say.
pub fn cpu_of(environment: &Environment) -> Option<Cpu> {
    let capability =
        environment.settings.get(Environment::CPU_CAPABILITY).filter(|_| environment.device == Device::Cpu)?;
    Some(Cpu::of_capability(capability, environment.threads.into()))
}

/// What the steps of an arm of `cell` are.
pub fn step_kind(cell: &ProbeCell, arm: &ProbeArm) -> StepKind {
    StepKind {
        architecture: cell.architecture,
        norm: arm.norm,
        deconvolution: arm.deconvolution,
        precision: arm.precision,
        cuda_graph: arm.cuda_graph,
        channels_last: arm.channels_last,
        classes: cell.dataset.classes(),
    }
}

/// What an arm of `cell` took; absent where its device could not say.
pub fn seen(cell: &ProbeCell, arm: &ProbeArm) -> Option<Seen> {
    let batch = u64::from(arm.batch_size);
    Some(Seen { batch, allocated: arm.memory.allocated?, data: cell.images(batch) })
}
