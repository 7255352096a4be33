//! What can be said of a network without training it.

use super::build;
use crate::nn::{LayerTrace, Method, Pass, Store};
use crate::scenario::Architecture;
use tch::{Device, Kind, Tensor};

/// What can be said of a network without training it.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Trainable scalars.
    pub parameters: u64,
    /// Multiply-accumulates of convolutions and linear layers for one image of [`Architecture::side`].
    pub macs: u64,
    /// Convolutions, linear layers and normalisations in the order of execution, for one image.
    pub layers: Vec<LayerTrace>,
}

/// Builds the network on the CPU and evaluates it on one image of zeros.
pub fn facts(architecture: Architecture, method: Method, classes: i64) -> Facts {
    let store = Store::new(Device::Cpu, Kind::Float);
    let network = build(architecture, method, classes, &store.root());
    let pass = Pass::evaluation().traced();
    let side = i64::from(architecture.side());
    let image = Tensor::zeros([1, 3, side, side], (Kind::Float, Device::Cpu));
    let _logits = tch::no_grad(|| network.forward(&image, &pass));
    let layers = pass.into_trace();
    Facts { parameters: store.parameter_count(), macs: layers.iter().map(|l| l.macs).sum(), layers }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Deconvolution, Norm};

    #[test]
    fn a_hundred_classes_change_the_classifier_only() {
        for architecture in Architecture::ALL {
            for norm in Norm::ALL {
                let of = |classes| facts(architecture, Method::new(norm, Deconvolution::default()), classes);
                let (ten, hundred) = (of(10), of(100));
                let (last, body) = hundred.layers.split_last().expect("a network has layers");
                assert_eq!(last.output, [1, 100], "{architecture} {norm}");
                assert_eq!(body, &ten.layers[..body.len()], "{architecture} {norm}");
                let features = last.macs / 100;
                assert_eq!(hundred.parameters - ten.parameters, 90 * (features + 1), "{architecture} {norm}");
            }
        }
    }
}
