//! VGG-11 (Simonyan and Zisserman, 2015) for ImageNet: 3x3 convolutions, pooled to 7x7 pixels; three linear layers with
//! dropout between them.

use super::vgg::Features;
use crate::nn::layers::ConvShape;
use crate::nn::{Init, Layer, Method, Own, Pass, Scope};
use crate::scenario::Norm;
use tch::Tensor;

/// Channels of the convolutions of each stage.
const STAGES: [&[i64]; 5] = [&[64], &[128], &[256, 256], &[512, 512], &[512, 512]];
/// Side of what the linear layers see.
const SIDE: i64 = 7;
/// Features between the linear layers.
const WIDTH: i64 = 4096;
/// Probability that one of these features is dropped in training.
const DROPOUT: f64 = 0.5;

/// The network; its convolutions have a bias with batch normalisation too.
pub struct Vgg11 {
    features: Features,
    hidden: [Box<dyn Layer>; 2],
    last: Box<dyn Layer>,
}

impl Vgg11 {
    /// The network for `classes` classes, its parameters in `scope`.
    pub fn new(method: Method, classes: i64, scope: &Scope) -> Self {
        let conv = |scope: &Scope, shape: ConvShape, own: Own| {
            method.biased_conv_from(scope, shape, (shape.he_by_outputs(), Init::Constant(0.0)), own)
        };
        let features = Features::new(method, scope, &STAGES, conv);
        let classifier = scope.sub("classifier");
        // The published ND network leaves its layers as they are made.
        let linear = |module: usize, input, output| match method.norm {
            Norm::Nd => method.classifier(&classifier.sub(module), input, output),
            Norm::Bn | Norm::Plain => {
                let fill = (Init::Normal(0.01), Init::Constant(0.0));
                method.classifier_from(&classifier.sub(module), input, output, fill)
            }
        };
        // Activation and dropout stand in between.
        let hidden = [linear(0, 512 * SIDE * SIDE, WIDTH), linear(3, WIDTH, WIDTH)];
        Self { features, hidden, last: linear(6, WIDTH, classes) }
    }
}

impl Layer for Vgg11 {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let mut x = self.features.forward(x, pass).adaptive_avg_pool2d([SIDE, SIDE]).flatten(1, -1);
        for layer in &self.hidden {
            x = layer.forward(&x, pass).relu_().dropout(pass.dropout(DROPOUT), pass.is_training());
        }
        self.last.forward(&x, pass)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Store;
    use crate::scenario::Deconvolution;
    use tch::{Device, Kind};

    #[test]
    fn what_is_dropped_depends_on_the_seed_in_training_alone() {
        let store = Store::new(Device::Cpu, Kind::Float);
        let network = Vgg11::new(Method::new(Norm::Plain, Deconvolution::default()), 3, &store.root());
        store.initialise(1);
        let image = Tensor::rand([2, 3, 32, 32], (Kind::Float, Device::Cpu));
        let logits = |seed: i64, pass: Pass| {
            tch::manual_seed(seed);
            tch::no_grad(|| Vec::<f32>::try_from(network.forward(&image, &pass).view(-1)).unwrap())
        };
        assert_eq!(logits(5, Pass::training()), logits(5, Pass::training()));
        assert_ne!(logits(5, Pass::training()), logits(6, Pass::training()));
        let without = |seed| logits(seed, Pass::training().with_dropout(Some(0.0)));
        assert_eq!(without(5), without(6));
        assert_eq!(without(5), logits(5, Pass::evaluation()));
    }
}
