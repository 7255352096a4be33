//! How a network normalises, and the layers that follow from it.

use super::blocks::{ConvNorm, Normalisation};
use super::deconvolution::{Delinear, FastDeconv, Whitening};
use super::layers::{BatchNorm2d, Conv2d, ConvShape, Linear};
use super::{Init, Layer, Own, Scope};
use crate::scenario::{BatchNorm, Deconvolution, Norm};

/// How a network normalises.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Method {
    /// BN: convolutions have no bias and a batch normalisation each. ND: they whiten their input and have a bias. Plain:
    /// they have a bias, and that is all.
    pub norm: Norm,
    /// Of every batch normalisation, also of those that a network keeps without BN.
    pub batch_norm: BatchNorm,
    /// How convolutions whiten with ND.
    pub deconvolution: Deconvolution,
}

impl Method {
    /// The method named `norm`; the settings matter to deconvolution only.
    pub fn new(norm: Norm, settings: Deconvolution) -> Self {
        Self { norm, batch_norm: BatchNorm::default(), deconvolution: settings }
    }

    /// Batch normalisation with the study's settings.
    pub fn bn() -> Self {
        Self::new(Norm::Bn, Deconvolution::default())
    }

    /// Network deconvolution.
    pub fn nd(settings: Deconvolution) -> Self {
        Self::new(Norm::Nd, settings)
    }

    /// The same with these batch normalisations.
    pub fn with_batch_norm(self, batch_norm: BatchNorm) -> Self {
        Self { batch_norm, ..self }
    }

    /// The same with batch normalisation, for the parts of a network that always have it.
    pub fn with_bn(self) -> Self {
        Self { norm: Norm::Bn, ..self }
    }

    /// Whether convolutions are followed by batch normalisations.
    pub fn is_bn(self) -> bool {
        self.norm == Norm::Bn
    }

    /// A convolution in `scope`: without bias where a normalisation follows, whitening with ND.
    pub fn conv(self, scope: &Scope, shape: ConvShape) -> Box<dyn Layer> {
        self.conv_with(scope, shape, Own::NOTHING)
    }

    /// The same, where a whitening layer has settings of its own.
    pub fn conv_with(self, scope: &Scope, shape: ConvShape, own: Own) -> Box<dyn Layer> {
        self.conv_from(scope, shape, Init::Uniform(shape.init_bound()), own)
    }

    /// The same with another initialiser of the weight.
    pub fn conv_from(self, scope: &Scope, shape: ConvShape, init: Init, own: Own) -> Box<dyn Layer> {
        match self.norm {
            Norm::Bn => Box::new(Conv2d::with_init(scope, shape, false, init)),
            Norm::Plain => Box::new(Conv2d::with_init(scope, shape, true, init)),
            Norm::Nd => Box::new(FastDeconv::with_init(scope, shape, true, own.whitening(&self.deconvolution), init)),
        }
    }

    /// A convolution in `scope` that always has a bias.
    pub fn biased_conv(self, scope: &Scope, shape: ConvShape, own: Own) -> Box<dyn Layer> {
        let init = Init::Uniform(shape.init_bound());
        self.biased_conv_from(scope, shape, (init, init), own)
    }

    /// The same; where it does not whiten, these fill weight and bias.
    pub fn biased_conv_from(
        self,
        scope: &Scope,
        shape: ConvShape,
        (weight, bias): (Init, Init),
        own: Own,
    ) -> Box<dyn Layer> {
        match self.norm {
            Norm::Bn | Norm::Plain => Box::new(Conv2d::filled(scope, shape, weight, Some(bias))),
            Norm::Nd => self.conv_with(scope, shape, own),
        }
    }

    /// The normalisation in `scope`, if any.
    pub fn norm(self, scope: &Scope, channels: i64) -> Normalisation {
        Normalisation(self.is_bn().then(|| BatchNorm2d::new(scope, channels, self.batch_norm)))
    }

    /// The convolution `conv` and its normalisation `norm`.
    pub fn conv_norm(self, scope: &Scope, conv: &str, norm: &str, shape: ConvShape) -> ConvNorm {
        self.conv_norm_with(scope, conv, norm, shape, Own::NOTHING)
    }

    /// The same, where a whitening layer has settings of its own.
    pub fn conv_norm_with(self, scope: &Scope, conv: &str, norm: &str, shape: ConvShape, own: Own) -> ConvNorm {
        let conv = self.conv_with(&scope.sub(conv), shape, own);
        ConvNorm { conv, norm: self.norm(&scope.sub(norm), shape.output) }
    }

    /// The first layer of most networks, `conv1` and `bn1`: a whitening layer takes `n_iter` iterations and freezes.
    pub fn frozen_stem(self, scope: &Scope, shape: ConvShape, n_iter: i64) -> ConvNorm {
        self.conv_norm_with(scope, "conv1", "bn1", shape, Own::frozen_first(n_iter))
    }

    /// The last layer: linear, whitening when deconvolution is asked for it.
    pub fn classifier(self, scope: &Scope, features: i64, classes: i64) -> Box<dyn Layer> {
        let init = Init::Uniform(1.0 / (features as f64).sqrt());
        self.classifier_from(scope, features, classes, (init, init))
    }

    /// The same; where it does not whiten, these fill weight and bias.
    pub fn classifier_from(self, scope: &Scope, features: i64, classes: i64, fill: (Init, Init)) -> Box<dyn Layer> {
        if self.norm == Norm::Nd && self.deconvolution.block_fc > 0 {
            Box::new(Delinear::new(scope, features, classes, true, Whitening::linear(&self.deconvolution)))
        } else {
            Box::new(Linear::filled(scope, features, classes, fill))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Pass, Store};
    use tch::{Device, Kind, Tensor};

    fn kind_of_classifier(method: Method) -> &'static str {
        let store = Store::new(Device::Cpu, Kind::Float);
        let layer = method.classifier(&store.root(), 8, 3);
        let pass = Pass::evaluation().traced();
        let _ = layer.forward(&Tensor::zeros([1, 8], (Kind::Float, Device::Cpu)), &pass);
        pass.into_trace()[0].kind
    }

    #[test]
    fn block_fc_zero_keeps_a_linear_classifier() {
        let settings = Deconvolution::default();
        assert_eq!(kind_of_classifier(Method::bn()), "Linear");
        assert_eq!(kind_of_classifier(Method::nd(settings)), "Delinear");
        assert_eq!(kind_of_classifier(Method::new(Norm::Plain, settings)), "Linear");
        assert_eq!(kind_of_classifier(Method::nd(Deconvolution { block_fc: 0, ..settings })), "Linear");
    }

    #[test]
    fn deconvolution_has_a_bias_and_no_normalisation() {
        let names = |norm| {
            let store = Store::new(Device::Cpu, Kind::Float);
            let method = Method::new(norm, Deconvolution::default());
            method.conv_norm(&store.root(), "conv", "bn", ConvShape::new(4, 4, 1));
            let mut names = Vec::new();
            store.each_parameter(|p| names.push(p.name.clone()));
            names
        };
        assert_eq!(names(Norm::Bn), ["conv.weight", "bn.weight", "bn.bias"]);
        assert_eq!(names(Norm::Nd), ["conv.weight", "conv.bias"]);
        assert_eq!(names(Norm::Plain), ["conv.weight", "conv.bias"]);
    }
}
