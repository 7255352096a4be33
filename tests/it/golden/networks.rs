//! Every recorded network: structure, first gradients, three optimiser steps and evaluation.

use super::folder::Golden;
use super::training::{Observed, observe};
use ndbench::nn::networks::{build, facts};
use ndbench::nn::{Init, Method, Store};
use ndbench::scenario::{Architecture, Deconvolution, Implementation, Norm};
use serde_json::Value;
use std::collections::BTreeMap;
use tch::{Device, Kind};

/// One recorded network.
struct Fixture {
    file: String,
    architecture: Architecture,
    classes: i64,
    data: Value,
}

/// The recorded networks that normalise by `norm`.
fn fixtures(golden: &Golden, norm: Norm) -> Vec<Fixture> {
    let fixtures = golden.networks().into_iter().map(|(file, data)| {
        let text = |key: &str| data[key].as_str().unwrap_or_else(|| panic!("{file} has no {key}"));
        let architecture = architecture(text("family"), text("arch"));
        Fixture { architecture, classes: data["classes"].as_i64().expect("classes"), file, data }
    });
    fixtures.filter(|f| f.data["norm"] == norm.key()).collect()
}

fn architecture(family: &str, recorded: &str) -> Architecture {
    match (family, recorded) {
        ("cifar", "vgg16") => Architecture::Vgg16,
        ("cifar", "resnet18d") => Architecture::Resnet18,
        ("cifar", "resnet") => Architecture::Resnet18Cifar,
        ("cifar", "preact") => Architecture::Preact18,
        ("cifar", "densenet121") => Architecture::Densenet121,
        ("cifar", "resnext") => Architecture::Resnext29,
        ("cifar", "mobilev2") => Architecture::MobilenetV2,
        ("cifar", "dpn") => Architecture::Dpn92,
        ("cifar", "pnasnetA") => Architecture::PnasnetA,
        ("cifar", "senet") => Architecture::Senet18,
        ("cifar", "efficient") => Architecture::Efficientnet,
        ("imagenet", "vgg11" | "vgg11_bn" | "vgg11d") => Architecture::Vgg11,
        ("imagenet", "resnet18" | "resnet18d") => Architecture::Resnet18Imagenet,
        ("imagenet", "densenet121" | "densenet121d") => Architecture::Densenet121Imagenet,
        other => panic!("no architecture is recorded as {other:?}"),
    }
}

/// Every method that computes `norm`, with the study's settings for the network.
fn methods(architecture: Architecture, norm: Norm) -> Vec<Method> {
    let settings = Deconvolution { block_fc: architecture.block_fc(), ..Deconvolution::default() };
    let with = |implementation| Method::nd(Deconvolution { implementation, ..settings });
    match norm {
        Norm::Bn | Norm::Plain => vec![Method::new(norm, Deconvolution::default())],
        Norm::Nd => Implementation::ALL.into_iter().map(with).collect(),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn shape(value: &Value) -> Vec<i64> {
    list(value).iter().map(|d| d.as_i64().expect("a dimension")).collect()
}

/// Whether `init` is the recorded initialiser, up to rounding.
fn same_init(init: Init, recorded: &Value) -> bool {
    let (name, value) = match init {
        Init::Uniform(bound) => ("uniform", bound),
        Init::Normal(std) => ("normal", std),
        Init::Constant(value) => ("constant", value),
    };
    recorded[name].as_f64().is_some_and(|want| (want - value).abs() <= 1e-12 * want.abs())
}

#[test]
fn golden_networks_have_the_recorded_parameters_and_buffers() {
    for norm in Norm::TRAINED {
        each(norm, |Fixture { file, architecture, classes, data }, method| {
            let store = Store::new(Device::Cpu, Kind::Float);
            build(*architecture, method, *classes, &store.root());
            let mut wanted = list(&data["parameters"]).iter();
            store.each_parameter(|p| {
                let want = wanted.next().unwrap_or_else(|| panic!("{file}: {} is one parameter too many", p.name));
                assert_eq!((p.name.as_str(), p.tensor.size()), (want[0].as_str().unwrap(), shape(&want[1])), "{file}");
                assert!(same_init(p.init, &want[2]), "{file}: {} is initialised {:?}, not {}", p.name, p.init, want[2]);
            });
            assert_eq!(wanted.next(), None, "{file}: parameter missing");
            assert_eq!(Some(store.parameter_count()), data["trainable_parameters"].as_u64(), "{file}");
            let mut wanted = list(&data["buffers"]).iter();
            store.each_buffer(|b| {
                let want = wanted.next().unwrap_or_else(|| panic!("{file}: {} is one buffer too many", b.name));
                let kind = if b.tensor.kind() == Kind::Int64 { "int64" } else { "float32" };
                let got = (b.name.as_str(), b.tensor.size(), kind);
                assert_eq!(got, (want[0].as_str().unwrap(), shape(&want[1]), want[2].as_str().unwrap()), "{file}");
            });
            assert_eq!(wanted.next(), None, "{file}: buffer missing");
        });
    }
}

#[test]
fn golden_networks_run_the_recorded_layers() {
    for norm in Norm::TRAINED {
        each(norm, |Fixture { file, architecture, classes, data }, method| {
            let facts = facts(*architecture, method, *classes);
            assert_eq!(Some(facts.parameters), data["trainable_parameters"].as_u64(), "{file}: parameters");
            assert_eq!(Some(facts.macs), data["macs_one_image"].as_u64(), "{file}: multiply-accumulates");
            let traced = ["Conv2d", "BatchNorm2d", "FastDeconv", "Linear", "Delinear"];
            let recorded = list(&data["layers_in_execution_order"]).iter().filter(|l| {
                traced.contains(&l["type"].as_str().expect("a layer has a type")) && !l["output"].is_null()
            });
            let want: Vec<_> = recorded
                .map(|l| {
                    (
                        l["name"].as_str().unwrap(),
                        l["type"].as_str().unwrap(),
                        l["macs"].as_u64().unwrap(),
                        &l["output"],
                    )
                })
                .map(|(name, kind, macs, output)| (name.to_string(), kind, macs, shape(output)))
                .collect();
            let got: Vec<_> =
                facts.layers.into_iter().map(|l| (l.name, l.kind, l.macs, l.output[1..].to_vec())).collect();
            assert_eq!(got.len(), want.len(), "{file}: layers");
            for (got, want) in got.iter().zip(&want) {
                assert_eq!(got, want, "{file}");
            }
        });
    }
}

/// Calls `body` with every recorded network of `norm` and every method that computes it.
fn each(norm: Norm, mut body: impl FnMut(&Fixture, Method)) {
    for fixture in fixtures(&Golden::chosen(), norm) {
        methods(fixture.architecture, norm).into_iter().for_each(|method| body(&fixture, method));
    }
}

/// Where the recorded tolerance of single precision is below the rounding of one run: file, quantity and the deviation
/// measured; twice that is allowed. The tolerance is ten times the deviation of a single run, which may be small by luck:
/// the published code itself deviates by 1.7e-4 to 2.9e-4 in the first, depending on the number of threads, where 2e-4 is
/// recorded, and by 2.0e-4 in the third. The first was measured with the AVX-512 kernels of libtorch, the others with
/// those for AVX2. In the last the published code deviates by 5.3e-5, and by 1.28e-3 in 3 of 14 runs whose images and
/// weights were rounded otherwise, by 6e-8 of them, always in the biases of 256 channels. ResNet-18 for ImageNet was measured on a
/// Xeon with AMX, for which libtorch takes other kernels again: there both implementations deviate so, and by 1e-13 in double
/// precision.
const ROUNDING: [(&str, &str, f64); 7] = [
    ("cifar_densenet121_nd_10.json", "grad_norm", 2.3e-4),
    ("cifar_preact_bn_10.json", "losses", 1.4e-4),
    ("cifar_preact_bn_10.json", "grad_norm_by_shape", 2.0e-4),
    ("cifar_vgg16_bn_10.json", "losses", 3.8e-4),
    ("imagenet_resnet18d_nd_1000.json", "losses", 1.2e-3),
    ("imagenet_resnet18d_nd_1000.json", "grad_norm", 1.8e-4),
    ("imagenet_vgg11d_nd_1000.json", "grad_norm_by_shape", 1.3e-3),
];

/// In single precision the fast operator, and everything on a GPU, may deviate by so many recorded tolerances. They were
/// taken from the published order of operations on a CPU; another order rounds otherwise, and where a ReLU falls to the
/// other side, three steps of training make more of it. The largest deviation measured is 2.4 of them, in a quantity of
/// `cifar_resnet18d_nd_10.json`; double precision, and the operator by itself in single, are held to what is recorded.
const OTHER_ORDER: f64 = 5.0;

/// What is compared, with its deviation and its tolerance.
struct Comparison<'a> {
    file: &'a str,
    kind: Kind,
    device: Device,
    method: Method,
    want: &'a Value,
    tolerance: &'a Value,
    /// Quantity and deviation of what passed or failed.
    measured: Vec<(&'static str, f64)>,
    failures: Vec<String>,
}

impl Comparison<'_> {
    /// The recorded tolerance, in double precision without exception.
    fn allowed(&self, quantity: &str) -> f64 {
        let recorded = self.tolerance[quantity].as_f64().unwrap_or_else(|| panic!("no tolerance for {quantity}"));
        if self.kind != Kind::Float {
            return recorded;
        }
        let rounding = ROUNDING.iter().find(|(file, q, _)| *file == self.file && *q == quantity);
        let recorded = rounding.map_or(recorded, |(_, _, deviation)| recorded.max(2.0 * deviation));
        let Method { norm, deconvolution, .. } = self.method;
        let is_fast = norm == Norm::Nd && deconvolution.implementation == Implementation::Fast;
        let reordered = is_fast || self.device.is_cuda();
        if reordered { OTHER_ORDER * recorded } else { recorded }
    }

    fn judge(&mut self, quantity: &'static str, deviation: f64) {
        let tolerance = self.allowed(quantity);
        self.measured.push((quantity, deviation));
        let passes = deviation <= tolerance; // false for what is not a number
        if !passes {
            self.failures.push(format!("{quantity}: deviation {deviation:.1e} above {tolerance:.0e}"));
        }
    }

    /// Numbers, nested in any way: the largest difference relative to the largest magnitude.
    fn numbers(&mut self, quantity: &'static str, got: &[f64]) {
        let mut want = Vec::new();
        flatten(&self.want[quantity], &mut want);
        assert_eq!(got.len(), want.len(), "{quantity}: count");
        let largest = want.iter().fold(0f64, |m, w| m.max(w.abs()));
        // Not `f64::max`, which loses what is not a number.
        let worst = got.iter().zip(&want).map(|(g, w)| (g - w).abs() / largest);
        self.judge(quantity, worst.fold(0.0, |m, d| if d <= m { m } else { d }));
    }

    /// A table of norms: each entry relative to itself, or to a thousandth of the largest.
    fn norms(&mut self, quantity: &'static str, got: &BTreeMap<String, f64>) {
        let want = self.want[quantity].as_object().unwrap_or_else(|| panic!("no {quantity}"));
        assert!(want.keys().eq(got.keys()), "{quantity}: {:?} instead of {:?}", got.keys(), want.keys());
        let value = |v: &Value| v.as_f64().expect("a norm");
        let largest = want.values().map(value).fold(0.0, f64::max);
        let deviation = |(key, w): (&String, &Value)| (got[key] - value(w)).abs() / value(w).max(1e-3 * largest);
        let worst = want.iter().map(deviation).fold(0.0, |m, d| if d <= m { m } else { d });
        self.judge(quantity, worst);
    }
}

fn flatten(value: &Value, into: &mut Vec<f64>) {
    match value {
        Value::Array(values) => values.iter().for_each(|v| flatten(v, into)),
        number => into.push(number.as_f64().expect("a number")),
    }
}

/// Compares one network in one precision with what was recorded; returns what failed.
fn compare(fixture: &Fixture, method: Method, kind: Kind, device: Device) -> Vec<String> {
    let golden = &fixture.data["golden"];
    let exact = kind == Kind::Double;
    let got: Observed = observe(fixture.architecture, method, fixture.classes, golden, (kind, device), exact);
    let tolerance = &golden[if exact { "tolerance_f64" } else { "tolerance_f32" }];
    let (measured, failures) = (Vec::new(), Vec::new());
    let mut c = Comparison { file: &fixture.file, kind, device, method, want: golden, tolerance, measured, failures };
    c.numbers("losses", &got.losses);
    c.numbers("train_logits", &got.train_logits);
    c.numbers("grad_norm", &[got.grad_norm]);
    c.norms("grad_norm_by_shape", &got.grad_norm_by_shape);
    c.norms("buffer_norm_by_name_and_shape_after_1_step", &got.buffers_after_1_step);
    c.numbers("parameter_norm_after_3_steps", &[got.parameter_norm]);
    c.norms("buffer_norm_by_name_and_shape_after_3_steps", &got.buffers_after_3_steps);
    if exact {
        c.numbers("eval_logits", &got.eval_logits);
        c.numbers("eval_loss", &[got.eval_loss]);
    }
    let without: Vec<&str> = list(&golden["parameters_without_gradient"]).iter().filter_map(Value::as_str).collect();
    if got.without_gradient != without {
        c.failures.push(format!("without gradient: {:?} instead of {without:?}", got.without_gradient));
    }
    let layers = list(&fixture.data["layers_in_execution_order"]);
    let freezing = layers.iter().filter(|l| l["freeze"] == true).filter_map(|l| l["name"].as_str());
    let freezing: Vec<String> = freezing.map(|name| format!("{name}.steps")).collect();
    if got.counting != freezing {
        c.failures.push(format!("freezing: {:?} instead of {freezing:?}", got.counting));
    }
    for (quantity, deviation) in &c.measured {
        println!("{} {kind:?} {quantity}: {deviation:.1e} of {:.0e}", fixture.file, c.allowed(quantity));
    }
    c.failures.into_iter().map(|f| format!("{} {kind:?} {method:?}: {f}", fixture.file)).collect()
}

/// The norms whose behaviour is recorded; of the networks for ImageNet others have their structure only.
fn behaving(architecture: Architecture) -> &'static [Norm] {
    match architecture {
        Architecture::Vgg11 | Architecture::Resnet18Imagenet => &[Norm::Nd],
        Architecture::Densenet121Imagenet => &[],
        _ => &Norm::ALL,
    }
}

/// Double precision, which shows what differs, and single precision, which is what trains.
const BOTH: [Kind; 2] = [Kind::Double, Kind::Float];

/// Compares every file of one architecture in these precisions. Files without recorded behaviour are left out.
fn trains_as_recorded(architecture: Architecture, kinds: &[Kind], device: Device) {
    let failures = deviations(architecture, kinds, device);
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// What differs of one architecture.
fn deviations(architecture: Architecture, kinds: &[Kind], device: Device) -> Vec<String> {
    // The test harness keeps every core busy: teams of threads would only wait for one another.
    tch::set_num_threads(1);
    let mut failures = Vec::new();
    for norm in behaving(architecture) {
        let mut recorded = false;
        each(*norm, |fixture, method| {
            if fixture.architecture == architecture && fixture.data["golden"]["losses"].is_array() {
                recorded = true;
                kinds.iter().for_each(|kind| failures.extend(compare(fixture, method, *kind, device)));
            }
        });
        if !recorded {
            Golden::chosen().skip(&format!("behaviour of {architecture} with {norm}"));
        }
    }
    failures
}

#[test]
fn golden_vgg16_trains_as_recorded() {
    trains_as_recorded(Architecture::Vgg16, &BOTH, Device::Cpu);
}

#[test]
fn golden_resnet18_trains_as_recorded() {
    trains_as_recorded(Architecture::Resnet18, &BOTH, Device::Cpu);
}

#[test]
fn golden_resnet18_cifar_trains_as_recorded() {
    trains_as_recorded(Architecture::Resnet18Cifar, &BOTH, Device::Cpu);
}

#[test]
fn golden_preact18_trains_as_recorded() {
    trains_as_recorded(Architecture::Preact18, &BOTH, Device::Cpu);
}

#[test]
fn golden_densenet121_trains_as_recorded() {
    trains_as_recorded(Architecture::Densenet121, &[Kind::Float], Device::Cpu);
}

#[test]
fn golden_resnext29_trains_as_recorded() {
    trains_as_recorded(Architecture::Resnext29, &BOTH, Device::Cpu);
}

#[test]
fn golden_mobilenetv2_trains_as_recorded() {
    trains_as_recorded(Architecture::MobilenetV2, &BOTH, Device::Cpu);
}

#[test]
fn golden_dpn92_trains_as_recorded() {
    trains_as_recorded(Architecture::Dpn92, &[Kind::Float], Device::Cpu);
}

#[test]
fn golden_pnasnet_a_trains_as_recorded() {
    trains_as_recorded(Architecture::PnasnetA, &BOTH, Device::Cpu);
}

#[test]
fn golden_senet18_trains_as_recorded() {
    trains_as_recorded(Architecture::Senet18, &BOTH, Device::Cpu);
}

#[test]
fn golden_efficientnet_trains_as_recorded() {
    trains_as_recorded(Architecture::Efficientnet, &BOTH, Device::Cpu);
}

#[test]
#[ignore = "takes minutes: make test-golden"]
fn golden_densenet121_trains_as_recorded_in_double_precision() {
    trains_as_recorded(Architecture::Densenet121, &[Kind::Double], Device::Cpu);
}

#[test]
#[ignore = "takes minutes: make test-golden"]
fn golden_dpn92_trains_as_recorded_in_double_precision() {
    trains_as_recorded(Architecture::Dpn92, &[Kind::Double], Device::Cpu);
}

#[test]
#[ignore = "takes minutes and most of 16 GiB: make test-golden"]
fn golden_vgg11_trains_as_recorded() {
    trains_as_recorded(Architecture::Vgg11, &BOTH, Device::Cpu);
}

#[test]
fn golden_resnet18_imagenet_trains_as_recorded() {
    trains_as_recorded(Architecture::Resnet18Imagenet, &BOTH, Device::Cpu);
}

#[test]
#[ignore = "needs a CUDA device"]
fn gpu_networks_train_as_recorded() {
    let gpu = crate::gpu::device();
    let failures: Vec<String> = Architecture::ALL.into_iter().flat_map(|a| deviations(a, &BOTH, gpu)).collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
