//! What the VGG networks share (Simonyan and Zisserman, 2015): stages of 3x3 convolutions that end by halving the image.

use crate::nn::blocks::{Normalisation, conv3x3};
use crate::nn::layers::ConvShape;
use crate::nn::{Layer, Method, Own, Pass, Scope};
use tch::Tensor;

/// The stages.
pub struct Features(Vec<Vec<Unit>>);

/// A convolution, its normalisation and an activation.
struct Unit {
    conv: Box<dyn Layer>,
    norm: Normalisation,
}

impl Features {
    /// Stages of convolutions with these numbers of channels, in the scope `features`. `conv` makes a convolution in its
    /// scope.
    pub fn new(
        method: Method,
        scope: &Scope,
        stages: &[&[i64]],
        conv: impl Fn(&Scope, ConvShape, Own) -> Box<dyn Layer>,
    ) -> Self {
        let features = scope.sub("features");
        // The published networks number their modules through: convolution, normalisation if any, activation; pool.
        let modules = if method.is_bn() { 3 } else { 2 };
        let (mut module, mut channels, mut made) = (0, 3, Vec::new());
        for stage in stages {
            let mut units = Vec::new();
            for &output in *stage {
                let own = if module == 0 { Own::frozen_first(15) } else { Own::NOTHING };
                let conv = conv(&features.sub(module), conv3x3(channels, output, 1), own);
                units.push(Unit { conv, norm: method.norm(&features.sub(module + 1), output) });
                (module, channels) = (module + modules, output);
            }
            made.push(units);
            module += 1;
        }
        Self(made)
    }
}

impl Layer for Features {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        self.0.iter().fold(x.shallow_clone(), |x, stage| {
            stage.forward(&x, pass).max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false)
        })
    }
}

impl Layer for Unit {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        self.norm.relu(self.conv.forward(x, pass), pass)
    }
}
