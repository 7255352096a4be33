//! EfficientNet-B0 (Tan and Le, 2019), CIFAR form: inverted residuals with squeeze and excitation.
//!
//! The published network deconvolves its first and last layer only; the blocks are batch-normalised either way.

use crate::nn::blocks::{ConvNorm, Head, Shortcut, SqueezeExcite, conv1x1, conv3x3, strides};
use crate::nn::{Layer, Method, Pass, Scope};
use tch::Tensor;

/// Expansion, channels, blocks and first stride of each stage.
const STAGES: [(i64, i64, usize, i64); 7] =
    [(1, 16, 1, 2), (6, 24, 2, 1), (6, 40, 2, 2), (6, 80, 3, 2), (6, 112, 3, 1), (6, 192, 4, 2), (6, 320, 1, 2)];

/// The network.
pub struct Efficientnet {
    stem: ConvNorm,
    blocks: Vec<Block>,
    head: Head,
}

impl Efficientnet {
    /// The network for `classes` classes, its parameters in `scope`.
    pub fn new(method: Method, classes: i64, scope: &Scope) -> Self {
        let mut input = 32;
        let stem = method.frozen_stem(scope, conv3x3(3, input, 1), 10);
        let (plain, layers) = (method.with_bn(), scope.sub("layers"));
        let mut blocks = Vec::new();
        for (expansion, output, count, first) in STAGES {
            for stride in strides(first, count) {
                blocks.push(Block::new(plain, &layers.sub(blocks.len()), (input, output), expansion, stride));
                input = output;
            }
        }
        Self { stem, blocks, head: Head::new(method, scope, "linear", input, classes) }
    }
}

impl Layer for Efficientnet {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let x = self.blocks.forward(&self.stem.relu(x, pass), pass);
        self.head.forward(&x, pass)
    }
}

/// Expand, convolve by channel, project, weigh the channels. What is added is the shortcut of the input where the image
/// keeps its size, otherwise the projection before it was weighed.
struct Block {
    shortcut: Option<Shortcut>,
    expand: ConvNorm,
    depthwise: ConvNorm,
    project: ConvNorm,
    weigh: SqueezeExcite,
}

impl Block {
    fn new(method: Method, scope: &Scope, (input, output): (i64, i64), expansion: i64, stride: i64) -> Self {
        let width = expansion * input;
        let depthwise = conv3x3(width, width, stride).groups(width);
        Self {
            shortcut: (stride == 1).then(|| Shortcut::new(method, scope, "shortcut", conv1x1(input, output, 1))),
            expand: method.conv_norm(scope, "conv1", "bn1", conv1x1(input, width, 1)),
            depthwise: method.conv_norm(scope, "conv2", "bn2", depthwise),
            project: method.conv_norm(scope, "conv3", "bn3", conv1x1(width, output, 1)),
            weigh: SqueezeExcite::new(method, scope, output),
        }
    }
}

impl Layer for Block {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let y = self.depthwise.relu(&self.expand.relu(x, pass), pass);
        let y = self.project.forward(&y, pass);
        let added = match &self.shortcut {
            Some(shortcut) => shortcut.forward(x, pass),
            None => y.shallow_clone(),
        };
        let mut y = self.weigh.forward(&y, pass);
        y += added;
        y
    }
}
