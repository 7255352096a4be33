//! What records and probes of a kind of device say of its memory.

use super::{ProbeArm, ProbeRecord, Record};
use crate::event::Outcome;
use crate::plan::{Seen, Sightings, StepKind, data_set};
use crate::telemetry::Device;
use crate::units::Bytes;

/// Images of a probe, in batches; each takes its pixels, a label, a place in the order, a corner and a coin.
const BATCHES: u64 = 4;
const IMAGE: u64 = 3 * 32 * 32 + 8 + 8 + 16 + 1;

/// Steps that were measured, and trainings that ran out of memory, on the devices for which `fits`.
pub fn sightings(records: &[Record], probes: &[ProbeRecord], fits: impl Fn(&Device) -> bool) -> Sightings {
    let mut sightings = Sightings::default();
    // A step in parts says nothing of whole batches.
    let whole = records.iter().filter(|record| record.trial.recipe.accumulate == 1);
    for record in whole.filter(|record| fits(&record.environment.device)) {
        let (kind, batch) = (StepKind::from(&record.trial), u64::from(record.trial.recipe.batch_size));
        match (&record.outcome, record.memory.allocated) {
            (Outcome::Oom { .. }, _) => sightings.insert_failed(&kind, batch),
            (Outcome::Finished, Some(allocated)) => {
                let data = data_set(&record.trial).unwrap_or_default();
                sightings.insert(&kind, Seen { batch, allocated, data });
            }
            _ => {}
        }
    }
    for probe in probes.iter().filter(|probe| fits(&probe.environment.device)) {
        for arm in &probe.cell.arms {
            if let Some(seen) = seen(arm) {
                sightings.insert(&step_kind(probe, arm), seen);
            }
        }
    }
    sightings
}

/// What the steps of an arm are.
pub fn step_kind(probe: &ProbeRecord, arm: &ProbeArm) -> StepKind {
    StepKind {
        architecture: probe.cell.architecture,
        norm: arm.norm,
        deconvolution: arm.deconvolution,
        precision: arm.precision,
        cuda_graph: arm.cuda_graph,
        channels_last: arm.channels_last,
        classes: probe.cell.dataset.classes(),
    }
}

/// What an arm took; absent where its device could not say.
pub fn seen(arm: &ProbeArm) -> Option<Seen> {
    let batch = u64::from(arm.batch_size);
    Some(Seen { batch, allocated: arm.memory.allocated?, data: Bytes(BATCHES * batch * IMAGE) })
}
