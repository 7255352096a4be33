//! The store of `tests/fixtures/export/`, which the integration tests export, and what the forms leave out.
//! `NDBENCH_WRITE_FIXTURES=1 cargo test export` writes it anew.

use super::*;
use crate::event::{MemoryPeak, Outcome};
use crate::plan::ResolvedTrial;
use crate::record::{Record, Store, made_up};
use crate::scenario::{Architecture, Dataset, Norm};
use crate::telemetry::{Cuda, Device, Energy, EnergySource, GpuSummary, TelemetrySummary};
use crate::units::{Bytes, Joules, Seconds};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The commits that `scripts/check-exports` makes: dates, names and messages are fixed, and so are the hashes.
const COMMITS: [&str; 2] = ["a0d5914358d2", "24ae4c19e449"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/export/store")
}

/// A record of `commit` whose end follows from its commit, attempt and norm.
fn record(resolved: &ResolvedTrial, top1: f64, seconds: f64, commit: usize) -> Record {
    let mut record = made_up::record(resolved, top1, seconds);
    let trial = &resolved.trial;
    let day = 1 + commit;
    let hour = 2 * trial.attempt + u32::from(trial.norm == Norm::Nd);
    Arc::make_mut(&mut record.environment).software.commit = COMMITS[commit].into();
    record.started = format!("2026-01-{day:02}T{hour:02}:00:00Z").parse().unwrap();
    record.finished = format!("2026-01-{day:02}T{hour:02}:30:00.25Z").parse().unwrap();
    record
}

/// Two commits of VGG-16 on a CPU, three attempts each, the last ND trial resumed.
fn history() -> Vec<Record> {
    let trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 2, 6);
    let seconds = |r: &ResolvedTrial| {
        let bn = 10.0 + 0.25 * f64::from(r.trial.attempt);
        if r.trial.norm == Norm::Nd { 3.5 * bn + 0.125 * f64::from(r.trial.attempt % 3) } else { bn }
    };
    let mut records: Vec<Record> = trials
        .iter()
        .map(|r| record(r, 0.7 + f64::from(r.trial.attempt) / 256.0, seconds(r), usize::from(r.trial.attempt > 3)))
        .collect();
    records.last_mut().unwrap().time_valid = false;
    records
}

/// Telemetry of a device that took so many watts.
fn watched(seconds: f64, watts: f64, images: u64) -> TelemetrySummary {
    let (seconds, joules) = (Seconds(seconds), seconds * watts);
    let energy = Energy {
        joules: Joules(joules),
        source: EnergySource::Counter,
        seconds,
        integrated: None,
        joules_per_image: Some(joules / images as f64),
    };
    let gpu = GpuSummary { energy: Some(energy), ..GpuSummary::default() };
    TelemetrySummary { executions: 1, seconds, images, gpus: vec![gpu], ..TelemetrySummary::default() }
}

/// A block on a GPU that does not exist.
fn on_gpu() -> Vec<Record> {
    let trials = made_up::cell(Architecture::Resnet18, Dataset::Cifar100, 1, 1);
    let place = |r: &ResolvedTrial| {
        let (seconds, watts) = if r.trial.norm == Norm::Nd { (6.0, 550.0) } else { (2.0, 500.0) };
        let mut record = record(r, 0.5, seconds, 0);
        Arc::make_mut(&mut record.environment).device = Device::Cuda(Cuda {
            index: 0,
            name: Some("Made-up \"GPU\" 16GB".into()),
            uuid: None,
            driver: Some("999.1".into()),
            cuda: None,
            cudnn: None,
            memory: Some(Bytes(16 << 30)),
        });
        record.telemetry = Some(Box::new(watched(seconds, watts, record.images())));
        record.memory = MemoryPeak { allocated: Some(Bytes(1 << 30)), reserved: Some(Bytes(3 << 29)), resident: None };
        record
    };
    trials.iter().map(place).collect()
}

/// A diverged trial, one that ran out of memory at once, one with other settings, and one from changed sources.
fn odd() -> Vec<Record> {
    let trial = |a, d, n| made_up::trial(a, d, n, 2, 1);
    let of = |trial| record(&made_up::resolved(trial), 0.25, 5.0, 0);
    let mut diverged = of(trial(Architecture::Densenet121, Dataset::Cifar10, Norm::Nd));
    diverged.outcome = Outcome::Diverged { epoch: 2, step: 17 };
    diverged.epochs.pop();
    let mut oom = of(trial(Architecture::Dpn92, Dataset::Cifar10, Norm::Nd));
    oom.outcome = Outcome::Oom { requested: Some(Bytes(1 << 33)), free: None, message: "out of memory".into() };
    oom.epochs.clear();
    let mut limited = trial(Architecture::Vgg16, Dataset::Folder("my birds".into()), Norm::Bn);
    limited.train_images = Some(500);
    let mut dirty = of(trial(Architecture::MobilenetV2, Dataset::FashionMini, Norm::Bn));
    Arc::make_mut(&mut dirty.environment).software.commit = "0123456789ab-dirty".into();
    vec![diverged, oom, of(limited), dirty]
}

fn records() -> Vec<Record> {
    [history(), on_gpu(), odd()].concat()
}

#[test]
fn the_committed_store_holds_records() {
    if std::env::var_os("NDBENCH_WRITE_FIXTURES").is_some() {
        let _ = std::fs::remove_dir_all(folder());
        let store = Store::open(folder()).unwrap();
        records().iter().for_each(|r| drop(store.write(r).unwrap()));
        std::fs::write(store.records_path().join("half.json"), "{\"schema\": \"ndbench.rec").unwrap();
    }
    let (found, skipped) = Store::open_existing(folder()).unwrap().records();
    assert_eq!((found.len(), skipped.len()), (records().len(), 1), "{skipped:?}");
}

#[test]
fn times_of_resumed_trials_and_environments_are_kept_apart() {
    let samples = Samples::of(&records());
    let of = |measure: Measure, norm: &str, environment: &str| {
        let wanted = |s: &&Sample| {
            s.measure == measure
                && s.cell.norm == norm
                && s.cell.settings.is_empty()
                && s.cell.dataset != Dataset::FashionMini
                && s.environment.starts_with(environment)
        };
        samples.samples.iter().filter(wanted).count()
    };
    assert_eq!((of(Measure::TestTop1, "nd", "cpu"), of(Measure::PaperSeconds, "nd", "cpu")), (6, 5));
    assert_eq!((of(Measure::ImagesPerSecond, "nd", "cpu"), of(Measure::StepSeconds, "nd", "cpu")), (5, 5));
    assert_eq!((of(Measure::NdOverhead, "nd", "cpu"), of(Measure::NdOverhead, "bn", "cpu")), (5, 0));
    assert_eq!(
        (of(Measure::NdOverhead, "nd", "made-up-gpu-16gb-"), of(Measure::PeakReservedBytes, "nd", "cpu")),
        (1, 0)
    );
    let why: Vec<&str> = samples.left_out.iter().map(|l| l.why.split(',').next().unwrap()).collect();
    assert_eq!(why.len(), 3, "{:?}", samples.left_out);
    assert!(["was paused", "is diverged", "is oom"].iter().all(|w| why.contains(w)), "{why:?}");
}

#[test]
fn the_finished_and_the_latest_record_of_a_trial_counts() {
    let mut all = history();
    let mut again = all[0].clone();
    again.started = "2026-01-31T23:00:00Z".parse().unwrap();
    again.finished = "2026-02-01T00:00:00Z".parse().unwrap();
    again.epochs.iter_mut().for_each(|e| e.seconds.paper.0 = 99.0);
    let mut failed = again.clone();
    failed.finished = "2026-03-01T00:00:00Z".parse().unwrap();
    failed.outcome = Outcome::Failed { message: "x".into() };
    let count = Samples::of(&all).samples.len();
    all.extend([again, failed]);
    let samples = Samples::of(&all).samples;
    assert_eq!(samples.len(), count);
    let later = samples.iter().filter(|s| s.measure == Measure::PaperSeconds && s.value == 198.0).count();
    assert_eq!(later, 1);
}

#[test]
fn bencher_gets_one_environment_and_the_interval_of_the_report() {
    assert!(
        matches!(bmf(&Samples::of(&records())), Err(ExportError::SeveralEnvironments { labels, .. }) if labels.len() == 2)
    );
    let report: serde_json::Value = serde_json::from_str(&bmf(&Samples::of(&history())).unwrap()).unwrap();
    let overhead = &report["vgg16/cifar10/nd/e2"]["nd-overhead"];
    let pairs: Vec<(f64, f64)> = history()
        .chunks(2)
        .filter(|b| b[1].time_valid)
        .map(|b| (b[0].paper_seconds().0, b[1].paper_seconds().0))
        .collect();
    let ratio = crate::stats::paired_ratio(&pairs, crate::stats::LEVEL).unwrap();
    let close = |key: &str, want: f64| {
        let got = overhead[key].as_f64().unwrap();
        assert!((got - want).abs() < 1e-12 * want, "{key}: {got}, not {want}");
    };
    close("value", ratio.value);
    close("lower_value", ratio.interval.unwrap().low);
    close("upper_value", ratio.interval.unwrap().high);
    let single = bmf(&Samples::of(&on_gpu())).unwrap();
    assert!(!single.contains("lower_value"), "one attempt has no interval: {single}");
}

#[test]
fn a_log_ends_when_its_trial_did_and_never_runs_backwards() {
    let (files, left_out) = mllog(&records());
    assert_eq!((files.len(), left_out.len()), (16, 2), "{left_out:?}");
    for file in &files {
        let lines = file.text.lines().map(|l| l.strip_prefix(":::MLLOG ").unwrap());
        let lines: Vec<serde_json::Value> = lines.map(|l| serde_json::from_str(l).unwrap()).collect();
        let times: Vec<i64> = lines.iter().map(|l| l["time_ms"].as_i64().unwrap()).collect();
        assert!(times.is_sorted(), "{file:?}");
        let end = lines.last().unwrap();
        let wanted = if file.text.contains("densenet121") { "aborted" } else { "success" };
        assert_eq!((end["key"].as_str(), end["metadata"]["status"].as_str()), (Some("run_stop"), Some(wanted)));
        assert_eq!(times.last().unwrap() % 1000, 250, "{file:?}");
    }
}

#[test]
fn nothing_makes_empty_but_whole_documents() {
    let none = Samples::of(&[]);
    assert_eq!(bmf(&none).unwrap(), "{}\n");
    assert_eq!(openmetrics(&none, &[]), "# EOF\n");
    assert_eq!(csv(&[]).lines().count(), 1);
    assert_eq!((otava(&[]).len(), mllog(&[]).0.len()), (1, 0));
    assert_eq!(asv(&none, &[], &AsvRepository::default()).0.len(), 1);
}
