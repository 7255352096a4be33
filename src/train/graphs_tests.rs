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
    stream_for(&Recipe { cuda_graph: true, ..Recipe::default() }, Device::Cuda(0)).unwrap()
}

/// A network after some steps, by graph or not. The last batch of an epoch is smaller, and the rate falls from `rate`.
fn train(build: &dyn Fn(&Scope) -> Box<dyn Layer>, rate: f64, cuda_graph: bool) -> Model {
    let device = Device::Cuda(0);
    let recipe = Recipe { batch_size: 8, cuda_graph, ..Recipe::default() };
    let mut model = Model::new(build, recipe, 7, device);
    for (step, n) in [8, 8, 8, 8, 5, 8, 8, 8, 8, 5, 8].into_iter().enumerate() {
        tch::manual_seed(step as i64);
        let images = Tensor::randn([n, 3, 32, 32], (Kind::Float, Device::Cpu)).to_device(device);
        let labels = Tensor::randint(10, [n], (Kind::Int64, Device::Cpu)).to_device(device);
        model.step(|_| (images, labels), rate / (step + 1) as f64, None, |_, _, _| {}).unwrap();
    }
    model
}

/// Parameters, buffers and momenta.
fn state(model: &Model) -> Vec<Tensor> {
    let mut state = Vec::new();
    model.store.each_parameter(|parameter| state.push(parameter.tensor.detach().copy()));
    model.store.each_buffer(|buffer| state.push(buffer.tensor.copy()));
    state.extend(model.sgd.momenta().map(|(_, momentum)| momentum.copy()));
    state
}

/// The largest difference of two states, to the size of each tensor.
fn difference(one: &Model, other: &Model) -> f64 {
    let difference = |(a, b): (Tensor, Tensor)| {
        let (a, b) = (a.to_kind(Kind::Double), b.to_kind(Kind::Double));
        ((&a - &b).norm() / (a.norm() + 1e-9)).double_value(&[])
    };
    state(one).into_iter().zip(state(other)).map(difference).fold(0.0, f64::max)
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
    for architecture in Architecture::ALL {
        for method in [bn, nd[0], nd[1]] {
            let build = |scope: &Scope| networks::build(architecture, method, 10, scope);
            let (one_by_one, by_graph) = (train(&build, 1e-3, false), train(&build, 1e-3, true));
            assert!(graphs(&one_by_one) == 0 && graphs(&by_graph) > 0, "{architecture}: {} graphs", graphs(&by_graph));
            let difference = difference(&one_by_one, &by_graph);
            assert!(difference < 1e-2, "{architecture} {method:?}: {difference}");
        }
    }
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
    let (one_by_one, by_graph) = (train(&build, 0.1, false), train(&build, 0.1, true));
    assert_eq!(graphs(&by_graph), 1);
    let difference = difference(&one_by_one, &by_graph);
    assert!(difference < 1e-4, "other masks or rates would make another network: {difference}");
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
    drop(train(&build, 1e-3, true));
    let before = reserved();
    let model = train(&build, 1e-3, true);
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
