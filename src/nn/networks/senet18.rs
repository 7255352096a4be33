//! SENet-18 (Hu et al., 2018): the blocks of the pre-activation ResNet-18 with squeeze and excitation.

use super::preact18::{PreActBlock, residual_stages};
use crate::nn::blocks::{ConvNorm, Head, conv3x3};
use crate::nn::{Layer, Method, Pass, Scope};
use tch::Tensor;

/// The network.
pub struct Senet18 {
    stem: ConvNorm,
    stages: Vec<Vec<PreActBlock>>,
    head: Head,
}

impl Senet18 {
    /// The network for `classes` classes, its parameters in `scope`.
    pub fn new(method: Method, classes: i64, scope: &Scope) -> Self {
        Self {
            stem: method.frozen_stem(scope, conv3x3(3, 64, 1), 15),
            stages: residual_stages(method, scope, true),
            head: Head::new(method, scope, "linear", 512, classes),
        }
    }
}

impl Layer for Senet18 {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let x = self.stages.forward(&self.stem.relu(x, pass), pass);
        self.head.forward(&x, pass)
    }
}
