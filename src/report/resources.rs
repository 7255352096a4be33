//! What a cell uses: where the time of a step goes, memory of every kind.

use super::matrix::{Matrix, Run, group_by, labels};
use super::model::{EnergyMeans, ResourceRow, StepMeans};
use super::time::valid_seconds;
use crate::event::{EpochResult, MemoryPeak, StepSplit};
use crate::record::Record;
use crate::stats::Summary;
use crate::units::{Bytes, Seconds};

/// One row a network, length, norm and environment, in the order of the study's tables.
pub(super) fn rows(matrix: &Matrix) -> Vec<ResourceRow> {
    let cells = group_by(&matrix.runs, |run| run.cell.clone());
    let mut rows: Vec<ResourceRow> =
        cells.iter().flat_map(|runs| labels(runs).into_iter().map(|label| row(runs, label))).collect();
    rows.sort_by_key(|r| (r.dataset.clone(), r.architecture, r.epochs, r.norm, r.environment.clone()));
    rows
}

/// The row of one cell in one environment; `runs` is not empty.
fn row(runs: &[&Run], label: Option<String>) -> ResourceRow {
    let trial = &runs[0].resolved.trial;
    let records: Vec<&Record> = label.iter().flat_map(|l| runs.iter().filter_map(move |run| run.finished(l))).collect();
    let peak = |of: fn(&MemoryPeak) -> Option<Bytes>| records.iter().filter_map(|r| of(&r.memory)).max();
    let memory =
        MemoryPeak { allocated: peak(|m| m.allocated), reserved: peak(|m| m.reserved), resident: peak(|m| m.resident) };
    let batch = u64::from(trial.recipe.batch_size).max(1);
    ResourceRow {
        dataset: trial.dataset.clone(),
        architecture: trial.architecture,
        norm: trial.norm,
        epochs: trial.epochs,
        cell: runs[0].cell.clone(),
        planned: runs.len(),
        records: records.len(),
        unfinished: runs.iter().filter_map(|run| run.state(label.as_deref())).collect(),
        environment: label,
        step: steps(&records),
        seconds: Summary::of(&records.iter().filter_map(|r| valid_seconds(r)).collect::<Vec<_>>()),
        paper_step: paper_step(&records),
        memory_per_image: memory.allocated.or(memory.resident).map(|Bytes(peak)| Bytes(peak / batch)),
        memory,
        energy: energy(&records),
    }
}

/// The sampled steps of all records, each sampled step with equal weight. The first epoch warms up and is left out where
/// a record has others.
pub(super) fn steps(records: &[&Record]) -> Option<StepMeans> {
    let mut means =
        StepMeans { split: StepSplit::default(), sampled: 0, first_epoch: records.iter().any(|r| r.epochs.len() == 1) };
    let steady = records.iter().flat_map(|r| &r.epochs[usize::from(r.epochs.len() > 1)..]);
    let mut sum = [0.0; 4];
    for epoch in steady {
        let Some(StepSplit { data, forward, backward, optimiser }) = epoch.seconds.step else { continue };
        let weight = epoch.seconds.sampled_steps as f64;
        for (total, part) in sum.iter_mut().zip([data, forward, backward, optimiser]) {
            *total += weight * part.0;
        }
        means.sampled += epoch.seconds.sampled_steps;
    }
    let [data, forward, backward, optimiser] = sum.map(|total| Seconds(total / means.sampled as f64));
    means.split = StepSplit { data, forward, backward, optimiser };
    (means.sampled > 0).then_some(means)
}

/// Training time by the `paper` definition over the number of steps, of the records whose time counts.
fn paper_step(records: &[&Record]) -> Option<Seconds> {
    let counted: Vec<&&Record> = records.iter().filter(|r| r.is_timed()).collect();
    let seconds: f64 = counted.iter().map(|r| r.paper_seconds().0).sum();
    let steps: u64 = counted.iter().map(|r| r.epochs.iter().map(|e| steps_of(r, e)).sum::<u64>()).sum();
    (seconds > 0.0 && steps > 0).then(|| Seconds(seconds / steps as f64))
}

/// Energy over all devices of a trial, of the records that a real driver watched, but for a tenth at most.
fn energy(records: &[&Record]) -> Option<EnergyMeans> {
    let measured: Vec<(f64, &Record)> = records.iter().filter_map(|r| Some((r.energy()?.0, *r))).collect();
    let joules: f64 = measured.iter().map(|(joules, _)| joules).sum();
    let images: u64 = measured.iter().map(|(_, r)| r.images()).sum();
    let epochs: usize = measured.iter().map(|(_, r)| r.epochs.len()).sum();
    let means =
        EnergyMeans { per_image: joules / images as f64, per_epoch: joules / epochs as f64, records: measured.len() };
    (images > 0).then_some(means)
}

/// Steps of an epoch; images of an incomplete last batch are either a step or not among the images seen.
fn steps_of(record: &Record, epoch: &EpochResult) -> u64 {
    epoch.images.div_ceil(u64::from(record.trial.recipe.batch_size).max(1))
}

#[cfg(test)]
mod tests {
    use crate::published::Published;
    use crate::record::made_up;
    use crate::report::Report;
    use crate::scenario::{Architecture, Dataset};
    use crate::telemetry::{DeviceSummary, Energy, EnergySource, GpuSummary, TelemetrySummary};
    use crate::units::{Bytes, Joules, Seconds};

    #[test]
    fn the_first_epoch_warms_up_and_sampled_steps_weigh_equally() {
        let trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 3, 2);
        let mut record = made_up::record(&trials[0], 0.5, 391.0);
        for (epoch, (forward, sampled)) in record.epochs.iter_mut().zip([(9.0, 10), (0.1, 3), (0.5, 1)]) {
            epoch.seconds.step.as_mut().unwrap().forward = Seconds(forward);
            epoch.seconds.sampled_steps = sampled;
        }
        let mut resumed = made_up::record(&trials[2], 0.5, 1e6);
        resumed.time_valid = false;
        resumed.epochs.iter_mut().for_each(|e| e.seconds.step = None);
        let report = Report::build(&trials, &[record, resumed], &Published::embedded().unwrap());
        let bn = &report.resources[0];
        let step = bn.step.unwrap();
        assert!((step.split.forward.0 - 0.2).abs() < 1e-12, "{step:?}");
        assert_eq!((step.sampled, step.first_epoch, bn.records, bn.planned), (4, false, 2, 2));
        // 50,000 images in batches of 128 are 391 steps; the resumed record's time does not count.
        assert_eq!(bn.paper_step, Some(Seconds(1.0)));
        let resident = bn.memory.resident.unwrap();
        assert_eq!((bn.memory.allocated, bn.memory_per_image), (None, Some(Bytes(resident.0 / 128))));
        let nd = &report.resources[1];
        assert_eq!((nd.step, nd.paper_step, nd.memory.resident), (None, None, None));
        assert_eq!(nd.unfinished, ["missing", "missing"]);
    }

    #[test]
    fn a_single_epoch_counts_and_is_said_to() {
        let trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 1);
        let report = Report::build(&trials, &[made_up::record(&trials[0], 0.5, 9.0)], &Published::embedded().unwrap());
        assert!(report.resources[0].step.unwrap().first_epoch);
    }

    #[test]
    fn energy_counts_where_a_real_device_told_it_for_the_whole_training() {
        let trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 2, 3);
        let record = |attempt: usize, joules: f64, stub| {
            let mut record = made_up::record(&trials[2 * attempt], 0.5, 60.0);
            let energy = Energy {
                joules: Joules(joules),
                source: EnergySource::Counter,
                seconds: Seconds(60.0),
                integrated: None,
                joules_per_image: None,
            };
            let device = DeviceSummary { stub, ..DeviceSummary::default() };
            let gpu = GpuSummary { energy: Some(energy), device, ..GpuSummary::default() };
            let (gpus, images) = (vec![gpu], record.images());
            record.telemetry = Some(Box::new(TelemetrySummary { gpus, images, ..TelemetrySummary::default() }));
            record
        };
        let mut resumed = record(2, 1e9, false);
        resumed.time_valid = false;
        let records = [record(0, 10_000.0, false), record(1, 1e9, true), resumed];
        let report = Report::build(&trials, &records, &Published::embedded().unwrap());
        let energy = report.resources[0].energy.unwrap();
        assert_eq!((energy.per_image, energy.per_epoch, energy.records), (0.1, 5_000.0, 1));
        assert!(report.resources[1].energy.is_none());
    }
}
