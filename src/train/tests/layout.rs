//! Images that lie in memory pixel by pixel change nothing that a network computes.

use crate::nn::{Method, networks};
use crate::scenario::{Architecture, Deconvolution, Implementation, Norm, Precision, Recipe};
use crate::train::model::Model;
use tch::{Device, Kind, Tensor};

/// Loss, and parameters after a step.
fn step(architecture: Architecture, method: Method, channels_last: bool) -> (f64, Vec<Tensor>) {
    let recipe = Recipe { precision: Precision::Fp64, channels_last, ..Recipe::default() };
    let mut model = Model::new(&|scope| networks::build(architecture, method, 10, scope), recipe, 7, Device::Cpu);
    tch::manual_seed(3);
    let images = Tensor::randn([2, 3, 32, 32], (Kind::Double, Device::Cpu));
    let labels = Tensor::randint(10, [2], (Kind::Int64, Device::Cpu));
    let mut seen = f64::NAN;
    model.step(|_| (images, labels), 1e-2, None, |loss, _, _| seen = loss.double_value(&[])).unwrap();
    let mut parameters = Vec::new();
    model.store.each_parameter(|parameter| parameters.push(parameter.tensor.detach().copy()));
    (seen, parameters)
}

/// With dense, grouped and depthwise convolutions, of 1, 3 and 7 pixels.
const NETWORKS: [Architecture; 5] = [
    Architecture::Vgg16,
    Architecture::Resnet18,
    Architecture::MobilenetV2,
    Architecture::PnasnetA,
    Architecture::Efficientnet,
];

#[test]
fn networks_compute_the_same_from_either_layout() {
    let _alone = crate::testing::alone();
    let nd = |implementation| Method::nd(Deconvolution { implementation, ..Deconvolution::default() });
    for architecture in NETWORKS {
        for method in
            [Method::new(Norm::Bn, Deconvolution::default()), nd(Implementation::Published), nd(Implementation::Fast)]
        {
            let ((loss, planes), (other, pixels)) =
                (step(architecture, method, false), step(architecture, method, true));
            assert!((loss - other).abs() < 1e-7 * loss, "{architecture} {method:?}: {loss} and {other}");
            for (a, b) in planes.iter().zip(&pixels) {
                let error = ((a - b).norm() / (a.norm() + 1e-9)).double_value(&[]);
                assert!(error < 1e-4, "{architecture} {method:?}: {error}");
            }
        }
    }
}
