//! Every case of the operator fixtures, in double and in single precision, for every implementation.

use super::folder::{Family, Golden};
use super::relative_error;
use ndbench::nn::deconvolution::{ChannelDeconv, Delinear, FastDeconv, Whitening, inverse_sqrt_and_gradient};
use ndbench::nn::layers::ConvShape;
use ndbench::nn::{Layer, Pass, Store};
use ndbench::scenario::{Deconvolution, Implementation};
use serde_json::Value;
use std::collections::HashMap;
use tch::{Device, Kind, Tensor};

const KINDS: [(Kind, &str); 2] = [(Kind::Double, "f64_rel"), (Kind::Float, "f32_rel")];

/// One case of a family: its configuration and tensors, in the precision under test.
struct Case<'a> {
    spec: &'a Value,
    tensors: &'a HashMap<String, Tensor>,
    kind: Kind,
    device: Device,
    implementation: Implementation,
    tolerance: f64,
    worst: f64,
}

impl Case<'_> {
    fn name(&self) -> &str {
        self.spec["name"].as_str().unwrap()
    }

    fn has(&self, tensor: &str) -> bool {
        self.tensors.contains_key(&format!("{}.{tensor}", self.name()))
    }

    fn want(&self, tensor: &str) -> &Tensor {
        let key = format!("{}.{tensor}", self.name());
        self.tensors.get(&key).unwrap_or_else(|| panic!("the fixtures lack {key}"))
    }

    /// No parameters yet, in the precision and on the device under test.
    fn store(&self) -> Store {
        Store::new(self.device, self.kind)
    }

    /// An input in the precision and on the device under test.
    fn input(&self, tensor: &str) -> Tensor {
        self.want(tensor).to_kind(self.kind).to_device(self.device).copy()
    }

    fn int(&self, key: &str, default: i64) -> i64 {
        self.spec["config"].get(key).map_or(default, |v| v.as_i64().unwrap())
    }

    fn bool(&self, key: &str, default: bool) -> bool {
        self.spec["config"].get(key).map_or(default, |v| v.as_bool().unwrap())
    }

    fn float(&self, key: &str, default: f64) -> f64 {
        self.spec["config"].get(key).map_or(default, |v| v.as_f64().unwrap())
    }

    fn whitening(&self, block: i64, eps: f64) -> Whitening {
        let defaults = Deconvolution { implementation: self.implementation, ..Deconvolution::default() };
        Whitening {
            block: self.int("block", block),
            n_iter: self.int("n_iter", 5),
            eps: self.float("eps", eps),
            sampling_stride: self.int("sampling_stride", 3),
            momentum: self.float("momentum", 0.1),
            freeze: self.bool("freeze", false),
            freeze_iter: self.int("freeze_iter", 100),
            ..Whitening::new(&defaults)
        }
    }

    fn check(&mut self, tensor: &str, got: &Tensor) {
        let error = relative_error(got, self.want(tensor));
        self.worst = self.worst.max(error);
        let (name, kind, tolerance) = (self.name(), self.kind, self.tolerance);
        assert!(error <= tolerance, "{name}.{tensor} in {kind:?}: relative error {error:e} above {tolerance:e}");
    }
}

/// Runs `body` on every case of `family` on `device`, in both precisions and for every implementation.
fn each_case(device: Device, family: &str, mut body: impl FnMut(&mut Case)) {
    let Some(Family { cases, tensors }) = Golden::chosen().family(family) else { return };
    for spec in &cases {
        for implementation in Implementation::ALL {
            for (kind, key) in KINDS {
                let tolerance = spec["tolerance"][key].as_f64().unwrap_or(f64::NAN);
                let mut case = Case { spec, tensors: &tensors, kind, device, implementation, tolerance, worst: 0.0 };
                body(&mut case);
                eprintln!("{} {implementation} {kind:?}: {:.1e} of {tolerance:.1e}", case.name(), case.worst);
            }
        }
    }
}

fn fill(store: &Store, case: &Case) {
    store.each_parameter(|p| {
        let values = case.input(&p.name);
        tch::no_grad(|| p.tensor.copy_(&values));
    });
}

fn check_parameter_gradients(store: &Store, case: &mut Case, prefix: &str, suffix: &str) {
    store.each_parameter(|p| {
        let tensor = format!("{prefix}grad_{}{suffix}", p.name);
        if case.has(&tensor) {
            case.check(&tensor, &p.tensor.grad());
        }
        p.tensor.zero_grad();
    });
}

fn check_buffers(store: &Store, case: &mut Case, suffix: &str) {
    store.each_buffer(|b| {
        let tensor = format!("{}{suffix}", b.name);
        if case.has(&tensor) {
            case.check(&tensor, &b.tensor);
        }
    });
}

/// Forward of `x`, loss `sum(y g)`, backward; returns the output and the gradient of `x`.
fn forward_backward(layer: &dyn Layer, case: &Case, input: &str, pass: &Pass) -> (Tensor, Tensor) {
    let x = case.input(input).set_requires_grad(true);
    let y = layer.forward(&x, pass);
    (&y * case.input("g")).sum(None::<Kind>).backward();
    (y.detach(), x.grad())
}

/// The protocol of fastdeconv, delinear and channeldeconv.
fn three_steps_and_evaluation(store: &Store, layer: &dyn Layer, case: &mut Case) {
    fill(store, case);
    if case.has("y_eval_fresh") {
        let fresh = tch::no_grad(|| layer.forward(&case.input("x1"), &Pass::evaluation()));
        case.check("y_eval_fresh", &fresh);
    }
    let (y, grad_x) = forward_backward(layer, case, "x1", &Pass::training());
    case.check("y_train1", &y);
    case.check("grad_x", &grad_x);
    check_parameter_gradients(store, case, "", "");
    check_buffers(store, case, "_after1");
    let _ = tch::no_grad(|| layer.forward(&case.input("x2"), &Pass::training()));
    let y = tch::no_grad(|| layer.forward(&case.input("x3"), &Pass::training()));
    case.check("y_train3", &y);
    check_buffers(store, case, "_after3");
    let (y, grad_x) = forward_backward(layer, case, "x1", &Pass::evaluation());
    case.check("y_eval", &y);
    case.check("eval_grad_x", &grad_x);
    check_parameter_gradients(store, case, "eval_", "");
}

fn fast_deconv(store: &Store, case: &Case) -> FastDeconv {
    let shape = ConvShape::new(case.int("in_channels", 0), case.int("out_channels", 0), case.int("kernel_size", 0))
        .stride(case.int("stride", 1))
        .padding(case.int("padding", 0))
        .dilation(case.int("dilation", 1))
        .groups(case.int("groups", 1));
    FastDeconv::new(&store.root(), shape, case.bool("bias", true), case.whitening(64, 1e-5))
}

fn fast_deconv_as_recorded(device: Device) {
    each_case(device, "fastdeconv", |case| {
        let store = case.store();
        let layer = fast_deconv(&store, case);
        three_steps_and_evaluation(&store, &layer, case);
    });
}

fn delinear_as_recorded(device: Device) {
    each_case(device, "delinear", |case| {
        let store = case.store();
        let (input, output) = (case.int("in_features", 0), case.int("out_features", 0));
        let whitening = case.whitening(512, 1e-5);
        let layer = Delinear::new(&store.root(), input, output, case.bool("bias", true), whitening);
        three_steps_and_evaluation(&store, &layer, case);
    });
}

fn channel_deconv_as_recorded(device: Device) {
    each_case(device, "channeldeconv", |case| {
        let store = case.store();
        let layer = ChannelDeconv::new(&store.root(), case.whitening(64, 1e-2));
        three_steps_and_evaluation(&store, &layer, case);
    });
}

fn freezing_as_recorded(device: Device) {
    each_case(device, "freeze", |case| {
        let store = case.store();
        let layer = fast_deconv(&store, case);
        fill(&store, case);
        let counter = store.counters().remove(0).1;
        for step in case.spec["steps"].as_array().unwrap() {
            let suffix = format!("_step{}", step["step"]);
            assert_eq!(Some(counter.get()), step["counter_before"].as_i64(), "counter before{suffix}");
            let (y, grad_x) = forward_backward(&layer, case, step["input"].as_str().unwrap(), &Pass::training());
            assert_eq!(Some(counter.get()), step["counter_after"].as_i64(), "counter after{suffix}");
            case.check(&format!("y{suffix}"), &y);
            if case.has(&format!("grad_x{suffix}")) {
                case.check(&format!("grad_x{suffix}"), &grad_x);
            }
            check_parameter_gradients(&store, case, "", &suffix);
            check_buffers(&store, case, &suffix);
        }
        let y = tch::no_grad(|| layer.forward(&case.input("x1"), &Pass::evaluation()));
        case.check("y_eval", &y);
    });
}

fn newton_schulz_as_recorded(device: Device) {
    each_case(device, "isqrt", |case| {
        let symmetric = |t: &Tensor| (t + t.transpose(-2, -1)) * 0.5;
        for n in case.spec["iterations"].as_array().unwrap().iter().map(|n| n.as_i64().unwrap()) {
            let (d, grad_a) = inverse_sqrt_and_gradient(case.implementation, &case.input("A"), &case.input("g"), n);
            let (result, gradient) = (format!("isqrt_iter{n}"), format!("grad_A_iter{n}"));
            let key = KINDS.iter().find(|(kind, _)| *kind == case.kind).unwrap().1;
            case.tolerance = case.spec["tolerance"][&result][key].as_f64().unwrap();
            case.check(&result, &d);
            // On covariances only the symmetric part of the gradient matters.
            let want = symmetric(case.want(&gradient));
            let error = relative_error(&symmetric(&grad_a), &want);
            let tolerance = case.spec["tolerance"][&gradient][key].as_f64().unwrap();
            assert!(error <= tolerance, "{}.{gradient}: relative error {error:e} above {tolerance:e}", case.name());
        }
    });
}

#[test]
fn golden_fast_deconv() {
    fast_deconv_as_recorded(Device::Cpu);
}

#[test]
fn golden_delinear() {
    delinear_as_recorded(Device::Cpu);
}

#[test]
fn golden_channel_deconv() {
    channel_deconv_as_recorded(Device::Cpu);
}

#[test]
fn golden_freezing() {
    freezing_as_recorded(Device::Cpu);
}

#[test]
fn golden_newton_schulz() {
    newton_schulz_as_recorded(Device::Cpu);
}

#[test]
#[ignore = "needs a CUDA device"]
fn gpu_operators_compute_what_is_recorded() {
    let gpu = crate::gpu::device();
    fast_deconv_as_recorded(gpu);
    delinear_as_recorded(gpu);
    channel_deconv_as_recorded(gpu);
    freezing_as_recorded(gpu);
    newton_schulz_as_recorded(gpu);
}
