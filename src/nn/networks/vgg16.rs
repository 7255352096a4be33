//! VGG-16 (Simonyan and Zisserman, 2015): 3x3 convolutions, pooled to one pixel; one linear layer.

use super::vgg::Features;
use crate::nn::blocks::Head;
use crate::nn::{Layer, Method, Pass, Scope};
use tch::Tensor;

/// Channels of the convolutions of each stage.
const STAGES: [&[i64]; 5] = [&[64, 64], &[128, 128], &[256, 256, 256], &[512, 512, 512], &[512, 512, 512]];

/// The network; its convolutions have a bias with batch normalisation too.
pub struct Vgg16 {
    features: Features,
    head: Head,
}

impl Vgg16 {
    /// The network for `classes` classes, its parameters in `scope`.
    pub fn new(method: Method, classes: i64, scope: &Scope) -> Self {
        let conv = |scope: &Scope, shape, own| method.biased_conv(scope, shape, own);
        let features = Features::new(method, scope, &STAGES, conv);
        Self { features, head: Head::new(method, scope, "classifier", 512, classes) }
    }
}

impl Layer for Vgg16 {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        self.head.forward(&self.features.forward(x, pass), pass)
    }
}
