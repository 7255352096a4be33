//! On a CUDA device, steps by graph beside steps one by one.

use super::*;
use crate::native::cuda_memory;
use crate::nn::layers::Linear;
use crate::nn::{Layer, Method, Pass, Scope, networks};
use crate::scenario::{Architecture, BatchNorm, Deconvolution, Implementation, Norm};
use crate::train::classify;

/// The stream of the first CUDA device on which graphs can be captured.
fn stream() -> Option<OwnStream> {
    crate::telemetry::open_cuda(std::path::Path::new(env!("NDBENCH_LIBTORCH_LIB")));
    crate::native::allow_tf32(false).unwrap();
    stream_for(&Recipe { cuda_graph: true, ..Recipe::default() }, Device::Cuda(0)).unwrap()
}

/// How a network is trained.
#[derive(Clone, Copy)]
struct How {
    rate: f64,
    cuda_graph: bool,
    /// Images are changed by such a share of themselves.
    nudge: f64,
}

const ONE_BY_ONE: How = How { rate: 1e-4, cuda_graph: false, nudge: 0.0 };

/// A network after some steps. The last batch of an epoch is smaller, and the rate falls.
fn train(build: &dyn Fn(&Scope) -> Box<dyn Layer>, how: How) -> Model {
    let device = Device::Cuda(0);
    let recipe = Recipe { batch_size: 8, cuda_graph: how.cuda_graph, ..Recipe::default() };
    let mut model = Model::new(build, recipe, 7, device);
    for (step, n) in [8, 8, 8, 8, 5, 8, 8, 8, 8, 5, 8].into_iter().enumerate() {
        tch::manual_seed(step as i64);
        let images = Tensor::randn([n, 3, 32, 32], (Kind::Float, Device::Cpu)) * (1.0 + how.nudge);
        let labels = Tensor::randint(10, [n], (Kind::Int64, Device::Cpu)).to_device(device);
        let images = images.to_device(device);
        model.step(|_| (images, labels), how.rate / (step + 1) as f64, None, |_, _, _| {}).unwrap();
    }
    model
}

/// Parameters, buffers and momenta, each as one vector in double precision.
fn state(model: &Model) -> [Tensor; 3] {
    let [mut parameters, mut buffers] = [Vec::new(), Vec::new()];
    let vector = |tensor: &Tensor| tensor.detach().to_kind(Kind::Double).flatten(0, -1);
    model.store.each_parameter(|parameter| parameters.push(vector(&parameter.tensor)));
    model.store.each_buffer(|buffer| buffers.push(vector(&buffer.tensor)));
    let momenta: Vec<Tensor> = model.sgd.momenta().map(|(_, momentum)| vector(momentum)).collect();
    // Nothing has momentum before the first step, and not every network buffers.
    let none = || Tensor::zeros([0], (Kind::Double, Device::Cuda(0)));
    [parameters, buffers, momenta].map(|tensors| if tensors.is_empty() { none() } else { Tensor::cat(&tensors, 0) })
}

fn norm(tensor: &Tensor) -> f64 {
    tensor.norm().double_value(&[])
}

/// Differences of two trainings from `start`, in parts of what changed on the way: parameters, buffers and momenta.
fn difference(start: &Model, one: &Model, other: &Model) -> [f64; 3] {
    let [start, one, other] = [start, one, other].map(state);
    let far = |i: usize| norm(&(&one[i] - &other[i])) / (norm(&(&one[i] - &start[i])) + 1e-12);
    [far(0), far(1), norm(&(&one[2] - &other[2])) / (norm(&one[2]) + 1e-12)]
}

fn graphs(model: &Model) -> usize {
    model.graphs().map_or(0, Graphs::captured)
}

#[test]
#[ignore = "needs a CUDA device"]
fn gpu_steps_by_graph_leave_every_network_as_other_steps_do() {
    let _alone = crate::testing::alone();
    let _stream = stream();
    // Statistics freeze after the fourth step.
    let nd = Implementation::ALL.map(|implementation| {
        let settings = Deconvolution { implementation, freeze_iter: Some(3), ..Deconvolution::default() };
        Method::new(Norm::Nd, settings)
    });
    let bn = Method::new(Norm::Bn, Deconvolution::default()).with_batch_norm(BatchNorm::default());
    let mut failures = Vec::new();
    for architecture in Architecture::ALL.into_iter().filter(|architecture| architecture.side() == 32) {
        for method in [bn, nd[0], nd[1]] {
            let build = |scope: &Scope| networks::build(architecture, method, 10, scope);
            let start = Model::new(&build, Recipe::default(), 7, Device::Cuda(0));
            let one_by_one = train(&build, ONE_BY_ONE);
            let by_graph = train(&build, How { cuda_graph: true, ..ONE_BY_ONE });
            assert!(graphs(&one_by_one) == 0 && graphs(&by_graph) > 0, "{architecture}: {} graphs", graphs(&by_graph));
            // What rounding alone may make of it.
            let nudged = train(&build, How { nudge: 1e-6, ..ONE_BY_ONE });
            let off = difference(&start, &one_by_one, &by_graph);
            let rounding = difference(&start, &one_by_one, &nudged);
            if off.iter().zip(rounding).any(|(off, rounding)| *off > (3.0 * rounding).max(1e-2)) {
                failures.push(format!("{architecture} {method:?}: {off:?}, nudged {rounding:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A linear layer after dropout.
struct Dropping(Linear);

impl Layer for Dropping {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        self.0.forward(&x.flatten(1, -1).dropout(pass.dropout(0.5), pass.is_training()), pass)
    }
}

#[test]
#[ignore = "needs a CUDA device"]
fn gpu_steps_by_graph_draw_what_other_steps_draw() {
    let _alone = crate::testing::alone();
    let _stream = stream();
    let build = |scope: &Scope| -> Box<dyn Layer> { Box::new(Dropping(Linear::new(scope, 3 * 32 * 32, 10))) };
    let how = How { rate: 0.1, ..ONE_BY_ONE };
    let (one_by_one, by_graph) = (train(&build, how), train(&build, How { cuda_graph: true, ..how }));
    assert_eq!(graphs(&by_graph), 1);
    let start = Model::new(&build, Recipe::default(), 7, Device::Cuda(0));
    let [parameters, _, momenta] = difference(&start, &one_by_one, &by_graph);
    assert!(parameters.max(momenta) < 1e-4, "other masks or rates would make another network: {parameters} {momenta}");
}

#[test]
#[ignore = "needs a CUDA device"]
fn gpu_memory_of_graphs_is_given_back() {
    let _alone = crate::testing::alone();
    let _stream = stream();
    let bn = Method::new(Norm::Bn, Deconvolution::default());
    let build = |scope: &Scope| networks::build(Architecture::Resnet18, bn, 10, scope);
    let reserved = || {
        release_cuda_memory().unwrap();
        cuda_memory(0).unwrap().reserved.now
    };
    // Libraries keep what they took for the first.
    let how = How { cuda_graph: true, ..ONE_BY_ONE };
    drop(train(&build, how));
    let before = reserved();
    let model = train(&build, how);
    assert!(graphs(&model) == 1 && reserved() > before);
    drop(model);
    assert!(reserved() <= before);
}

#[test]
fn graphs_are_for_cuda_devices() {
    let asked = Recipe { cuda_graph: true, ..Recipe::default() };
    assert!(stream_for(&asked, Device::Cpu).unwrap_err().0.contains("CUDA device"));
    assert!(stream_for(&Recipe::default(), Device::Cpu).unwrap().is_none());
}

#[test]
fn a_step_that_cannot_be_captured_says_what_to_do_and_want_of_memory_stays_that() {
    let outcome = |why: &str| classify(&uncaptured(error(classify(why))).to_string());
    let Outcome::Failed { message } = outcome("CUDA error: operation not permitted when stream is capturing\nframe")
    else {
        panic!()
    };
    assert!(message.contains("recipe.cuda_graph = false") && message.ends_with("stream is capturing"), "{message}");
    let oom =
        outcome("CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has 15.77 GiB of which 512.00 MiB is free.");
    let Outcome::Oom { requested, free, .. } = oom else { panic!("{oom:?}") };
    assert_eq!((requested.map(|b| b.0), free.map(|b| b.0)), (Some(5 << 29), Some(512 << 20)));
}
