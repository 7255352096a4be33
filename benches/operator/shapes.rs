//! The convolutions that network deconvolution whitens, of every network.

use super::BATCH;
use ndbench::nn::layers::ConvShape;
use ndbench::nn::{Convolution, Method, Products, Whitened, networks};
use ndbench::scenario::{Architecture, Deconvolution, Norm};

/// So many of each network, unless all are asked for.
const DEAREST: usize = 3;

/// A whitened convolution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layer {
    pub convolution: Convolution,
    /// Newton-Schulz iterations.
    pub n_iter: i64,
    /// Channels whitened together.
    pub block: i64,
}

/// The distinct whitened convolutions of a network: those that take the most multiplications in a training step, dearest
/// first.
pub fn of(architecture: Architecture) -> Vec<Layer> {
    let layers = networks::facts(architecture, Method::new(Norm::Nd, Deconvolution::default()), 10).layers;
    let mut distinct: Vec<(Layer, f64)> = Vec::new();
    for layer in &layers {
        let Some((whitened, convolution)) = layer.whitened.and_then(|w| Some((w, w.convolution?))) else { continue };
        let cost = cost(&whitened, layer.macs);
        let block = whitened.features / convolution.shape.kernel.pow(2);
        let layer = Layer { convolution, n_iter: whitened.n_iter, block };
        match distinct.iter_mut().find(|(known, _)| *known == layer) {
            Some((_, sum)) => *sum += cost,
            None => distinct.push((layer, cost)),
        }
    }
    distinct.sort_by(|one, other| other.1.total_cmp(&one.1));
    let all = std::env::var("NDBENCH_BENCH_SHAPES").is_ok_and(|which| which == "all");
    let wanted = if all { distinct.len() } else { DEAREST };
    distinct.into_iter().take(wanted).map(|(layer, _)| layer).collect()
}

/// Multiplications of a layer in a training step, about.
fn cost(whitened: &Whitened, macs: u64) -> f64 {
    let Products { forward, backward, backward_full } = Products::of(whitened.n_iter);
    let (groups, features) = (whitened.groups as f64, whitened.features as f64);
    let squares = f64::from(forward + backward) / 2.0 + f64::from(backward_full);
    let samples = 1.5 * whitened.samples * BATCH as f64;
    groups * features.powi(2) * (squares * features + samples) + 3.0 * macs as f64 * BATCH as f64
}

/// `64-128 k3 s2 g32 16x16 b64 n5`: channels, kernel, stride and groups other than 1, image, block, iterations.
pub fn name(layer: &Layer) -> String {
    let Layer { convolution, n_iter, block } = layer;
    let ConvShape { input, output, kernel, stride, groups, .. } = convolution.shape;
    let other_than_one = |letter: char, n: i64| if n == 1 { String::new() } else { format!(" {letter}{n}") };
    let (height, width) = convolution.image;
    let (stride, groups) = (other_than_one('s', stride), other_than_one('g', groups));
    format!("{input}-{output} k{kernel}{stride}{groups} {height}x{width} b{block} n{n_iter}")
}
