//! The sizes that estimates use without libtorch are those of the networks.

use ndbench::nn::networks::{build, facts};
use ndbench::nn::{Method, Pass, Store};
use ndbench::plan::{Cost, StepMemory, Trial};
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
        let facts = facts(architecture, Method::Bn, 10);
        assert_eq!(Cost::of(architecture), Cost { macs: facts.macs, parameters: facts.parameters }, "{architecture}");
    }
}

/// Live tensors at the peak of one step: forward and backward.
fn peak(architecture: Architecture, method: Method, batch: i64) -> f64 {
    let live = || live_memory(Device::Cpu).expect("tensors on the CPU are counted").0;
    let before = live();
    let store = Store::new(Device::Cpu, Kind::Float);
    let network = build(architecture, method, 10, &store.root());
    store.initialise(1);
    let images = Tensor::rand([batch, 3, 32, 32], (Kind::Float, Device::Cpu));
    let labels = Tensor::zeros([batch], (Kind::Int64, Device::Cpu));
    reset_peak_memory(Device::Cpu);
    network.forward(&images, &Pass::training()).cross_entropy_for_logits(&labels).backward();
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
        for implementation in [None].into_iter().chain(Implementation::ALL.map(Some)) {
            let settings = implementation.map(|i| Deconvolution { implementation: i, ..Deconvolution::default() });
            let method = settings.map_or(Method::Bn, Method::Nd);
            for batch in if implementation.is_none() { vec![4, 12] } else { vec![4] } {
                let (assumed, found) =
                    (StepMemory::of(architecture, implementation), peak(architecture, method, batch));
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

#[test]
fn the_profile_of_cpus_takes_its_factor_from_the_records() {
    let store =
        record::Store::open_existing(Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/cpu/memory")).unwrap();
    let estimates = Profile::load("cpu").unwrap().estimates();
    let factor = |record: &Record| {
        let Trial { architecture, recipe, deconvolution, .. } = &record.trial;
        let step = StepMemory::of(*architecture, deconvolution.map(|d| d.implementation));
        let tensors = step.live(recipe.batch_size.into()).0 + 4 * Cost::of(*architecture).parameters;
        (record.memory.resident.unwrap().0 - estimates.base_memory.0) as f64 / tensors as f64
    };
    let mut factors: Vec<f64> = store.records().0.iter().map(|(_, record)| factor(record)).collect();
    factors.sort_by(f64::total_cmp);
    assert_eq!(factors.len(), 3 * Architecture::ALL.len());
    let (least, median, most) = (factors[0], factors[factors.len() / 2], factors[factors.len() - 1]);
    assert!((median - estimates.memory_factor).abs() < 0.03, "the median is {median:.3}");
    assert!(least > estimates.memory_factor / 2.5 && most < 1.6 * estimates.memory_factor, "{least:.2} to {most:.2}");
}
