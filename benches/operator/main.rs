//! The deconvolution operator over the convolutions of the networks: forward, backward, and by parts, each implementation
//! beside the plain convolution, with caches warm and cold. Parts are those of a step that waits for the device after each.
//!
//! `NDBENCH_BENCH_DEVICE=cuda` measures on the first CUDA device, by events of its stream. `NDBENCH_BENCH_SHAPES=all` takes
//! every convolution of every network instead of the dearest. `scripts/benches` compares two runs.

mod shapes;
mod stopwatch;

use criterion::{BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use ndbench::nn::deconvolution::{FastDeconv, Whitening};
use ndbench::nn::layers::Conv2d;
use ndbench::nn::{Layer, Pass, Store};
use ndbench::probe::parts_of;
use ndbench::record::StepParts;
use ndbench::scenario::{Architecture, Deconvolution, Implementation};
use ndbench::train::tune_host_allocator;
use ndbench::units::Seconds;
use std::hint::black_box;
use std::time::Duration;
use stopwatch::{DeviceTime, Scrubber, device};
use tch::{Kind, Tensor};

/// A quarter of the study's, so that all of it takes minutes; the Newton-Schulz steps do not shrink with it.
const BATCH: i64 = 32;

/// A part of the operator's work, forward and back.
type Part = (&'static str, fn(&StepParts) -> Seconds);

const PARTS: [Part; 6] = [
    ("samples", |p| p.forward.samples + p.backward.samples),
    ("covariance", |p| p.forward.covariance + p.backward.covariance),
    ("newton-schulz forward", |p| p.forward.newton_schulz),
    ("newton-schulz back", |p| p.backward.newton_schulz),
    ("weight", |p| p.forward.weight + p.backward.weight),
    ("convolution", |p| p.forward.convolution + p.backward.convolution),
];

fn operator(c: &mut Criterion<DeviceTime>) {
    tune_host_allocator();
    let clock = DeviceTime(device());
    let mut scrubber = Scrubber::new(clock.0);
    for architecture in Architecture::for_side(32) {
        for shape in shapes::of(architecture) {
            let convolution = shape.convolution;
            let mut group = c.benchmark_group(format!("{architecture}/{}", shapes::name(&shape)));
            group.sample_size(10).sampling_mode(SamplingMode::Flat);
            group.warm_up_time(Duration::from_millis(50)).measurement_time(Duration::from_millis(500));
            let (height, width) = convolution.image;
            let x = Tensor::randn([BATCH, convolution.shape.input, height, width], (Kind::Float, clock.0));
            for (name, layer) in layers(&shape, clock) {
                for cache in ["warm", "cold"] {
                    let mut prepare = || {
                        if cache == "cold" {
                            scrubber.scrub()
                        }
                    };
                    passes(&mut group, clock, &format!("{name} {cache}"), &*layer, &x, &mut prepare);
                }
                if name != "plain" {
                    parts(&mut group, clock, &name, &*layer, &x);
                }
            }
        }
    }
}

/// The plain convolution, and every implementation of network deconvolution.
fn layers(layer: &shapes::Layer, clock: DeviceTime) -> Vec<(String, Box<dyn Layer>)> {
    let (store, shape) = (Store::new(clock.0, Kind::Float), layer.convolution.shape);
    let (n_iter, block) = (layer.n_iter, layer.block);
    let plain: Box<dyn Layer> = Box::new(Conv2d::new(&store.root().sub("plain"), shape, true));
    let mut layers = vec![("plain".to_string(), plain)];
    for implementation in Implementation::ALL {
        let settings = Deconvolution { implementation, n_iter, block, ..Deconvolution::default() };
        let layer = FastDeconv::new(&store.root().sub(implementation), shape, true, Whitening::new(&settings));
        layers.push((implementation.to_string(), Box::new(layer)));
    }
    store.initialise(1);
    layers
}

/// Forward pass, and the gradients by themselves, after `prepare`, which does not count.
fn passes(
    group: &mut BenchmarkGroup<DeviceTime>,
    clock: DeviceTime,
    name: &str,
    layer: &dyn Layer,
    x: &Tensor,
    prepare: &mut dyn FnMut(),
) {
    let input = || x.detach().set_requires_grad(true);
    group.bench_function(BenchmarkId::new("forward", name), |b| {
        b.iter_custom(|n| {
            let once = |_| {
                let x = input();
                prepare();
                clock.time(|| layer.forward(&x, &Pass::training()))
            };
            (0..n).map(once).sum()
        })
    });
    group.bench_function(BenchmarkId::new("backward", name), |b| {
        b.iter_custom(|n| {
            let once = |_| {
                let loss = layer.forward(&input(), &Pass::training()).sum(None::<Kind>);
                prepare();
                clock.time(|| loss.backward())
            };
            (0..n).map(once).sum()
        })
    });
}

/// The parts of both passes, of a step that waits for the device after each.
fn parts(group: &mut BenchmarkGroup<DeviceTime>, clock: DeviceTime, name: &str, layer: &dyn Layer, x: &Tensor) {
    let step = || {
        let x = x.detach().set_requires_grad(true);
        let work = || layer.forward(&x, &Pass::training()).sum(None::<Kind>).backward();
        parts_of(clock.0, work).expect("libtorch measures parts").1
    };
    for (part, of) in PARTS {
        group.bench_function(BenchmarkId::new(part, name), |b| {
            b.iter_custom(|n| (0..n).map(|_| Duration::from_secs_f64(black_box(of(&step())).0)).sum())
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(DeviceTime(device()));
    targets = operator
}
criterion_main!(benches);
