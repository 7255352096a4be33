//! Stores of made-up records; nothing in them was measured.

use ndbench::event::{EpochResult, EpochTimes, MemoryPeak, Outcome, StepSplit};
use ndbench::plan::{Filter, Overrides, ResolvedTrial, expand};
use ndbench::profile::Profile;
use ndbench::record::{Record, SCHEMA};
use ndbench::scenario::Scenario;
use ndbench::telemetry::{Device, Environment, Host, Software};
use ndbench::units::{Bytes, Seconds};
use std::path::Path;
use std::process::{Command, Output};

/// The trials of a built-in scenario that `only` keeps.
pub fn trials(scenario: &str, only: &[&str]) -> Vec<ResolvedTrial> {
    let (scenario, profile) = (Scenario::load(scenario).unwrap(), Profile::load("cpu").unwrap());
    expand(&scenario, &profile, &Overrides::default(), &Filter::parse(only).unwrap()).unwrap()
}

/// A finished record that ends at these accuracies, percent.
pub fn record(resolved: &ResolvedTrial, test: f64, train: f64) -> Record {
    let trial = resolved.trial.clone();
    let step =
        StepSplit { data: Seconds(0.01), forward: Seconds(0.2), backward: Seconds(0.4), optimiser: Seconds(0.05) };
    let epoch = |epoch| EpochResult {
        epoch,
        train_loss: 0.5,
        train_top1: train / 100.0,
        train_top5: 0.99,
        test_loss: 0.5,
        test_top1: test / 100.0,
        test_top5: 0.99,
        lr: 0.1,
        images: 50_000,
        seconds: EpochTimes { paper: Seconds(60.0), evaluation: Seconds(3.0), step: Some(step), sampled_steps: 4 },
    };
    Record {
        schema: SCHEMA.into(),
        trial_id: trial.id(),
        sources: resolved.sources.as_ref().clone(),
        block: resolved.block.clone(),
        outcome: Outcome::Finished,
        epochs: (1..=trial.epochs).map(epoch).collect(),
        trial,
        time_valid: true,
        sharers: 0,
        memory: MemoryPeak { allocated: None, reserved: None, resident: Some(Bytes(1 << 30)) },
        planned: None,
        telemetry: None,
        telemetry_overhead: None,
        environment: environment().into(),
        data_digest: None,
        left_out: None,
        slurm: None,
        started: jiff::Timestamp::from_second(1_750_000_000).unwrap(),
        finished: jiff::Timestamp::from_second(1_750_003_600).unwrap(),
        remarks: Vec::new(),
    }
}

fn environment() -> Environment {
    let (os, cpu) = ("a made-up system".into(), "a made-up processor".into());
    Environment {
        host: Host { name: "nowhere".into(), os, cpu, cores: 2, memory: Bytes(8 << 30) },
        software: Software { ndbench: "0.1.0".into(), commit: "000000000000".into(), libtorch: "2.11.0".into() },
        device: Device::Cpu,
        threads: 2,
        settings: std::collections::BTreeMap::new(),
    }
}

/// `ndbench report` on a store.
pub fn report(scenario: &str, store: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ndbench"));
    command.args(["report", scenario, "--store"]).arg(store).args(arguments).output().unwrap()
}

/// What a successful command printed.
pub fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}
