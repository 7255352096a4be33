//! One training step of every network, BN and ND: forward pass, backward pass and update, without data and tally; and
//! what timing its parts costs.

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use ndbench::clock::Laps;
use ndbench::nn::{Method, Scope, networks};
use ndbench::scenario::{Architecture, Deconvolution, Norm, Recipe};
use ndbench::train::{Model, tune_host_allocator};
use std::time::Duration;
use tch::{Device, Kind, Tensor};

/// A quarter of the study's, so that the whole table takes minutes; ND's matrix work does not shrink with it.
const BATCH: i64 = 32;
const CLASSES: i64 = 10;

/// Small enough that the loss of noise stays finite for as long as anyone measures.
const RATE: f64 = 1e-3;

fn steps(c: &mut Criterion) {
    tune_host_allocator();
    let images = Tensor::randn([BATCH, 3, 32, 32], (Kind::Float, Device::Cpu));
    let labels = Tensor::randint(CLASSES, [BATCH], (Kind::Int64, Device::Cpu));
    for architecture in Architecture::for_side(32) {
        let mut group = c.benchmark_group(format!("training step/{architecture}"));
        group.sample_size(10).sampling_mode(SamplingMode::Flat);
        group.warm_up_time(Duration::from_millis(1)).measurement_time(Duration::from_secs(1));
        group.throughput(Throughput::Elements(BATCH as u64));
        for norm in Norm::ALL {
            let method = Method::new(norm, Deconvolution::default());
            let build = |scope: &Scope| networks::build(architecture, method, CLASSES, scope);
            let mut model = Model::new(&build, Recipe::default(), 1, Device::Cpu);
            group.bench_function(BenchmarkId::from_parameter(norm), |b| {
                b.iter(|| {
                    let (loss, _) = model.forward(&images, &labels);
                    loss.backward();
                    model.update(RATE).expect("an update of finite numbers");
                });
            });
        }
    }
}

/// What a sampled step costs more than another: on the CPU five looks at the clock, nothing to wait for.
fn laps(c: &mut Criterion) {
    c.bench_function("clock of a sampled step", |b| {
        b.iter(|| {
            let mut laps = Laps::start(Device::Cpu);
            [(); 4].map(|()| laps.lap())
        });
    });
}

criterion_group!(benches, laps, steps);
criterion_main!(benches);
