//! The implementations of the operator against each other, over shapes that nobody chose.

use super::{formulas, relative_error};
use crate::costs::is_alone;
use ndbench::nn::deconvolution::{Delinear, FastDeconv, Whitening};
use ndbench::nn::layers::ConvShape;
use ndbench::nn::{Layer, Pass, Role, Scope, Store};
use ndbench::scenario::{Deconvolution, Implementation};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

/// Double precision: what differs more is not rounding.
const TOLERANCE: f64 = 1e-8;

/// Numbers are of the order of one. Where all of a tensor are far smaller they cancel out, and what is left is rounding: of
/// a single sample, centred, nothing is left.
const SMALL: f64 = 1e-3;

/// A tensor of a step, by name.
type Named = (String, Tensor);

/// Numbers in [-1, 1) by a formula.
fn numbers(shape: &[i64], salt: u64) -> Tensor {
    let inputs: i64 = shape.iter().skip(1).product();
    formulas::parameter(shape, Role::Weight, salt, inputs as f64 / 3.0)
}

/// Images `[N, C, H, W]` as they are, with their channels together in memory, or with their columns together, which is neither
/// of the layouts that have loops of their own; other tensors as they are.
fn laid_out(x: Tensor, salt: u64) -> Tensor {
    match salt % 3 {
        1 if x.dim() == 4 => x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]),
        2 if x.dim() == 4 => x.transpose(2, 3).contiguous().transpose(2, 3),
        _ => x,
    }
}

/// Outputs, gradients and running statistics of two training steps and an evaluation.
fn everything(build: &dyn Fn(Scope) -> Box<dyn Layer>, input: &[i64], salt: u64) -> Vec<Named> {
    let store = Store::new(Device::Cpu, Kind::Double);
    let layer = build(store.root());
    store.each_parameter(|p| tch::no_grad(|| p.tensor.copy_(&(numbers(&p.tensor.size(), salt) * 0.5))));
    let mut seen = Vec::new();
    for (step, pass) in [Pass::training(), Pass::training(), Pass::evaluation()].iter().enumerate() {
        let x = laid_out(numbers(input, salt + step as u64), salt).set_requires_grad(true);
        let y = layer.forward(&x, pass);
        (&y * numbers(&y.size(), salt + 9)).sum(None::<Kind>).backward();
        seen.push((format!("output of step {step}"), y.detach()));
        seen.push((format!("gradient of the input in step {step}"), x.grad()));
        store.each_parameter(|p| {
            seen.push((format!("gradient of the {} in step {step}", p.name), p.tensor.grad().copy()));
            p.tensor.zero_grad();
        });
        store.each_buffer(|b| seen.push((format!("{} after step {step}", b.name), b.tensor.copy())));
    }
    seen
}

/// Fails where two implementations differ by more than rounding.
fn compare(
    build: impl Fn(Scope, Implementation) -> Box<dyn Layer>,
    input: &[i64],
    salt: u64,
) -> Result<(), TestCaseError> {
    let [published, fast] =
        [Implementation::Published, Implementation::Fast].map(|i| everything(&|scope| build(scope, i), input, salt));
    let names = |all: &[Named]| all.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    prop_assert_eq!(names(&published), names(&fast));
    for ((name, want), (_, got)) in published.iter().zip(&fast) {
        let largest = if want.numel() == 0 { 0.0 } else { want.abs().max().double_value(&[]) };
        let error = relative_error(got, want) * if largest == 0.0 { 1.0 } else { (largest / SMALL).min(1.0) };
        prop_assert!(error <= TOLERANCE, "{name}: relative error {error:e}");
    }
    Ok(())
}

fn whitening(implementation: Implementation, block: i64, n_iter: i64, sampling_stride: i64) -> Whitening {
    let settings = Deconvolution { implementation, ..Deconvolution::default() };
    Whitening { block, n_iter, sampling_stride, eps: 1e-3, ..Whitening::new(&settings) }
}

/// The approximations: a warm start, and statistics that are kept for a step.
type Cheaper = (bool, bool);

fn cheaper(whitening: Whitening, (warm_start, keeps): Cheaper) -> Whitening {
    Whitening { warm_start, refresh: if keeps { 2 } else { 1 }, ..whitening }
}

/// Convolutions: groups, channels of a group in and out, kernel, stride, padding, dilation.
fn shapes() -> impl Strategy<Value = ConvShape> {
    (1..=3_i64, 1..=6_i64, 1..=4_i64, 1..=3_i64, 1..=3_i64, 0..=2_i64, 1..=2_i64).prop_map(
        |(groups, input, output, kernel, stride, padding, dilation)| {
            let shape = ConvShape::new(groups * input, groups * output, kernel);
            shape.stride(stride).padding(padding).dilation(dilation).groups(groups)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn convolutions_agree(
        shape in shapes(), (images, height, width) in (1..=3_i64, 5..=9_i64, 5..=9_i64),
        (block, n_iter, sampling_stride) in (1..=8_i64, 1..=7_i64, 1..=4_i64), how in any::<Cheaper>(),
        salt in 0..1000_u64,
    ) {
        let layer = |scope: Scope, implementation| -> Box<dyn Layer> {
            let whitening = whitening(implementation, block, n_iter, sampling_stride);
            Box::new(FastDeconv::new(&scope, shape, true, cheaper(whitening, how)))
        };
        compare(layer, &[images, shape.input, height, width], salt)?;
    }

    #[test]
    fn linear_layers_agree(
        (rows, input, output) in (1..=9_i64, 1..=24_i64, 1..=5_i64), (block, n_iter) in (1..=24_i64, 1..=7_i64),
        bias in any::<bool>(), how in any::<Cheaper>(), salt in 0..1000_u64,
    ) {
        let layer = |scope: Scope, implementation| -> Box<dyn Layer> {
            let whitening = whitening(implementation, block, n_iter, 1);
            Box::new(Delinear::new(&scope, input, output, bias, cheaper(whitening, how)))
        };
        compare(layer, &[rows, input], salt)?;
    }
}

/// Images so large that a thread handles few channels at a time, and those of a mean together.
#[test]
fn large_images_agree_on_several_threads() {
    // Tests of one process share its number of threads.
    if !is_alone("golden::implementations::large_images_agree_on_several_threads") {
        return;
    }
    tch::set_num_threads(4);
    for (kernel, padding) in [(1, 0), (3, 1)] {
        let layer = |scope: Scope, implementation| -> Box<dyn Layer> {
            let shape = ConvShape::new(12, 4, kernel).padding(padding);
            Box::new(FastDeconv::new(&scope, shape, true, whitening(implementation, 6, 3, 2)))
        };
        (6..9).for_each(|salt| compare(layer, &[6, 12, 64, 64], salt).unwrap());
    }
}

/// Matrices so large that products are computed by panels.
#[test]
fn large_blocks_agree() {
    for (channels, n_iter) in [(36, 5), (43, 4), (64, 1)] {
        let layer = |scope: Scope, implementation| -> Box<dyn Layer> {
            let shape = ConvShape::new(channels, 4, 3).padding(1);
            Box::new(FastDeconv::new(&scope, shape, true, whitening(implementation, channels, n_iter, 2)))
        };
        compare(layer, &[2, channels, 9, 9], 7).unwrap();
        compare(layer, &[2, channels, 9, 9], 8).unwrap();
    }
}

/// Samples so many that they are gathered in parts: by panels, of groups, and of single pixels, which go over the borders of images.
#[test]
fn samples_in_parts_agree() {
    let cases = [
        (ConvShape::new(36, 4, 3).padding(1), 36, 1, [7, 36, 32, 32]),
        (ConvShape::new(16, 16, 3).padding(1).groups(16), 1, 1, [4, 16, 64, 64]),
        (ConvShape::new(256, 2, 1), 32, 2, [6, 256, 65, 65]),
    ];
    for (shape, block, sampling_stride, input) in cases {
        let layer = |scope: Scope, implementation| -> Box<dyn Layer> {
            Box::new(FastDeconv::new(&scope, shape, true, whitening(implementation, block, 3, sampling_stride)))
        };
        (6..8).for_each(|salt| compare(layer, &input, salt).unwrap());
    }
}
