//! VGG-16 (Simonyan and Zisserman, 2015): 3x3 convolutions, pooled to one pixel; one linear layer.

use crate::nn::blocks::{Head, Normalisation, conv3x3};
use crate::nn::{Layer, Method, Own, Pass, Scope};
use tch::Tensor;

/// Channels of the convolutions of each stage; a stage ends by halving the image.
const STAGES: [&[i64]; 5] = [&[64, 64], &[128, 128], &[256, 256, 256], &[512, 512, 512], &[512, 512, 512]];

/// The network; its convolutions have a bias with batch normalisation too.
pub struct Vgg16 {
    stages: Vec<Vec<Unit>>,
    head: Head,
}

struct Unit {
    conv: Box<dyn Layer>,
    norm: Normalisation,
}

impl Vgg16 {
    /// The network for `classes` classes, its parameters in `scope`.
    pub fn new(method: Method, classes: i64, scope: &Scope) -> Self {
        let features = scope.sub("features");
        // The published network numbers its modules through: convolution, normalisation if any, activation; pool.
        let modules = if method.is_bn() { 3 } else { 2 };
        let (mut module, mut channels) = (0, 3);
        let stages = STAGES
            .iter()
            .map(|stage| {
                let units = stage.iter().map(|&output| {
                    let unit = Unit::new(method, &features, module, channels, output);
                    (module, channels) = (module + modules, output);
                    unit
                });
                let units = units.collect();
                module += 1;
                units
            })
            .collect();
        Self { stages, head: Head::new(method, scope, "classifier", channels, classes) }
    }
}

impl Unit {
    fn new(method: Method, scope: &Scope, module: usize, input: i64, output: i64) -> Self {
        let (shape, place) = (conv3x3(input, output, 1), scope.sub(module));
        let conv = match module {
            0 => method.biased_conv(&place, shape, Own::frozen_first(15)),
            _ => method.biased_conv(&place, shape, Own::NOTHING),
        };
        Self { conv, norm: method.norm(&scope.sub(module + 1), output) }
    }
}

impl Layer for Unit {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        self.norm.relu(self.conv.forward(x, pass), pass)
    }
}

impl Layer for Vgg16 {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let mut x = x.shallow_clone();
        for stage in &self.stages {
            x = stage.forward(&x, pass).max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false);
        }
        self.head.forward(&x, pass)
    }
}
