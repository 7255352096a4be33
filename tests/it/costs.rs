//! The sizes that estimates use without libtorch are those of the networks.

use ndbench::nn::networks::{build, facts};
use ndbench::nn::{Method, Pass, Store};
use ndbench::plan::{Cost, StepMemory, StepTime, Trial};
use ndbench::profile::Profile;
use ndbench::record::{self, Record};
use ndbench::scenario::{Architecture, Deconvolution, Implementation};
use ndbench::train::{live_memory, peak_memory, reset_peak_memory, tune_host_allocator};
use std::path::Path;
use std::process::Command;
use tch::{Device, Kind, Tensor};

#[test]
fn costs_are_those_of_the_networks() {
    for architecture in Architecture::ALL {
        let facts = facts(architecture, Method::bn(), architecture.classes());
        assert_eq!(Cost::of(architecture), Cost { macs: facts.macs, parameters: facts.parameters }, "{architecture}");
    }
}

/// Live tensors at the peak of one step, forward and backward, or of an evaluation.
fn peak(architecture: Architecture, method: Method, batch: i64, training: bool) -> f64 {
    let live = || live_memory(Device::Cpu).expect("tensors on the CPU are counted").0;
    let before = live();
    let store = Store::new(Device::Cpu, Kind::Float);
    let network = build(architecture, method, 10, &store.root());
    store.initialise(1);
    let images = Tensor::rand([batch, 3, 32, 32], (Kind::Float, Device::Cpu));
    let labels = Tensor::zeros([batch], (Kind::Int64, Device::Cpu));
    reset_peak_memory(Device::Cpu);
    if training {
        network.forward(&images, &Pass::training()).cross_entropy_for_logits(&labels).backward();
    } else {
        let _logits = tch::no_grad(|| network.forward(&images, &Pass::evaluation()));
    }
    let peak = peak_memory(Device::Cpu).0.expect("tensors on the CPU are counted").0;
    (peak - before) as f64
}

/// Set in the process that has the counters of memory to itself.
const ALONE: &str = "NDBENCH_TEST_ALONE";

#[test]
fn steps_take_the_memory_that_estimates_assume() {
    if std::env::var_os(ALONE).is_none() {
        // Tests of one process share its counters.
        let this = ["--exact", "costs::steps_take_the_memory_that_estimates_assume", "--nocapture"];
        let status = Command::new(std::env::current_exe().unwrap()).args(this).env(ALONE, "1").status().unwrap();
        return assert!(status.success(), "see above");
    }
    tune_host_allocator();
    let mut wrong = Vec::new();
    for architecture in Architecture::ALL {
        let Some(bn) = StepMemory::of(architecture, None) else { continue };
        let evaluation = |batch| peak(architecture, Method::bn(), batch, false);
        let found = (evaluation(64) - evaluation(32)) / 32.0;
        let ratio = bn.evaluation.0 as f64 / found;
        if !(0.85..1.15).contains(&ratio) {
            wrong.push(format!("{architecture} evaluation: {ratio:.3} of {found} an image"));
        }
        for implementation in [None].into_iter().chain(Implementation::ALL.map(Some)) {
            let settings = implementation.map(|i| Deconvolution { implementation: i, ..Deconvolution::default() });
            let method = settings.map_or(Method::bn(), Method::nd);
            for batch in if implementation.is_none() { vec![4, 12] } else { vec![4] } {
                let assumed = StepMemory::of(architecture, implementation).expect("measured with each implementation");
                let found = peak(architecture, method, batch, true);
                let ratio = assumed.live(batch as u64).0 as f64 / found;
                // libtorch's convolutions take other buffers on other CPUs.
                if !(0.85..1.15).contains(&ratio) {
                    wrong.push(format!("{architecture} {implementation:?} batch {batch}: {ratio:.3} of {found}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A record of every network, BN, published and fast.
fn measured() -> Vec<Record> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/cpu/networks");
    let records = record::Store::open_existing(folder).unwrap().records().0;
    let timed = Architecture::ALL.into_iter().filter(|a| StepTime::of(*a, None).is_some());
    assert_eq!(records.len(), 3 * timed.count());
    records.into_iter().map(|(_, record)| record).collect()
}

#[test]
fn steps_take_the_time_that_was_measured() {
    for record in measured() {
        let Trial { architecture, deconvolution, .. } = &record.trial;
        let assumed = StepTime::of(*architecture, deconvolution.map(|d| d.implementation)).unwrap().0;
        let images = record.epochs[0].images as f64 / f64::from(StepTime::BATCH);
        let found = record.epochs[0].seconds.paper.0 / images;
        assert!((assumed - found).abs() < 0.006, "{}: {assumed} for {found}", record.trial);
    }
}

#[test]
fn the_profile_of_cpus_takes_its_factor_from_the_records() {
    let estimates = Profile::load("cpu").unwrap().estimates();
    let factor = |record: &Record| {
        let Trial { architecture, recipe, deconvolution, .. } = &record.trial;
        let step = StepMemory::of(*architecture, deconvolution.map(|d| d.implementation)).unwrap();
        let tensors = step.live(recipe.batch_size.into()).0 + 4 * Cost::of(*architecture).parameters;
        (record.memory.resident.unwrap().0 - estimates.base_memory.0) as f64 / tensors as f64
    };
    let mut factors: Vec<f64> = measured().iter().map(factor).collect();
    factors.sort_by(f64::total_cmp);
    let (least, median, most) = (factors[0], factors[factors.len() / 2], factors[factors.len() - 1]);
    assert!((median - estimates.memory_factor).abs() < 0.03, "the median is {median:.3}");
    assert!(least > estimates.memory_factor / 2.5 && most < 1.6 * estimates.memory_factor, "{least:.2} to {most:.2}");
}
