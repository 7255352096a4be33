//! ResNet-18 (He et al., 2016): eight residual blocks of two 3x3 convolutions.

use crate::nn::blocks::{ConvNorm, Head, Shortcut, conv1x1, conv3x3, stages};
use crate::nn::layers::ConvShape;
use crate::nn::{Layer, Method, Own, Pass, Scope};
use tch::Tensor;

/// Channels and first stride of each stage of two blocks.
const STAGES: [(i64, i64); 4] = [(64, 1), (128, 2), (256, 2), (512, 2)];

/// The network, in the study's form, in that for ImageNet or with the CIFAR stem.
pub struct Resnet18 {
    stem: ConvNorm,
    pooled: bool,
    stages: Vec<Vec<BasicBlock>>,
    head: Head,
}

impl Resnet18 {
    /// The form the study ran: the ImageNet stem, weights initialised by the spread of the output (He et al., 2015), batch
    /// normalisation in the shortcuts even with deconvolution.
    pub fn new(method: Method, classes: i64, scope: &Scope) -> Self {
        Self::pooled(method, classes, scope, Order::NormsLast)
    }

    /// The form for ImageNet: the same function of parameters in another order.
    pub fn imagenet(method: Method, classes: i64, scope: &Scope) -> Self {
        Self::pooled(method, classes, scope, Order::InTurn)
    }

    fn pooled(method: Method, classes: i64, scope: &Scope, order: Order) -> Self {
        let shape = ConvShape::new(3, 64, 7).stride(2).padding(3);
        let conv = method.conv_from(&scope.sub("conv1"), shape, shape.he_by_outputs(), Own::frozen_first(15));
        let stem = ConvNorm { conv, norm: method.norm(&scope.sub("bn1"), 64) };
        let conv =
            |scope: &Scope, shape: ConvShape| method.conv_from(scope, shape, shape.he_by_outputs(), Own::NOTHING);
        let stages = residual_stages(scope, |scope, input, output, stride| {
            BasicBlock::new(method, scope, conv3x3(input, output, stride), order, conv, || {
                let shape = conv1x1(input, output, stride);
                if stride == 1 && input == output {
                    return Shortcut::Identity;
                }
                let scope = scope.sub("downsample");
                let conv = conv(&scope.sub("0"), shape);
                Shortcut::Projection(ConvNorm { conv, norm: method.with_bn().norm(&scope.sub("1"), output) })
            })
        });
        Self { stem, pooled: true, stages, head: Head::new(method, scope, "fc", 512, classes) }
    }

    /// The form for small images: a 3x3 stem without pooling.
    pub fn cifar(method: Method, classes: i64, scope: &Scope) -> Self {
        let stem = method.conv_norm_with(scope, "conv1", "bn1", conv3x3(3, 64, 1), Own::FIRST);
        let conv = |scope: &Scope, shape| method.conv(scope, shape);
        let stages = residual_stages(scope, |scope, input, output, stride| {
            BasicBlock::new(method, scope, conv3x3(input, output, stride), Order::NormsLast, conv, || {
                Shortcut::new(method, scope, "shortcut", conv1x1(input, output, stride))
            })
        });
        Self { stem, pooled: false, stages, head: Head::new(method, scope, "linear", 512, classes) }
    }
}

impl Layer for Resnet18 {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let mut x = self.stem.relu(x, pass);
        if self.pooled {
            x = x.max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false);
        }
        self.head.forward(&self.stages.forward(&x, pass), pass)
    }
}

/// The stages; `block` takes scope, input channels, output channels and stride.
fn residual_stages(scope: &Scope, block: impl Fn(&Scope, i64, i64, i64) -> BasicBlock) -> Vec<Vec<BasicBlock>> {
    let mut input = 64;
    stages(scope, &STAGES, 2, |scope, output, stride| {
        block(scope, std::mem::replace(&mut input, output), output, stride)
    })
}

/// The published order of a block's parameters.
#[derive(Debug, Clone, Copy)]
enum Order {
    /// Convolutions, shortcut, normalisations.
    NormsLast,
    /// Each normalisation after its convolution, then the shortcut.
    InTurn,
}

/// `relu(conv2(relu(conv1(x))) + shortcut(x))`, normalised after each convolution.
struct BasicBlock {
    first: ConvNorm,
    second: ConvNorm,
    shortcut: Shortcut,
}

impl BasicBlock {
    /// A block whose first convolution has `shape`; `conv` and `shortcut` make its convolutions and its shortcut.
    fn new(
        method: Method,
        scope: &Scope,
        shape: ConvShape,
        order: Order,
        conv: impl Fn(&Scope, ConvShape) -> Box<dyn Layer>,
        shortcut: impl FnOnce() -> Shortcut,
    ) -> Self {
        let conv1 = || conv(&scope.sub("conv1"), shape);
        let conv2 = || conv(&scope.sub("conv2"), conv3x3(shape.output, shape.output, 1));
        let norm = |name| method.norm(&scope.sub(name), shape.output);
        // Parameters lie in the order in which they are made here.
        match order {
            Order::NormsLast => {
                let (conv1, conv2, shortcut) = (conv1(), conv2(), shortcut());
                let first = ConvNorm { conv: conv1, norm: norm("bn1") };
                let second = ConvNorm { conv: conv2, norm: norm("bn2") };
                Self { first, second, shortcut }
            }
            Order::InTurn => {
                let first = ConvNorm { conv: conv1(), norm: norm("bn1") };
                let second = ConvNorm { conv: conv2(), norm: norm("bn2") };
                Self { first, second, shortcut: shortcut() }
            }
        }
    }
}

impl Layer for BasicBlock {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let mut y = self.second.forward(&self.first.relu(x, pass), pass);
        y += self.shortcut.forward(x, pass);
        y.relu_()
    }
}
