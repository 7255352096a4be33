//! Tidy CSV: one row a trial and epoch, for pandas and R.

use super::name::{Cell, environment_label};
use crate::event::EpochResult;
use crate::record::Record;
use crate::scenario::Norm;
use crate::telemetry::{Device, SlurmJob};
use std::fmt::Display;

/// The columns, and what they hold. An empty cell means: not measured, or not valid.
pub const COLUMNS: [(&str, &str); 42] = [
    ("trial_id", "hash of everything that can change the result"),
    ("architecture", "the network"),
    ("dataset", "the data set"),
    ("norm", "bn or nd"),
    ("variant", "the norm, and what makes it another one than the study's"),
    ("epochs", "length of the training"),
    ("attempt", "repetition of the same cell, from 1"),
    ("block", "the pair of BN and ND: join on block, settings, environment, commit"),
    ("block_position", "0 for the trial of the block that ran first"),
    ("settings", "hash of a recipe that is not the study's; empty: the study's"),
    ("implementation", "of the operator; empty for BN"),
    ("batch_size", "images in a training batch"),
    ("precision", "arithmetic of the network"),
    ("train_images", "limit on the training images; empty: all"),
    ("test_images", "limit on the test images; empty: all"),
    ("environment", "label of the environment; times of different environments do not compare"),
    ("host", "name of the machine"),
    ("cpu", "model of the CPU"),
    ("gpu", "model of the GPU; empty: computed on the CPU"),
    ("libtorch", "version of libtorch"),
    ("commit", "of the program"),
    ("started", "when the trial began, RFC 3339"),
    ("finished", "when the trial ended, RFC 3339"),
    ("slurm_job", "the Slurm job that trained it, 17_3 in an array; empty: none"),
    ("slurm_restarts", "how often Slurm had started that job again"),
    ("outcome", "finished, diverged, oom, interrupted or failed"),
    (
        "time_valid",
        "false where the trial was resumed, its process stopped, or its device lost, shared or throttled: the columns of seconds are empty",
    ),
    ("peak_allocated_bytes", "of the trial: largest amount in live tensors"),
    ("peak_reserved_bytes", "of the trial: largest amount reserved from the device"),
    ("peak_resident_bytes", "of the trial: largest resident set of the process"),
    ("energy_joules", "of the trial: all devices, where a real driver watched nine tenths of it at least"),
    ("epoch", "from 1; empty: the trial ended before its first epoch did"),
    ("lr", "learning rate of the epoch's last step"),
    ("images", "training images seen in the epoch"),
    ("train_loss", "mean cross-entropy over the epoch's training batches"),
    ("train_top1", "training top-1 of the epoch, 0 to 1"),
    ("train_top5", "training top-5 of the epoch, 0 to 1"),
    ("test_loss", "mean cross-entropy over the test images after the epoch"),
    ("test_top1", "test top-1 after the epoch, 0 to 1"),
    ("test_top5", "test top-5 after the epoch, 0 to 1"),
    ("paper_seconds", "host time of the epoch's training loop, evaluation excluded"),
    ("step_seconds", "mean host time of the epoch's sampled steps"),
];

/// The table with its header; a trial without an epoch has one row. Unfinished trials are there, with their outcome.
pub fn csv(records: &[Record]) -> String {
    let mut rows = vec![COLUMNS.iter().map(|(name, _)| (*name).to_string()).collect()];
    for record in super::sample::distinct(records) {
        let trial = trial(record);
        if record.epochs.is_empty() {
            rows.push(trial.iter().cloned().chain(epoch(record, None)).collect());
        }
        rows.extend(record.epochs.iter().map(|e| trial.iter().cloned().chain(epoch(record, Some(e))).collect()));
    }
    text(&rows)
}

/// The columns before `epoch`.
fn trial(record: &Record) -> Vec<String> {
    let (trial, environment) = (&record.trial, &record.environment);
    let gpu = match &environment.device {
        Device::Cpu => String::new(),
        Device::Cuda(cuda) => cuda.name.clone().unwrap_or_else(|| "cuda".into()),
    };
    let precision = serde_json::to_value(trial.recipe.precision).expect("a precision is plain data");
    let deconvolution = trial.deconvolution.filter(|_| trial.norm == Norm::Nd);
    vec![
        record.trial_id.to_string(),
        trial.architecture.to_string(),
        trial.dataset.to_string(),
        trial.norm.to_string(),
        Cell::of(trial).norm,
        trial.epochs.to_string(),
        trial.attempt.to_string(),
        record.block.id.clone(),
        record.block.position.to_string(),
        Cell::of(trial).settings,
        or_empty(deconvolution.map(|d| d.implementation)),
        trial.recipe.batch_size.to_string(),
        precision.as_str().unwrap_or_default().into(),
        or_empty(trial.train_images),
        or_empty(trial.test_images),
        environment_label(environment),
        environment.host.name.clone(),
        environment.host.cpu.clone(),
        gpu,
        environment.software.libtorch.clone(),
        environment.software.commit.clone(),
        record.started.to_string(),
        record.finished.to_string(),
        or_empty(record.slurm.as_ref().map(SlurmJob::name)),
        or_empty(record.slurm.as_ref().map(|job| job.restarts)),
        record.outcome.word().into(),
        record.is_timed().to_string(),
        or_empty(record.memory.allocated.map(|b| b.0)),
        or_empty(record.memory.reserved.map(|b| b.0)),
        or_empty(record.memory.resident.map(|b| b.0)),
        or_empty(record.energy().map(|joules| joules.0)),
    ]
}

/// `epoch` and the columns after it.
fn epoch(record: &Record, epoch: Option<&EpochResult>) -> Vec<String> {
    let of = |value: fn(&EpochResult) -> f64| or_empty(epoch.map(value));
    let timed = epoch.filter(|_| record.is_timed());
    let step = timed.and_then(|e| e.seconds.step).map(|s| (s.data + s.forward + s.backward + s.optimiser).0);
    vec![
        or_empty(epoch.map(|e| e.epoch)),
        of(|e| e.lr),
        or_empty(epoch.map(|e| e.images)),
        of(|e| e.train_loss),
        of(|e| e.train_top1),
        of(|e| e.train_top5),
        of(|e| e.test_loss),
        of(|e| e.test_top1),
        of(|e| e.test_top5),
        or_empty(timed.map(|e| e.seconds.paper.0)),
        or_empty(step),
    ]
}

fn or_empty(value: Option<impl Display>) -> String {
    value.map_or(String::new(), |v| v.to_string())
}

/// Rows as CSV.
pub(super) fn text(rows: &[Vec<String>]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).expect("memory takes rows of one length");
    }
    let bytes = writer.into_inner().expect("memory takes what is left");
    String::from_utf8(bytes).expect("texts in, texts out")
}
