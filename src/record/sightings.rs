//! What records and probes of a kind of device say of its memory.

use super::{ProbeArm, ProbeCell, ProbeRecord, Record};
use crate::event::Outcome;
use crate::plan::{Seen, Sightings, StepKind, data_set, peaks_in_a_step};
use crate::profile;
use crate::telemetry::Device;

/// Steps that were measured, and trainings that ran out of memory, on the devices for which `fits`.
pub fn sightings(records: &[Record], probes: &[ProbeRecord], fits: impl Fn(&Device) -> bool) -> Sightings {
    let mut sightings = Sightings::default();
    // A step in parts says nothing of whole batches.
    let whole = records.iter().filter(|record| record.trial.recipe.accumulate == 1);
    for record in whole.filter(|record| fits(&record.environment.device)) {
        let (kind, batch) = (StepKind::from(&record.trial), u64::from(record.trial.recipe.batch_size));
        match (&record.outcome, record.memory.allocated) {
            (Outcome::Oom { .. }, _) => sightings.insert_failed(&kind, batch),
            (Outcome::Finished, Some(allocated))
                if peaks_in_a_step(&record.trial, kind_of(&record.environment.device)) =>
            {
                let data = data_set(&record.trial).unwrap_or_default();
                sightings.insert(&kind, Seen { batch, allocated, data });
            }
            _ => {}
        }
    }
    for probe in probes.iter().filter(|probe| fits(&probe.environment.device)) {
        for arm in &probe.cell.arms {
            if let Some(seen) = seen(&probe.cell, arm) {
                sightings.insert(&step_kind(&probe.cell, arm), seen);
            }
        }
    }
    sightings
}

/// The kind of device that it is.
pub fn kind_of(device: &Device) -> profile::Device {
    match device {
        Device::Cpu => profile::Device::Cpu,
        Device::Cuda(_) => profile::Device::Cuda,
    }
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
