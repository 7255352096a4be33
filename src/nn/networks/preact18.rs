//! Pre-activation ResNet-18 (He et al., 2016): normalisation and activation stand before each convolution.

use crate::nn::blocks::{Head, Normalisation, SqueezeExcite, conv1x1, conv3x3, stages};
use crate::nn::{Layer, Method, Own, Pass, Scope};
use tch::Tensor;

/// Channels and first stride of each stage of two blocks.
const STAGES: [(i64, i64); 4] = [(64, 1), (128, 2), (256, 2), (512, 2)];

/// The network.
pub struct Preact18 {
    stem: Box<dyn Layer>,
    stages: Vec<Vec<PreActBlock>>,
    head: Head,
}

impl Preact18 {
    /// The network for `classes` classes, its parameters in `scope`.
    pub fn new(method: Method, classes: i64, scope: &Scope) -> Self {
        let stem = method.conv_with(&scope.sub("conv1"), conv3x3(3, 64, 1), Own::frozen_first(10));
        // The published network owns this normalisation, but never calls it.
        method.norm(&scope.sub("bn1"), 64);
        let stages = residual_stages(method, scope, false);
        Self { stem, stages, head: Head::new(method, scope, "linear", 512, classes) }
    }
}

impl Layer for Preact18 {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let x = self.stages.forward(&self.stem.forward(x, pass), pass);
        self.head.forward(&x, pass)
    }
}

/// The stages, with squeeze and excitation if `weighed`.
pub fn residual_stages(method: Method, scope: &Scope, weighed: bool) -> Vec<Vec<PreActBlock>> {
    let mut input = 64;
    stages(scope, &STAGES, 2, |scope, output, stride| {
        PreActBlock::new(method, scope, (std::mem::replace(&mut input, output), output, stride), weighed)
    })
}

/// `conv2(relu(conv1(a))) + shortcut` with `a = relu(x)`, normalised before each activation; the shortcut is `x`, or a
/// projection of `a`.
pub struct PreActBlock {
    before1: Normalisation,
    conv1: Box<dyn Layer>,
    before2: Normalisation,
    conv2: Box<dyn Layer>,
    projection: Option<Box<dyn Layer>>,
    weigh: Option<SqueezeExcite>,
}

impl PreActBlock {
    fn new(method: Method, scope: &Scope, (input, output, stride): (i64, i64, i64), weighed: bool) -> Self {
        let projection = if method.is_bn() { scope.sub("shortcut").sub("0") } else { scope.sub("shortcut") };
        Self {
            before1: method.norm(&scope.sub("bn1"), input),
            conv1: method.conv(&scope.sub("conv1"), conv3x3(input, output, stride)),
            before2: method.norm(&scope.sub("bn2"), output),
            conv2: method.conv(&scope.sub("conv2"), conv3x3(output, output, 1)),
            projection: (stride != 1 || input != output)
                .then(|| method.conv(&projection, conv1x1(input, output, stride))),
            weigh: weighed.then(|| SqueezeExcite::new(method, scope, output)),
        }
    }
}

impl Layer for PreActBlock {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let active = self.before1.relu_of(x, pass);
        let shortcut = match &self.projection {
            Some(projection) => projection.forward(&active, pass),
            None => x.shallow_clone(),
        };
        let y = self.before2.relu(self.conv1.forward(&active, pass), pass);
        let mut y = self.conv2.forward(&y, pass);
        if let Some(weigh) = &self.weigh {
            y = weigh.forward(&y, pass);
        }
        y += shortcut;
        y
    }
}
