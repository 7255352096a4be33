//! The kernel on a CPU, where threads take turns, and on a GPU beside libtorch.

use super::*;
use crate::nn::deconvolution::{FastDeconv, Whitening};
use crate::nn::layers::ConvShape;
use crate::nn::{Layer, Pass, Store};
use crate::scenario::Deconvolution;
use std::path::Path;
use std::process::Command;
use tch::{Device, Kind, Tensor};

#[test]
fn the_kernel_computes_what_double_precision_does() {
    let source = include_str!("../../native/product.cu");
    let code = source.strip_prefix("R\"cuda(").and_then(|rest| rest.trim_end().strip_suffix(")cuda\"")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("kernel.h"), code).unwrap();
    let program = folder.path().join("product_on_a_cpu");
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    // Such as `ccache c++`.
    let mut words = compiler.split_whitespace();
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(["-std=c++17", "-O2", "-w", "-I"]).arg(folder.path());
    let output = command.arg("tests/native/product_on_a_cpu.cpp").arg("-o").arg(&program).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = Command::new(&program).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn without_cuda_there_is_no_kernel() {
    crate::telemetry::open_cuda(Path::new(env!("NDBENCH_LIBTORCH_LIB")));
    assert!(tch::Cuda::is_available() || product_kernel(0).is_err());
}

/// Output and gradients of a layer on the first GPU.
fn step(shape: ConvShape, kind: Kind) -> Vec<Tensor> {
    let store = Store::new(Device::Cuda(0), kind);
    let layer = FastDeconv::new(&store.root(), shape, true, Whitening::new(&Deconvolution::default()));
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
        println!("{shape:?}: by libtorch {by_libtorch:e}, by the kernel {by_kernel:e}");
        assert!(by_kernel != by_libtorch && by_kernel < 3.0 * by_libtorch, "{shape:?}: {by_kernel:e}, {by_libtorch:e}");
    }
}
