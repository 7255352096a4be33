//! Records for tests: nothing in them was measured.

use super::{PROBE_SCHEMA, ProbeArm, ProbeCell, ProbeRecord, Record, SCHEMA, Store, Turn};
use crate::event::{EpochResult, EpochTimes, MemoryPeak, Outcome, StepSplit};
use crate::plan::{Block, ResolvedTrial, Trial};
use crate::scenario::{Architecture, BatchNorm, Dataset, Deconvolution, Norm, Precision, Recipe};
use crate::telemetry::{Device, Environment, GpuSummary, Host, Level, Software, TelemetrySummary};
use crate::units::{Bytes, Seconds};
use std::collections::BTreeMap;

/// A trial with the study's settings.
pub(crate) fn trial(architecture: Architecture, dataset: Dataset, norm: Norm, epochs: u32, attempt: u32) -> Trial {
    Trial {
        architecture,
        dataset,
        norm,
        epochs,
        attempt,
        recipe: Recipe::default(),
        batch_norm: BatchNorm::default(),
        deconvolution: (norm == Norm::Nd).then(Deconvolution::default),
        train_images: None,
        test_images: None,
        base_seed: 0,
    }
}

/// The trial in its place.
pub(crate) fn resolved(trial: Trial) -> ResolvedTrial {
    let block =
        Block { id: format!("{}#{}", trial.cell(), trial.attempt), position: u32::from(trial.norm == Norm::Nd) };
    let sources = BTreeMap::from([("recipe.lr".into(), "default".into())]).into();
    ResolvedTrial { trial, sources, block, variant: None }
}

/// BN and ND of a cell, `attempts` times.
pub(crate) fn cell(architecture: Architecture, dataset: Dataset, epochs: u32, attempts: u32) -> Vec<ResolvedTrial> {
    (1..=attempts)
        .flat_map(|a| Norm::ALL.map(|norm| resolved(trial(architecture, dataset.clone(), norm, epochs, a))))
        .collect()
}

/// A machine that does not exist.
pub(crate) fn environment(host: &str) -> Environment {
    Environment {
        host: Host {
            name: host.into(),
            os: "Linux 6.1".into(),
            cpu: format!("Made-up CPU of {host}"),
            cores: 2,
            memory: Bytes(8 << 30),
        },
        software: Software { ndbench: "0.1.0".into(), commit: "0123456".into(), libtorch: "2.11.0".into() },
        device: Device::Cpu,
        threads: 2,
        settings: std::collections::BTreeMap::new(),
    }
}

/// An epoch that follows from its number and two knobs.
pub(crate) fn epoch(epoch: u32, test_top1: f64, seconds: f64) -> EpochResult {
    EpochResult {
        epoch,
        train_loss: 1.0 / f64::from(epoch),
        train_top1: test_top1 - 0.05,
        train_top5: 0.9,
        test_loss: 0.1 + 1.0 / f64::from(epoch),
        test_top1,
        test_top5: 0.95,
        lr: 0.1,
        images: 50_000,
        seconds: EpochTimes {
            paper: Seconds(seconds),
            evaluation: Seconds(0.25),
            step: Some(StepSplit { forward: Seconds(0.1), ..StepSplit::default() }),
            sampled_steps: 3,
        },
    }
}

/// A finished record whose last test accuracy is `top1` and whose epochs take `seconds` each.
pub(crate) fn record(resolved: &ResolvedTrial, top1: f64, seconds: f64) -> Record {
    let trial = resolved.trial.clone();
    let last = trial.epochs;
    let images = trial.dataset.images().map_or(50_000, |(train, _)| u64::from(train));
    let epoch = |e| EpochResult { images, ..epoch(e, top1 - 0.02 * f64::from(last - e), seconds) };
    let epochs = (1..=last).map(epoch).collect();
    let resident = if trial.norm == Norm::Bn { 600 } else { 900 };
    Record {
        schema: SCHEMA.into(),
        trial_id: trial.id(),
        trial,
        sources: resolved.sources.as_ref().clone(),
        block: resolved.block.clone(),
        outcome: Outcome::Finished,
        epochs,
        time_valid: true,
        sharers: 0,
        memory: MemoryPeak { resident: Some(Bytes(resident << 20)), ..MemoryPeak::default() },
        planned: None,
        telemetry: None,
        telemetry_overhead: None,
        environment: environment("alpha").into(),
        data_digest: Some("00112233aabbccdd".into()),
        left_out: None,
        slurm: None,
        started: "2026-01-02T03:04:05Z".parse().unwrap(),
        finished: "2026-01-02T04:05:06Z".parse().unwrap(),
        remarks: Vec::new(),
    }
}

/// A turn of three steps that took so long each.
fn turn(seconds: &f64) -> Turn {
    Turn {
        steps: vec![Seconds(*seconds); 3],
        host: Seconds(3.0 * seconds),
        split: StepSplit::default(),
        parts: None,
        memory: MemoryPeak { allocated: Some(Bytes(7 << 20)), ..MemoryPeak::default() },
    }
}

/// BN and ND of VGG-16, whose steps took so long in each round.
pub(crate) fn probe(arms: &[&[f64]]) -> ProbeRecord {
    let arm = |(norm, turns): (Norm, &&[f64])| ProbeArm {
        norm,
        deconvolution: (norm == Norm::Nd).then(Deconvolution::default),
        batch_size: 128,
        precision: Precision::Fp32,
        cuda_graph: false,
        channels_last: false,
        resident: Some(Bytes(5 << 20)),
        memory: MemoryPeak::default(),
        floor: None,
        telemetry: None,
        telemetry_overhead: None,
        turns: turns.iter().map(turn).collect(),
    };
    let arms = Norm::ALL.into_iter().zip(arms).map(arm).collect();
    ProbeRecord {
        schema: PROBE_SCHEMA.into(),
        cell: ProbeCell { architecture: Architecture::Vgg16, dataset: Dataset::Cifar10, arms },
        environment: environment("node1"),
        calls: Vec::new(),
        started: jiff::Timestamp::UNIX_EPOCH,
        finished: jiff::Timestamp::UNIX_EPOCH,
    }
}

/// VGG-16 with BN, watched at each level in turn; its steps took so long in each round.
pub(crate) fn telemetry_probe(levels: &[&[f64]]) -> ProbeRecord {
    let mut made = probe(&[&[]]);
    let model = made.cell.arms.remove(0);
    for (level, seconds) in Level::ALL.into_iter().zip(levels) {
        let summary = TelemetrySummary { level, ..TelemetrySummary::default() };
        let telemetry = (level != Level::Off).then(|| Box::new(summary));
        made.cell.arms.push(ProbeArm { telemetry, turns: seconds.iter().map(turn).collect(), ..model.clone() });
    }
    made
}

/// The arm's device was lost twice, so that its times do not count.
pub(crate) fn lose_device(arm: &mut ProbeArm) {
    let gpus = vec![GpuSummary { lost: 2, ..GpuSummary::default() }];
    arm.telemetry = Some(Box::new(TelemetrySummary { gpus, ..TelemetrySummary::default() }));
}

/// An empty store, and the folder that goes with the test.
pub(crate) fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    (folder, store)
}
