//! The deconvolution operator, forward and backward, over the layer shapes of VGG-16 and DenseNet-121, and the
//! Newton-Schulz iteration by itself.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ndbench::nn::deconvolution::{FastDeconv, Whitening, inverse_sqrt};
use ndbench::nn::layers::{Conv2d, ConvShape};
use ndbench::nn::{Layer, Pass, Store};
use ndbench::scenario::{Deconvolution, Implementation};
use ndbench::train::tune_host_allocator;
use std::hint::black_box;
use tch::{Device, Kind, Tensor};

const BATCH: i64 = 32;
const OPTIONS: (Kind, Device) = (Kind::Float, Device::Cpu);

/// Distinct convolutions of a network: input, output, kernel, side of the image.
type Shapes = &'static [(i64, i64, i64, i64)];

const VGG16: Shapes = &[
    (3, 64, 3, 32),
    (64, 64, 3, 32),
    (64, 128, 3, 16),
    (128, 128, 3, 16),
    (128, 256, 3, 8),
    (256, 256, 3, 8),
    (256, 512, 3, 4),
    (512, 512, 3, 4),
    (512, 512, 3, 2),
];

const DENSENET121: Shapes = &[
    (64, 128, 1, 32),
    (224, 128, 1, 32),
    (128, 32, 3, 32),
    (256, 128, 1, 32),
    (480, 128, 1, 16),
    (128, 32, 3, 16),
    (992, 128, 1, 8),
    (128, 32, 3, 8),
    (992, 128, 1, 4),
    (128, 32, 3, 4),
];

/// Something to measure of a layer and its input.
type Measured = fn(&dyn Layer, &Tensor);

/// One training pass, with what its gradients will need.
fn forward(layer: &dyn Layer, x: &Tensor) {
    let x = x.detach().set_requires_grad(true);
    let _ = black_box(layer.forward(&x, &Pass::training()));
}

/// One training pass and its gradients.
fn forward_backward(layer: &dyn Layer, x: &Tensor) {
    let x = x.detach().set_requires_grad(true);
    layer.forward(&x, &Pass::training()).sum(None::<Kind>).backward();
}

fn convolutions(c: &mut Criterion) {
    tune_host_allocator();
    for (network, shapes) in [("vgg16", VGG16), ("densenet121", DENSENET121)] {
        for (what, measured) in [("forward", forward as Measured), ("forward+backward", forward_backward)] {
            let mut group = c.benchmark_group(format!("{what}/{network}"));
            group.sample_size(10);
            for &(input, output, kernel, side) in shapes {
                let shape = ConvShape::new(input, output, kernel).padding(kernel / 2);
                let x = Tensor::randn([BATCH, input, side, side], OPTIONS);
                let name = format!("{input}-{output} k{kernel} {side}x{side}");
                for (operator, layer) in layers(shape) {
                    group.bench_function(BenchmarkId::new(operator, &name), |b| b.iter(|| measured(&*layer, &x)));
                }
            }
        }
    }
}

/// The plain convolution of this shape, and every implementation of network deconvolution.
fn layers(shape: ConvShape) -> Vec<(String, Box<dyn Layer>)> {
    let store = Store::new(Device::Cpu, Kind::Float);
    let plain: Box<dyn Layer> = Box::new(Conv2d::new(&store.root().sub("plain"), shape, true));
    let mut layers = vec![("plain".to_string(), plain)];
    for implementation in Implementation::ALL {
        let settings = Deconvolution { implementation, ..Deconvolution::default() };
        let layer = FastDeconv::new(&store.root().sub(implementation), shape, true, Whitening::new(&settings));
        layers.push((implementation.to_string(), Box::new(layer)));
    }
    store.initialise(1);
    layers
}

fn newton_schulz(c: &mut Criterion) {
    let mut group = c.benchmark_group("newton-schulz/5 steps");
    group.sample_size(10);
    for features in [27, 64, 147, 576] {
        let m = Tensor::randn([features, 4 * features], OPTIONS);
        let covariance = m.matmul(&m.tr()) / (4 * features) as f64;
        group.bench_function(BenchmarkId::from_parameter(features), |b| {
            b.iter(|| black_box(inverse_sqrt(&covariance, 5)))
        });
    }
}

criterion_group!(benches, convolutions, newton_schulz);
criterion_main!(benches);
