//! A store of made-up records, like a real one in everything that costs time: lengths, digits, environments, attempts,
//! and a few files that are broken, foreign, newer or there twice. Nothing in it was measured.

use ndbench::event::{EpochResult, EpochTimes, MemoryPeak, Outcome, StepSplit};
use ndbench::plan::{Filter, Overrides, ResolvedTrial, expand};
use ndbench::profile::Profile;
use ndbench::record::{Record, SCHEMA, Store};
use ndbench::scenario::Scenario;
use ndbench::telemetry::{Cuda, Device, Environment, Host, Software};
use ndbench::units::{Bytes, Seconds};
use std::fs;
use std::path::Path;
use std::thread;

/// Of so many files one is broken, one foreign, one newer and one a copy of another.
const ODD: usize = 100;

/// The study's ten networks on CIFAR-10, BN and ND, 1, 20 and 100 epochs, so many times.
pub fn trials(attempts: usize) -> Vec<ResolvedTrial> {
    let scenario = Scenario::load("table1-cifar10").expect("a built-in scenario");
    let profile = Profile::load("cpu").expect("a built-in profile");
    let overrides = Overrides { attempts: Some(attempts as u32), ..Overrides::default() };
    let filter = Filter::parse::<&str>(&[]).expect("an empty filter");
    expand(&scenario, &profile, &overrides, &filter).expect("trials")
}

/// Fills the store at `path` with a record of each trial; every hundredth file is something else, in each of four ways.
pub fn fill(path: &Path, trials: &[ResolvedTrial]) {
    let store = Store::open(path).expect("a store");
    fs::create_dir_all(store.records_path()).expect("a folder");
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let part = trials.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        for (thread, trials) in trials.chunks(part).enumerate() {
            let store = &store;
            scope.spawn(move || {
                trials.iter().enumerate().for_each(|(i, trial)| write(store, trial, thread * part + i));
            });
        }
    });
}

/// Writes the record of a trial, or what stands in its place.
fn write(store: &Store, trial: &ResolvedTrial, number: usize) {
    let path = store.record_path(&trial.trial);
    let text = record(trial, number as u64).to_json().expect("finite numbers");
    match number % ODD {
        0 => fs::write(&path, &text[..text.len() / 2]),
        1 => fs::write(&path, "{\"name\": \"a-package\", \"version\": \"1.0.0\"}"),
        2 => fs::write(&path, text.replacen(SCHEMA, "ndbench.record/2", 1)),
        3 => fs::write(path.with_extension("copy.json"), &text).and_then(|()| fs::write(&path, &text)),
        _ => fs::write(&path, &text),
    }
    .expect("a file");
}

/// A finished record; `seed` makes its numbers.
fn record(resolved: &ResolvedTrial, seed: u64) -> Record {
    let trial = resolved.trial.clone();
    let mut numbers = Numbers(seed);
    let epochs = (1..=trial.epochs).map(|e| epoch(e, trial.epochs, &mut numbers)).collect();
    Record {
        planned: None,
        data_digest: None,
        left_out: None,
        slurm: None,
        schema: SCHEMA.into(),
        trial_id: trial.id(),
        trial,
        sources: resolved.sources.as_ref().clone(),
        block: resolved.block.clone(),
        outcome: Outcome::Finished,
        epochs,
        time_valid: !seed.is_multiple_of(50),
        sharers: 0,
        memory: MemoryPeak {
            allocated: Some(Bytes((numbers.next() * 8e9) as u64)),
            reserved: Some(Bytes((numbers.next() * 9e9) as u64)),
            resident: Some(Bytes((numbers.next() * 4e9) as u64)),
        },
        telemetry: None,
        telemetry_overhead: None,
        environment: environment(seed).into(),
        started: jiff::Timestamp::from_second(1_750_000_000 + seed as i64).expect("a time"),
        finished: jiff::Timestamp::from_second(1_750_003_600 + seed as i64).expect("a time"),
        remarks: if seed.is_multiple_of(20) { vec!["resumed from a checkpoint".into()] } else { Vec::new() },
    }
}

fn epoch(epoch: u32, of: u32, numbers: &mut Numbers) -> EpochResult {
    let mut score = |images: f64| (numbers.next() * images).round() / images;
    let (train_top1, train_top5, test_top1, test_top5) = (score(5e4), score(5e4), score(1e4), score(1e4));
    let mut seconds = |scale: f64| Seconds(numbers.next() * scale);
    let step =
        StepSplit { data: seconds(0.002), forward: seconds(0.03), backward: seconds(0.06), optimiser: seconds(0.004) };
    let (paper, evaluation) = (seconds(60.0), seconds(3.0));
    EpochResult {
        epoch,
        train_loss: numbers.next(),
        train_top1,
        train_top5,
        test_loss: numbers.next(),
        test_top1,
        test_top5,
        lr: 0.05 * (1.0 + (std::f64::consts::PI * f64::from(epoch) / f64::from(of)).cos()),
        images: 50_000,
        seconds: EpochTimes { paper, evaluation, step: Some(step), sampled_steps: 40 },
    }
}

/// One of two GPUs on one of ten hosts.
fn environment(seed: u64) -> Environment {
    let (host, model) = (seed % 10, ["NVIDIA H200", "Tesla V100-PCIE-16GB"][(seed / 10 % 2) as usize]);
    Environment {
        host: Host {
            name: format!("node{host:02}"),
            os: "Linux (Rocky Linux 9.4), kernel 5.14.0-427.el9.x86_64".into(),
            cpu: "AMD EPYC 9354 32-Core Processor".into(),
            cores: 16,
            memory: Bytes(128 << 30),
        },
        software: Software {
            ndbench: "0.1.0".into(),
            commit: format!("{:012x}", 0x61c2_32a2_cd41_u64 + seed / 5000),
            libtorch: "2.11.0".into(),
        },
        device: Device::Cuda(Cuda {
            index: 0,
            name: Some(model.into()),
            uuid: None,
            driver: Some("580.65.06".into()),
            cuda: Some("13.0".into()),
            cudnn: Some("9.10.2".into()),
            memory: Some(Bytes(16 << 30)),
        }),
        threads: 8,
        settings: std::collections::BTreeMap::new(),
    }
}

/// Numbers from 0 to 1 with all their digits (Steele, Lea and Flood's SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
