//! Dual path network 92 (Chen et al., 2017): some channels are added up as in a ResNet, others are kept as in a DenseNet.

use crate::nn::blocks::{ConvNorm, Head, conv1x1, conv3x3, strides};
use crate::nn::{Layer, Method, Pass, Scope};
use tch::Tensor;

const GROUPS: i64 = 32;

/// The network.
pub struct Dpn92 {
    stem: ConvNorm,
    stages: Vec<Vec<Block>>,
    head: Head,
}

/// One stage.
struct Stage {
    /// Channels of the grouped convolution.
    width: i64,
    /// Channels of the residual path.
    residual: i64,
    /// Channels that each block adds to the dense path.
    dense: i64,
    blocks: usize,
    stride: i64,
}

const STAGES: [Stage; 4] = [
    Stage { width: 96, residual: 256, dense: 16, blocks: 3, stride: 1 },
    Stage { width: 192, residual: 512, dense: 32, blocks: 4, stride: 2 },
    Stage { width: 384, residual: 1024, dense: 24, blocks: 20, stride: 2 },
    Stage { width: 768, residual: 2048, dense: 128, blocks: 3, stride: 2 },
];

impl Dpn92 {
    /// The network for `classes` classes, its parameters in `scope`.
    pub fn new(method: Method, classes: i64, scope: &Scope) -> Self {
        let mut channels = 64;
        let stem = method.frozen_stem(scope, conv3x3(3, channels, 1), 10);
        let mut stages = Vec::new();
        for (number, stage) in (1..).zip(&STAGES) {
            let place = scope.sub(format!("layer{number}"));
            let blocks = strides(stage.stride, stage.blocks).enumerate().map(|(i, stride)| {
                let block = Block::new(method, &place.sub(i), stage, channels, stride, i == 0);
                channels = stage.residual + (i as i64 + 2) * stage.dense;
                block
            });
            stages.push(blocks.collect());
        }
        Self { stem, stages, head: Head::new(method, scope, "linear", channels, classes) }
    }
}

impl Layer for Dpn92 {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let x = self.stages.forward(&self.stem.relu(x, pass), pass);
        self.head.forward(&x, pass)
    }
}

/// A bottleneck whose first `residual` channels are added to the input's and whose others are appended.
struct Block {
    residual: i64,
    /// Changes the channels in the first block of a stage.
    projection: Option<ConvNorm>,
    reduce: ConvNorm,
    grouped: ConvNorm,
    expand: ConvNorm,
}

impl Block {
    fn new(method: Method, scope: &Scope, stage: &Stage, input: i64, stride: i64, first: bool) -> Self {
        let &Stage { width, residual, dense, .. } = stage;
        let output = residual + dense;
        let shape = conv1x1(input, output, stride);
        let projection = first.then(|| {
            if method.is_bn() {
                method.conv_norm(&scope.sub("shortcut"), "0", "1", shape)
            } else {
                method.conv_norm(scope, "shortcut", "", shape)
            }
        });
        let grouped = conv3x3(width, width, stride).groups(GROUPS);
        Self {
            residual,
            projection,
            reduce: method.conv_norm(scope, "conv1", "bn1", conv1x1(input, width, 1)),
            grouped: method.conv_norm(scope, "conv2", "bn2", grouped),
            expand: method.conv_norm(scope, "conv3", "bn3", conv1x1(width, output, 1)),
        }
    }
}

impl Layer for Block {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let y = self.grouped.relu(&self.reduce.relu(x, pass), pass);
        let y = self.expand.forward(&y, pass);
        let x = match &self.projection {
            Some(projection) => projection.forward(x, pass),
            None => x.shallow_clone(),
        };
        let residual = |t: &Tensor| t.narrow(1, 0, self.residual);
        let dense = |t: &Tensor| t.narrow(1, self.residual, t.size()[1] - self.residual);
        Tensor::cat(&[residual(&x) + residual(&y), dense(&x), dense(&y)], 1).relu_()
    }
}
