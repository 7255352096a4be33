//! On a GPU, whitening by the kernel of `native/product.cu` beside whitening by libtorch.

use super::{FastDeconv, Whitening};
use crate::native::{product_kernel, use_product_kernel};
use crate::nn::layers::ConvShape;
use crate::nn::{Layer, Pass, Store};
use crate::scenario::{Deconvolution, Implementation};
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// Output and gradients of a layer on the first GPU.
fn step(shape: ConvShape, kind: Kind) -> Vec<Tensor> {
    let store = Store::new(Device::Cuda(0), kind);
    let settings = Deconvolution { implementation: Implementation::Fast, ..Deconvolution::default() };
    let layer = FastDeconv::new(&store.root(), shape, true, Whitening::new(&settings));
    store.initialise(1);
    tch::manual_seed(3);
    let x =
        Tensor::randn([16, shape.input, 16, 16], (Kind::Float, Device::Cpu)).to_kind(kind).to_device(Device::Cuda(0));
    let x = x.set_requires_grad(true);
    let y = layer.forward(&x, &Pass::training());
    y.square().mean(None::<Kind>).backward();
    let mut all = vec![y.detach(), x.grad()];
    store.each_parameter(|parameter| all.push(parameter.tensor.grad()));
    all.into_iter().map(|tensor| tensor.to_kind(Kind::Double)).collect()
}

#[test]
#[ignore = "needs a CUDA device"]
fn gpu_whitening_by_the_kernel_keeps_the_digits_of_single_precision() {
    let _alone = crate::testing::alone();
    crate::telemetry::open_cuda(Path::new(env!("NDBENCH_LIBTORCH_LIB")));
    crate::native::allow_tf32(false).unwrap();
    product_kernel(0).unwrap();
    let shapes = [
        ConvShape::new(64, 64, 3).padding(1),
        ConvShape::new(128, 64, 3).padding(1),
        ConvShape::new(128, 64, 1),
        ConvShape::new(16, 32, 3).padding(1),
    ];
    for shape in shapes {
        let exact = step(shape, Kind::Double);
        let off = |use_it: bool| {
            use_product_kernel(use_it);
            let far = |(got, want): (Tensor, &Tensor)| ((got - want).norm() / want.norm()).double_value(&[]);
            step(shape, Kind::Float).into_iter().zip(&exact).map(far).fold(0.0, f64::max)
        };
        let (by_libtorch, by_kernel) = (off(false), off(true));
        use_product_kernel(false);
        assert!(by_kernel != by_libtorch && by_kernel < 3.0 * by_libtorch, "{shape:?}: {by_kernel:e}, {by_libtorch:e}");
    }
}
