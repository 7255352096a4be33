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
use ndbench::nn::{Layer, Pass, Scope, Store};
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
            for subject in subjects(&shape, clock) {
                for cache in ["warm", "cold"] {
                    let mut prepare = || {
                        if cache == "cold" {
                            scrubber.scrub()
                        }
                    };
                    passes(&mut group, clock, &subject, cache, &x, &mut prepare);
                }
                if subject.name != "plain" {
                    parts(&mut group, clock, &subject, &x);
                }
            }
        }
    }
}

/// A layer that is measured.
struct Subject {
    name: String,
    layer: Box<dyn Layer>,
    parameters: Vec<Tensor>,
}

impl Subject {
    fn new(name: &str, clock: DeviceTime, make: impl FnOnce(&Scope) -> Box<dyn Layer>) -> Self {
        let store = Store::new(clock.0, Kind::Float);
        let layer = make(&store.root());
        store.initialise(1);
        let mut parameters = Vec::new();
        store.each_parameter(|parameter| parameters.push(parameter.tensor.shallow_clone()));
        Self { name: name.into(), layer, parameters }
    }

    fn loss(&self, x: &Tensor) -> Tensor {
        self.layer.forward(x, &Pass::training()).sum(None::<Kind>)
    }
}

/// The plain convolution, and every implementation of network deconvolution.
fn subjects(layer: &shapes::Layer, clock: DeviceTime) -> Vec<Subject> {
    let (shape, n_iter, block) = (layer.convolution.shape, layer.n_iter, layer.block);
    let mut subjects = vec![Subject::new("plain", clock, |scope| Box::new(Conv2d::new(scope, shape, true)))];
    for implementation in Implementation::ALL {
        let settings = Deconvolution { implementation, n_iter, block, ..Deconvolution::default() };
        let make = |scope: &Scope| -> Box<dyn Layer> {
            Box::new(FastDeconv::new(scope, shape, true, Whitening::new(&settings)))
        };
        subjects.push(Subject::new(&implementation.to_string(), clock, make));
    }
    subjects
}

/// Forward pass, and the gradients by themselves, after `prepare`, which does not count.
fn passes(
    group: &mut BenchmarkGroup<DeviceTime>,
    clock: DeviceTime,
    subject: &Subject,
    cache: &str,
    x: &Tensor,
    prepare: &mut dyn FnMut(),
) {
    let (name, input) = (format!("{} {cache}", subject.name), || x.detach().set_requires_grad(true));
    group.bench_function(BenchmarkId::new("forward", &name), |b| {
        b.iter_custom(|n| {
            let once = |_| {
                let x = input();
                prepare();
                clock.time(|| subject.layer.forward(&x, &Pass::training()))
            };
            (0..n).map(once).sum()
        })
    });
    group.bench_function(BenchmarkId::new("backward", &name), |b| {
        b.iter_custom(|n| {
            let once = |_| {
                let x = input();
                let (loss, leaves) = (subject.loss(&x), subject.parameters.iter().chain([&x]).collect::<Vec<_>>());
                prepare();
                // As after a step of the optimiser gradients are new, and added to none.
                clock.time(|| Tensor::run_backward(&[&loss], &leaves, false, false))
            };
            (0..n).map(once).sum()
        })
    });
}

/// The parts of both passes by the host's clock, of a step that waits for the device after each.
fn parts(group: &mut BenchmarkGroup<DeviceTime>, clock: DeviceTime, subject: &Subject, x: &Tensor) {
    let step = || {
        let x = x.detach().set_requires_grad(true);
        let work = || subject.loss(&x).backward();
        parts_of(clock.0, work).expect("libtorch measures parts").1
    };
    for (part, of) in PARTS {
        group.bench_function(BenchmarkId::new(part, &subject.name), |b| {
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
