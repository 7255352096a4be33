//! The sizes that estimates use without libtorch are those of the networks.

use ndbench::nn::networks::{build, facts};
use ndbench::nn::{Method, Pass, Store};
use ndbench::plan::account::{Cpu, Load, Subject};
use ndbench::plan::{Cost, StepTime, Trial};
use ndbench::profile::Profile;
use ndbench::record::{self, Record};
use ndbench::scenario::{Architecture, Deconvolution, Implementation, Norm};
use ndbench::train::{live_memory, peak_memory, reset_peak_memory, tune_host_allocator};
use ndbench::units::Bytes;
use std::path::Path;
use std::process::Command;
use tch::{Device, Kind, Tensor};

/// What the account has of a network.
fn subject(architecture: Architecture, norm: Norm, implementation: Option<Implementation>) -> Subject {
    let settings = implementation.map(|i| Deconvolution { implementation: i, ..Deconvolution::default() });
    Subject { cpu: Some(Cpu::here()), ..Subject::new(architecture, norm, settings) }
}

#[test]
fn the_account_s_layers_are_those_of_the_networks() {
    for architecture in Architecture::ALL {
        for norm in Norm::ALL {
            let facts = facts(architecture, Method::new(norm, Deconvolution::default()), architecture.classes());
            let subject = subject(architecture, norm, None);
            assert_eq!(subject.resident().0, facts.parameters, "{architecture} {norm}");
            let layers = subject.layers();
            assert_eq!(layers.len(), facts.layers.len(), "{architecture} {norm}");
            for (own, layer) in layers.iter().zip(&facts.layers) {
                let output: Vec<u64> = layer.output.iter().map(|side| *side as u64).collect();
                let features = layer.whitened.map_or(0, |whitened| whitened.features as u64);
                let found = (own.kind, own.macs, &own.output[..output.len()], own.features);
                assert_eq!(
                    found,
                    (layer.kind, layer.macs, &output[..], features),
                    "{architecture} {norm} {}",
                    layer.name
                );
            }
            if norm == Norm::Bn {
                let (macs, parameters) = (facts.macs, facts.parameters);
                assert_eq!(Cost::of(architecture), Cost { macs, parameters }, "{architecture}");
            }
        }
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

/// Whether this is the process of the test `name` alone; else that has run in one, and passed.
pub fn is_alone(name: &str) -> bool {
    /// Set in that process.
    const ALONE: &str = "NDBENCH_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let this = ["--exact", name, "--nocapture"];
    let status = Command::new(std::env::current_exe().unwrap()).args(this).env(ALONE, "1").status().unwrap();
    assert!(status.success(), "see above");
    false
}

#[test]
fn steps_take_the_memory_that_estimates_assume() {
    // Tests of one process share its counters of memory.
    if !is_alone("costs::steps_take_the_memory_that_estimates_assume") {
        return;
    }
    tune_host_allocator();
    let mut wrong = Vec::new();
    for architecture in Architecture::for_side(32) {
        for implementation in [None].into_iter().chain(Implementation::ALL.map(Some)) {
            let norm = implementation.map_or(Norm::Bn, |_| Norm::Nd);
            let settings = implementation.map(|i| Deconvolution { implementation: i, ..Deconvolution::default() });
            let method = settings.map_or(Method::bn(), Method::nd);
            // What an evaluation takes was measured with batch normalisation.
            for training in if implementation.is_none() { vec![true, false] } else { vec![true] } {
                let batch = 4;
                let found = peak(architecture, method, batch as i64, training);
                let load = Load { batch, part: batch, evaluation: batch, data: Bytes(0) };
                let account = subject(architecture, norm, implementation).account(load, None).unwrap();
                let parts = if training { account.step } else { account.evaluation };
                // No step was taken that left a momentum.
                let own = (parts.total() - parts.momentum) as f64;
                if own < 0.85 * found || own > 1.15 * found {
                    wrong.push(format!("{architecture} {implementation:?} training {training}: {own} of {found}"));
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
        let norm = if deconvolution.is_some() { Norm::Nd } else { Norm::Bn };
        // The records are of cores with AVX-512.
        let subject = subject(*architecture, norm, deconvolution.map(|d| d.implementation));
        let subject = Subject { cpu: Some(Cpu::WIDE), ..subject };
        let tensors = subject.step(recipe.batch_size.into()).unwrap().0;
        (record.memory.resident.unwrap().0 - estimates.base_memory.0) as f64 / tensors as f64
    };
    let mut factors: Vec<f64> = measured().iter().map(factor).collect();
    factors.sort_by(f64::total_cmp);
    let (least, median, most) = (factors[0], factors[factors.len() / 2], factors[factors.len() - 1]);
    assert!((median - estimates.memory_factor).abs() < 0.03, "the median is {median:.3}");
    assert!(least > estimates.memory_factor / 2.5 && most < 1.6 * estimates.memory_factor, "{least:.2} to {most:.2}");
}
