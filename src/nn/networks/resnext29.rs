//! ResNeXt-29 32x4d (Xie et al., 2017): residual blocks whose 3x3 convolution has 32 groups.

use crate::nn::blocks::{ConvNorm, Head, Shortcut, conv1x1, conv3x3, stages};
use crate::nn::{Layer, Method, Own, Pass, Scope};
use tch::Tensor;

const CARDINALITY: i64 = 32;
/// Channels of the grouped convolutions and first stride of each stage of three blocks; a block puts out twice as many.
const STAGES: [(i64, i64); 3] = [(128, 1), (256, 2), (512, 2)];

/// The network.
pub struct Resnext29 {
    stem: ConvNorm,
    stages: Vec<Vec<Block>>,
    head: Head,
}

impl Resnext29 {
    /// The network for `classes` classes, its parameters in `scope`.
    pub fn new(method: Method, classes: i64, scope: &Scope) -> Self {
        let mut input = 64;
        let stem = method.frozen_stem(scope, conv1x1(3, input, 1), 10);
        let stages = stages(scope, &STAGES, 3, |scope, width, stride| {
            Block::new(method, scope, std::mem::replace(&mut input, 2 * width), width, stride)
        });
        Self { stem, stages, head: Head::new(method, scope, "linear", input, classes) }
    }
}

impl Layer for Resnext29 {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let x = self.stages.forward(&self.stem.relu(x, pass), pass);
        self.head.forward(&x, pass)
    }
}

/// Reduce, convolve in groups, expand; around it the shortcut.
struct Block {
    reduce: ConvNorm,
    grouped: ConvNorm,
    expand: ConvNorm,
    shortcut: Shortcut,
}

impl Block {
    fn new(method: Method, scope: &Scope, input: i64, width: i64, stride: i64) -> Self {
        let grouped = conv3x3(width, width, stride).groups(CARDINALITY);
        let output = 2 * width;
        Self {
            reduce: method.conv_norm(scope, "conv1", "bn1", conv1x1(input, width, 1)),
            grouped: method.conv_norm_with(scope, "conv2", "bn2", grouped, Own::NOTHING.iterations(3)),
            expand: method.conv_norm(scope, "conv3", "bn3", conv1x1(width, output, 1)),
            shortcut: Shortcut::new(method, scope, "shortcut", conv1x1(input, output, stride)),
        }
    }
}

impl Layer for Block {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let y = self.grouped.relu(&self.reduce.relu(x, pass), pass);
        let mut y = self.expand.forward(&y, pass);
        y += self.shortcut.forward(x, pass);
        y.relu_()
    }
}
