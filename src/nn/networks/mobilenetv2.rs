//! MobileNet v2 (Sandler et al., 2018): inverted residuals around depthwise convolutions.

use crate::nn::blocks::{ConvNorm, Head, Shortcut, conv1x1, conv3x3, strides};
use crate::nn::{Layer, Method, Own, Pass, Scope};
use tch::Tensor;

/// Expansion, channels, blocks and first stride of each stage.
const STAGES: [(i64, i64, usize, i64); 7] =
    [(1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];

/// The network.
pub struct MobilenetV2 {
    stem: ConvNorm,
    blocks: Vec<Block>,
    last: ConvNorm,
    head: Head,
}

impl MobilenetV2 {
    /// The network for `classes` classes, its parameters in `scope`.
    pub fn new(method: Method, classes: i64, scope: &Scope) -> Self {
        let mut input = 32;
        let stem = method.frozen_stem(scope, conv3x3(3, input, 1), 10);
        let last = method.conv_norm(scope, "conv2", "bn2", conv1x1(320, 1280, 1));
        let layers = scope.sub("layers");
        let mut blocks = Vec::new();
        for (expansion, output, count, first) in STAGES {
            for stride in strides(first, count) {
                blocks.push(Block::new(method, &layers.sub(blocks.len()), (input, output), expansion, stride));
                input = output;
            }
        }
        Self { stem, blocks, last, head: Head::new(method, scope, "linear", 1280, classes) }
    }
}

impl Layer for MobilenetV2 {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let x = self.blocks.forward(&self.stem.relu(x, pass), pass);
        self.head.forward(&self.last.relu(&x, pass), pass)
    }
}

/// Expand, convolve by channel, project; a shortcut where the image keeps its size.
struct Block {
    expand: ConvNorm,
    depthwise: ConvNorm,
    project: ConvNorm,
    shortcut: Option<Shortcut>,
}

impl Block {
    fn new(method: Method, scope: &Scope, (input, output): (i64, i64), expansion: i64, stride: i64) -> Self {
        let width = expansion * input;
        let depthwise = conv3x3(width, width, stride).groups(width);
        let project = conv1x1(width, output, 1);
        Self {
            expand: method.conv_norm(scope, "conv1", "bn1", conv1x1(input, width, 1)),
            depthwise: method.conv_norm_with(scope, "conv2", "bn2", depthwise, Own::NOTHING.iterations(1)),
            project: method.conv_norm_with(scope, "conv3", "bn3", project, Own::NOTHING.iterations(1).block(input)),
            shortcut: (stride == 1).then(|| Shortcut::new(method, scope, "shortcut", conv1x1(input, output, 1))),
        }
    }
}

impl Layer for Block {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let y = self.depthwise.relu(&self.expand.relu(x, pass), pass);
        let mut y = self.project.forward(&y, pass);
        if let Some(shortcut) = &self.shortcut {
            y += shortcut.forward(x, pass);
        }
        y
    }
}
