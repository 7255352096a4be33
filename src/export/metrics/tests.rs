//! Every page together: names, and what `promtool check metrics` says of them.

use super::telemetry::tests::full;
use super::training::tests::busy;
use super::*;
use crate::record::{Record, made_up};
use crate::scenario::{Architecture, Dataset};
use crate::telemetry::{Energy, EnergySource, GpuSummary, TelemetrySummary};
use crate::units::{Bytes, Joules, Seconds};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// BN and ND of a cell, three attempts.
fn records() -> Vec<Record> {
    let trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 2, 3);
    trials.iter().zip([5.0, 7.0, 5.0, 7.1, 5.0, 7.3]).map(|(trial, s)| made_up::record(trial, 0.9, s)).collect()
}

/// Telemetry of a device that took 500 W.
fn with_energy() -> TelemetrySummary {
    let (seconds, joules) = (Seconds(5.0), Joules(2500.0));
    let energy = Energy { joules, source: EnergySource::Counter, seconds, integrated: None, joules_per_image: None };
    let gpus = vec![GpuSummary { energy: Some(energy), ..GpuSummary::default() }];
    TelemetrySummary { seconds, gpus, ..TelemetrySummary::default() }
}

/// A page with everything.
pub(super) fn page() -> String {
    let mut records = records();
    for record in &mut records {
        record.memory.allocated = Some(Bytes(1 << 30));
        record.memory.reserved = Some(Bytes(2 << 30));
        record.telemetry = Some(Box::new(TelemetrySummary { images: record.images(), ..with_energy() }));
    }
    let results = Results(slots(&records));
    let exposition = Exposition::new(vec![Arc::new(BuildInfo), busy(), Arc::new(full(2)), Arc::new(results)]);
    String::from_utf8(exposition.page().to_vec()).unwrap()
}

#[test]
fn results_are_those_of_the_newest_commit_with_the_interval_of_the_overhead() {
    let mut records = records();
    let mut old = records[1].clone();
    Arc::make_mut(&mut old.environment).software.commit = "older".into();
    old.finished = "2025-01-01T00:00:00Z".parse().unwrap();
    old.memory.resident = Some(Bytes(1));
    records.push(old);
    let mut oom = records[0].clone();
    oom.trial.attempt = 9;
    oom.trial_id = oom.trial.id();
    oom.outcome = crate::event::Outcome::Oom { requested: None, free: None, message: String::new() };
    records.push(oom);
    let mut families = Families::default();
    Results(slots(&records)).collect(&mut families);
    insta::assert_snapshot!(families.text());
}

#[test]
fn names_have_base_units_and_nothing_is_there_twice() {
    let page = page();
    let names: Vec<&str> = page.lines().filter_map(|l| l.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(names.len() > 80, "{names:?}");
    for name in &names {
        assert!(name.starts_with("ndbench_"), "{name}");
        // What promtool does not look for.
        for wrong in ["_percent", "_hz", "_mw", "_mb", "_ms", "_milliseconds", "_celcius", "_mhz", "_minutes"] {
            assert!(!name.ends_with(wrong), "{name}");
        }
    }
    let mut series: Vec<&str> =
        page.lines().filter(|l| !l.starts_with('#')).map(|l| l.rsplit_once(' ').unwrap().0).collect();
    let all = series.len();
    series.sort_unstable();
    series.dedup();
    assert_eq!(series.len(), all, "each series once");
    for label in ["pid=", "step=", "trial_id=", "run_id=", "seed=", "slurm_job_id="] {
        let bad = series.iter().find(|s| s.contains(label) && !s.contains("_info{"));
        assert_eq!(bad, None);
    }
}

#[test]
fn promtool_has_nothing_to_say() {
    let spawned = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = spawned else {
        assert!(std::env::var_os("CI").is_none(), "promtool is missing; scripts/test-tools installs it");
        writeln!(std::io::stderr(), "skipped: promtool is not here; scripts/test-tools installs it on Debian").unwrap();
        return;
    };
    promtool.stdin.take().unwrap().write_all(page().as_bytes()).unwrap();
    let said = promtool.wait_with_output().unwrap();
    let text = [said.stdout, said.stderr].map(|t| String::from_utf8_lossy(&t).into_owned()).concat();
    assert!(said.status.success() && text.trim().is_empty(), "{text}");
}
