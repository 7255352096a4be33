//! Convolutions and linear products in bfloat16, everything else in single precision.

use super::*;
use crate::nn::Method;
use crate::nn::deconvolution::{Delinear, FastDeconv, Whitening};
use crate::nn::networks;
use crate::scenario::{Deconvolution, Implementation};
use crate::train::model::Model;

/// Convolution, batch normalisation and linear layer, and what kinds of numbers they gave.
struct Watched {
    conv: Conv2d,
    norm: BatchNorm2d,
    linear: Linear,
    seen: Rc<RefCell<Vec<Tensor>>>,
}

impl Layer for Watched {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let y = self.conv.forward(x, pass);
        let z = self.norm.forward(&y, pass);
        let logits = self.linear.forward(&z.relu().mean_dim([2i64, 3].as_slice(), false, None), pass);
        *self.seen.borrow_mut() = [&y, &z, &logits].map(|t| t.detach().copy()).into();
        logits
    }
}

/// A watched network in a precision, and where it leaves what its layers gave.
fn watched(precision: Precision) -> (Model, Rc<RefCell<Vec<Tensor>>>) {
    let seen = Rc::<RefCell<Vec<Tensor>>>::default();
    let build = |scope: &Scope| -> Box<dyn Layer> {
        Box::new(Watched {
            conv: Conv2d::new(&scope.sub("conv"), ConvShape::new(3, 4, 3), true),
            norm: BatchNorm2d::new(&scope.sub("norm"), 4, BatchNorm::default()),
            linear: Linear::new(&scope.sub("linear"), 4, 6),
            seen: seen.clone(),
        })
    };
    (Model::new(&build, Recipe { precision, ..Recipe::default() }, 7, Device::Cpu), seen)
}

/// Ten images and their labels.
fn batch(device: Device) -> (Tensor, Tensor) {
    tch::manual_seed(3);
    let images = Tensor::randn([10, 3, 8, 8], (Kind::Float, Device::Cpu)).to_device(device);
    (images, Tensor::randint(6, [10], (Kind::Int64, Device::Cpu)).to_device(device))
}

/// The difference of two tensors to the size of the second.
fn difference(one: &Tensor, other: &Tensor) -> f64 {
    let (one, other) = (one.to_kind(Kind::Double), other.to_kind(Kind::Double));
    ((one - &other).norm() / other.norm()).double_value(&[])
}

/// bfloat16 has eight bits: a few roundings, and not none.
const ROUNDED: std::ops::Range<f64> = 1e-5..3e-2;

#[test]
fn layers_compute_in_bfloat16_and_parameters_and_gradients_are_floats() {
    let _alone = crate::testing::alone();
    let (images, labels) = batch(Device::Cpu);
    let ((exact, _), (rounded, seen)) = (watched(Precision::Fp32), watched(Precision::Bf16));
    let ((loss, logits), (exact_loss, exact_logits)) =
        (rounded.forward(&images, &labels), exact.forward(&images, &labels));
    assert_eq!(seen.borrow().iter().map(Tensor::kind).collect::<Vec<_>>(), [Kind::BFloat16; 3]);
    assert_eq!((loss.kind(), logits.kind(), rounded.kind()), (Kind::Float, Kind::Float, Kind::Float));
    assert!(ROUNDED.contains(&difference(&logits, &exact_logits)), "{}", difference(&logits, &exact_logits));
    loss.backward();
    exact_loss.backward();
    let gradients = |model: &Model| {
        let mut gradients = Vec::new();
        model.store.each_parameter(|p| gradients.push((p.tensor.kind(), p.tensor.grad())));
        gradients
    };
    let all = gradients(&rounded);
    assert!(all.iter().all(|(kind, gradient)| *kind == Kind::Float && gradient.kind() == Kind::Float));
    let off: Vec<f64> =
        all.iter().zip(gradients(&exact)).map(|((_, one), (_, other))| difference(one, &other)).collect();
    // Those of the classifier; what goes back through the normalisation to the convolution nearly cancels.
    assert!(ROUNDED.contains(&off[4]) && ROUNDED.contains(&off[5]) && off[0] < 0.3, "gradients are off by {off:?}");

    let (_, evaluated) = rounded.evaluate(&images, &labels);
    assert_eq!((seen.borrow()[0].kind(), evaluated.kind()), (Kind::BFloat16, Kind::Float));
}

#[test]
fn batch_normalisation_measures_in_single_precision() {
    let _alone = crate::testing::alone();
    let (images, labels) = batch(Device::Cpu);
    let (model, seen) = watched(Precision::Bf16);
    let _ = model.forward(&images, &labels);
    let mean = seen.borrow()[0].to_kind(Kind::Double).mean_dim([0i64, 2, 3].as_slice(), false, None);
    let mut running = Vec::new();
    model.store.each_buffer(|b| running.push((b.name.clone(), b.tensor.copy())));
    let (_, measured) = running.iter().find(|(name, _)| name.ends_with("running_mean")).unwrap();
    assert_eq!(measured.kind(), Kind::Float);
    assert!(difference(&(measured / BatchNorm::default().momentum), &mean) < 1e-5);
}

/// Two convolutions and a classifier that whiten; the second stride leaves pixels out.
struct Whitened(FastDeconv, FastDeconv, Delinear);

impl Layer for Whitened {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let y = self.1.forward(&self.0.forward(x, pass).relu_(), pass).relu_();
        self.2.forward(&y.mean_dim([2i64, 3].as_slice(), false, None), pass)
    }
}

fn whitened(implementation: Implementation) -> impl Fn(&Scope) -> Box<dyn Layer> {
    let settings = Deconvolution { implementation, ..Deconvolution::default() };
    move |scope| {
        let conv = |name, shape| FastDeconv::new(&scope.sub(name), shape, true, Whitening::new(&settings));
        Box::new(Whitened(
            conv("first", ConvShape::new(3, 6, 3).padding(1)),
            conv("second", ConvShape::new(6, 8, 3).padding(1).stride(2)),
            Delinear::new(&scope.sub("linear"), 8, 6, true, Whitening::linear(&settings)),
        ))
    }
}

/// Losses of steps on the same batch.
fn losses(model: &mut Model, steps: usize, device: Device) -> Vec<f64> {
    losses_at(0.05, model, steps, device)
}

fn losses_at(rate: f64, model: &mut Model, steps: usize, device: Device) -> Vec<f64> {
    let mut losses = Vec::new();
    for _ in 0..steps {
        model.step(|_| batch(device), rate, None, |loss, _, _| losses.push(loss.double_value(&[]))).unwrap();
    }
    losses
}

#[test]
fn deconvolution_trains_as_in_single_precision_in_either_implementation_and_layout() {
    let _alone = crate::testing::alone();
    for implementation in Implementation::ALL {
        let train = |precision, channels_last| {
            let recipe = Recipe { precision, channels_last, ..Recipe::default() };
            losses(&mut Model::new(&whitened(implementation), recipe, 7, Device::Cpu), 6, Device::Cpu)
        };
        let exact = train(Precision::Fp32, false);
        assert!(exact[5] < exact[0] - 0.05, "{exact:?}");
        for channels_last in [false, true] {
            let rounded = train(Precision::Bf16, channels_last);
            assert_ne!(rounded, exact);
            for (a, b) in rounded.iter().zip(&exact) {
                assert!((a - b).abs() < 0.03, "{implementation}, channels last {channels_last}: {rounded:?} {exact:?}");
            }
        }
    }
}

#[test]
fn deconvolution_measures_in_single_precision() {
    let _alone = crate::testing::alone();
    let (images, labels) = batch(Device::Cpu);
    for implementation in Implementation::ALL {
        let statistics = |precision| {
            let recipe = Recipe { precision, ..Recipe::default() };
            let model = Model::new(&whitened(implementation), recipe, 7, Device::Cpu);
            let _ = model.forward(&images, &labels);
            let mut all = Vec::new();
            model.store.each_buffer(|b| all.push((b.name.clone(), b.tensor.copy())));
            all
        };
        for ((name, exact), (_, rounded)) in statistics(Precision::Fp32).iter().zip(&statistics(Precision::Bf16)) {
            assert_eq!(rounded.kind(), Kind::Float, "{implementation} {name}");
            let off = difference(rounded, exact);
            // The first layer reads the same images; the others what a layer before rounded.
            let expected = if name.starts_with("first") { off == 0.0 } else { off > 0.0 && off < 3e-2 };
            assert!(expected, "{implementation} {name}: {off}");
        }
    }
}

#[test]
fn the_input_of_a_whitening_layer_has_the_gradient_of_single_precision() {
    let _alone = crate::testing::alone();
    let (images, _) = batch(Device::Cpu);
    // What a layer before would give: numbers that bfloat16 holds.
    let images = images.to_kind(Kind::BFloat16);
    for implementation in Implementation::ALL {
        let settings = Deconvolution { implementation, ..Deconvolution::default() };
        for shape in [ConvShape::new(3, 6, 3).padding(1), ConvShape::new(3, 6, 1)] {
            let gradient = |autocast: bool| {
                let store = crate::nn::Store::new(Device::Cpu, Kind::Float);
                let layer = FastDeconv::new(&store.root(), shape, true, Whitening::new(&settings));
                store.initialise(1);
                let kind = if autocast { Kind::BFloat16 } else { Kind::Float };
                let x = images.to_kind(kind).copy().set_requires_grad(true);
                let y = {
                    let _on = autocast.then(|| crate::native::Autocast::on(Device::Cpu));
                    layer.forward(&x, &Pass::training())
                };
                assert_eq!(y.kind(), kind);
                y.to_kind(Kind::Float).square().mean(None::<Kind>).backward();
                assert_eq!(x.grad().kind(), kind);
                x.grad()
            };
            let off = difference(&gradient(true), &gradient(false));
            assert!(off > 0.0 && off < 5e-2, "{implementation} {shape:?}: {off}");
        }
    }
}

/// Makes a network.
type Build = Box<dyn Fn(&Scope) -> Box<dyn Layer>>;

#[test]
fn a_rounded_training_goes_on_to_the_same_bits() {
    let networks: [Build; 3] = [
        Box::new(Tiny::build),
        Box::new(whitened(Implementation::Published)),
        Box::new(whitened(Implementation::Fast)),
    ];
    for (network, accumulate) in networks.iter().zip([1, 2, 1]) {
        let trial = trial(Recipe { precision: Precision::Bf16, accumulate, ..Recipe::default() });
        let whole = run_network(&trial, None, &mut Listener::default(), network.as_ref());
        assert_eq!(whole.outcome, Outcome::Finished);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.checkpoint");
        for step in [3, 1] {
            let mut interrupting = Listener { at_step: Some(step), ..Listener::default() };
            let left = run_network(&trial, Some(&path), &mut interrupting, network.as_ref());
            assert!(matches!(left.outcome, Outcome::Interrupted { .. }), "{left:?}");
        }
        assert_eq!(run_network(&trial, Some(&path), &mut Listener::default(), network.as_ref()), whole);
        let mut exact = trial;
        exact.trial.recipe.precision = Precision::Fp32;
        let exact = run_network(&exact, None, &mut Listener::default(), network.as_ref());
        assert_ne!(exact.tensors, whole.tensors);
    }
}

#[test]
#[ignore = "needs a CUDA device"]
fn gpu_rounded_steps_train_as_in_single_precision_also_by_graph() {
    let _alone = crate::testing::alone();
    crate::telemetry::open_cuda(Path::new(env!("NDBENCH_LIBTORCH_LIB")));
    let device = Device::Cuda(0);
    let by_graph = Recipe { cuda_graph: true, ..Recipe::default() };
    let _stream = crate::train::stream_for(&by_graph, device).unwrap();
    crate::native::allow_tf32(false).unwrap();
    let nd = |implementation| Method::nd(Deconvolution { implementation, ..Deconvolution::default() });
    for method in [Method::bn(), nd(Implementation::Published), nd(Implementation::Fast)] {
        let train = |precision, channels_last, cuda_graph| {
            let recipe = Recipe { batch_size: 10, precision, channels_last, cuda_graph, ..Recipe::default() };
            let build = |scope: &Scope| networks::build(Architecture::Resnet18Cifar, method, 6, scope);
            let mut model = Model::new(&build, recipe, 7, device);
            // So slowly that a digit less makes no other training.
            let losses = losses_at(1e-3, &mut model, 6, device);
            model.store.each_parameter(|p| assert_eq!(p.tensor.kind(), Kind::Float, "{}", p.name));
            losses
        };
        let exact = train(Precision::Fp32, false, false);
        for (channels_last, cuda_graph) in [(false, false), (true, false), (false, true), (true, true)] {
            let rounded = train(Precision::Bf16, channels_last, cuda_graph);
            assert_ne!(rounded, exact);
            for (a, b) in rounded.iter().zip(&exact) {
                assert!((a - b).abs() < 0.1 * b.max(1.0), "{method:?}: {rounded:?} {exact:?}");
            }
        }
    }
}
