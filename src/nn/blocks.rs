//! What several networks are made of.

use super::layers::{BatchNorm2d, ConvShape};
use super::{Layer, Method, Own, Pass, Scope};
use tch::Tensor;

/// A 3x3 convolution that keeps the size of the image, divided by `stride`.
pub fn conv3x3(input: i64, output: i64, stride: i64) -> ConvShape {
    ConvShape::new(input, output, 3).stride(stride).padding(1)
}

/// A 1x1 convolution.
pub fn conv1x1(input: i64, output: i64, stride: i64) -> ConvShape {
    ConvShape::new(input, output, 1).stride(stride)
}

/// The strides of a stage of `blocks` blocks: `first`, then 1.
pub fn strides(first: i64, blocks: usize) -> impl Iterator<Item = i64> {
    std::iter::once(first).chain(std::iter::repeat(1)).take(blocks)
}

/// The stages `layer1`, `layer2`, ... of `count` blocks each. `block` makes a block from its scope, the stage's channels
/// and the block's stride.
pub fn stages<B>(
    scope: &Scope,
    plan: &[(i64, i64)],
    count: usize,
    mut block: impl FnMut(&Scope, i64, i64) -> B,
) -> Vec<Vec<B>> {
    let mut stage = |(number, &(channels, first)): (usize, &(i64, i64))| {
        let stage = scope.sub(format!("layer{}", number + 1));
        strides(first, count).enumerate().map(|(i, stride)| block(&stage.sub(i), channels, stride)).collect()
    };
    plan.iter().enumerate().map(&mut stage).collect()
}

/// Layers one after another.
impl<L: Layer> Layer for Vec<L> {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        self.iter().fold(x.shallow_clone(), |x, layer| layer.forward(&x, pass))
    }
}

impl<L: Layer + ?Sized> Layer for Box<L> {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        (**self).forward(x, pass)
    }
}

/// Batch normalisation, or nothing where deconvolution stands in for it.
#[derive(Debug)]
pub struct Normalisation(pub Option<BatchNorm2d>);

impl Normalisation {
    /// The normalised `y`, which is given up.
    pub fn apply(&self, y: Tensor, pass: &Pass) -> Tensor {
        match &self.0 {
            Some(norm) => norm.forward(&y, pass),
            None => y,
        }
    }

    /// The normalised and rectified `y`, which is given up.
    pub fn relu(&self, y: Tensor, pass: &Pass) -> Tensor {
        self.apply(y, pass).relu_()
    }

    /// The normalised and rectified `x`, which stays as it is.
    pub fn relu_of(&self, x: &Tensor, pass: &Pass) -> Tensor {
        match &self.0 {
            Some(norm) => norm.forward(x, pass).relu_(),
            None => x.relu(),
        }
    }
}

/// A convolution and its normalisation.
pub struct ConvNorm {
    /// The convolution.
    pub conv: Box<dyn Layer>,
    /// What follows it.
    pub norm: Normalisation,
}

impl ConvNorm {
    /// The rectified output.
    pub fn relu(&self, x: &Tensor, pass: &Pass) -> Tensor {
        self.norm.relu(self.conv.forward(x, pass), pass)
    }
}

impl Layer for ConvNorm {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        self.norm.apply(self.conv.forward(x, pass), pass)
    }
}

/// The way around a residual block.
pub enum Shortcut {
    /// The input itself.
    Identity,
    /// The input through a 1x1 convolution, where its shape is not the output's.
    Projection(ConvNorm),
}

impl Shortcut {
    /// A projection `{name}.0`, `{name}.1` where the shapes differ, otherwise the identity.
    pub fn new(method: Method, scope: &Scope, name: &str, shape: ConvShape) -> Self {
        if shape.stride == 1 && shape.input == shape.output {
            Self::Identity
        } else {
            Self::Projection(method.conv_norm(&scope.sub(name), "0", "1", shape))
        }
    }
}

impl Layer for Shortcut {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        match self {
            Self::Identity => x.shallow_clone(),
            Self::Projection(projection) => projection.forward(x, pass),
        }
    }
}

/// Squeeze and excitation (Hu et al., 2018): every channel is weighed by what all channels hold on average.
pub struct SqueezeExcite {
    squeeze: Box<dyn Layer>,
    excite: Box<dyn Layer>,
}

impl SqueezeExcite {
    /// The layers `fc1` and `fc2`, which squeeze `channels` to a sixteenth and back.
    pub fn new(method: Method, scope: &Scope, channels: i64) -> Self {
        let squeezed = channels / 16;
        Self {
            squeeze: method.biased_conv(&scope.sub("fc1"), conv1x1(channels, squeezed, 1), Own::NOTHING),
            excite: method.biased_conv(&scope.sub("fc2"), conv1x1(squeezed, channels, 1), Own::NOTHING),
        }
    }
}

impl Layer for SqueezeExcite {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let squeezed = self.squeeze.forward(&x.adaptive_avg_pool2d([1, 1]), pass).relu_();
        x * self.excite.forward(&squeezed, pass).sigmoid_()
    }
}

/// The end of most networks: the mean over the image, then the classifier.
pub struct Head(Box<dyn Layer>);

impl Head {
    /// The classifier `name` over `features` channels.
    pub fn new(method: Method, scope: &Scope, name: &str, features: i64, classes: i64) -> Self {
        Self(method.classifier(&scope.sub(name), features, classes))
    }

    /// The same with this classifier.
    pub fn with(classifier: Box<dyn Layer>) -> Self {
        Self(classifier)
    }
}

impl Layer for Head {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        self.0.forward(&x.adaptive_avg_pool2d([1, 1]).flatten(1, -1), pass)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Store;
    use tch::{Device, Kind};

    #[test]
    fn the_first_block_of_a_stage_takes_its_stride() {
        assert_eq!(strides(2, 3).collect::<Vec<_>>(), [2, 1, 1]);
    }

    #[test]
    fn a_pre_activation_leaves_its_input_alone() {
        let x = Tensor::full([1, 2, 2, 2], -1.0, (Kind::Float, Device::Cpu));
        let y = Normalisation(None).relu_of(&x, &Pass::evaluation());
        assert_eq!((x.double_value(&[0, 0, 0, 0]), y.double_value(&[0, 0, 0, 0])), (-1.0, 0.0));
    }

    #[test]
    fn a_shortcut_projects_only_where_shapes_differ() {
        let store = Store::new(Device::Cpu, Kind::Float);
        let shortcut = |shape| Shortcut::new(Method::bn(), &store.root(), "shortcut", shape);
        assert!(matches!(shortcut(conv1x1(8, 8, 1)), Shortcut::Identity));
        assert!(matches!(shortcut(conv1x1(8, 8, 2)), Shortcut::Projection(_)));
        assert!(matches!(shortcut(conv1x1(8, 9, 1)), Shortcut::Projection(_)));
    }
}
