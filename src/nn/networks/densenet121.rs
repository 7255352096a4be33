//! DenseNet-121 (Huang et al., 2017), growth 32: each layer reads what all earlier layers of its block wrote.

use crate::nn::blocks::{Head, Normalisation, conv1x1, conv3x3};
use crate::nn::{Layer, Method, Own, Pass, Scope};
use tch::Tensor;

/// Channels that each layer adds.
const GROWTH: i64 = 32;
/// Layers of each dense block.
const BLOCKS: [usize; 4] = [6, 12, 24, 16];

/// The network.
pub struct Densenet121 {
    stem: Box<dyn Layer>,
    blocks: Vec<Vec<DenseLayer>>,
    transitions: Vec<Transition>,
    norm: Normalisation,
    head: Head,
}

impl Densenet121 {
    /// The network for `classes` classes, its parameters in `scope`.
    pub fn new(method: Method, classes: i64, scope: &Scope) -> Self {
        let mut channels = 2 * GROWTH;
        let stem = method.conv_with(&scope.sub("conv1"), conv3x3(3, channels, 1), Own::FIRST);
        let (mut blocks, mut transitions) = (Vec::new(), Vec::new());
        for (number, layers) in (1..).zip(BLOCKS) {
            let block = scope.sub(format!("dense{number}"));
            let layer = |i| DenseLayer::new(method, &block.sub(i), channels + i as i64 * GROWTH);
            blocks.push((0..layers).map(layer).collect());
            channels += layers as i64 * GROWTH;
            if number < BLOCKS.len() {
                transitions.push(Transition::new(method, &scope.sub(format!("trans{number}")), channels));
                channels /= 2;
            }
        }
        let norm = method.norm(&scope.sub("bn"), channels);
        Self { stem, blocks, transitions, norm, head: Head::new(method, scope, "linear", channels, classes) }
    }
}

impl Layer for Densenet121 {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let mut x = self.stem.forward(x, pass);
        for (i, block) in self.blocks.iter().enumerate() {
            x = block.forward(&x, pass);
            if let Some(transition) = self.transitions.get(i) {
                x = transition.forward(&x, pass);
            }
        }
        self.head.forward(&self.norm.relu(x, pass), pass)
    }
}

/// A 1x1 and a 3x3 convolution, each activated before; the new channels stand before the old.
struct DenseLayer {
    before1: Normalisation,
    conv1: Box<dyn Layer>,
    before2: Normalisation,
    conv2: Box<dyn Layer>,
}

impl DenseLayer {
    fn new(method: Method, scope: &Scope, input: i64) -> Self {
        let width = 4 * GROWTH;
        Self {
            before1: method.norm(&scope.sub("bn1"), input),
            conv1: method.conv(&scope.sub("conv1"), conv1x1(input, width, 1)),
            before2: method.norm(&scope.sub("bn2"), width),
            conv2: method.conv(&scope.sub("conv2"), conv3x3(width, GROWTH, 1)),
        }
    }
}

impl Layer for DenseLayer {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let y = self.conv1.forward(&self.before1.relu_of(x, pass), pass);
        let y = self.conv2.forward(&self.before2.relu(y, pass), pass);
        Tensor::cat(&[&y, x], 1)
    }
}

/// Halves the channels and the image.
struct Transition {
    before: Normalisation,
    conv: Box<dyn Layer>,
}

impl Transition {
    fn new(method: Method, scope: &Scope, input: i64) -> Self {
        Self {
            before: method.norm(&scope.sub("bn"), input),
            conv: method.conv(&scope.sub("conv"), conv1x1(input, input / 2, 1)),
        }
    }
}

impl Layer for Transition {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let y = self.conv.forward(&self.before.relu_of(x, pass), pass);
        y.avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None)
    }
}
