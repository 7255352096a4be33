//! The training step as CUDA graphs: forward and backward pass and the update are captured once and launched as a whole from
//! then on. On a fast device a step of small kernels takes as long as the host needs to launch them; a graph takes one launch.
//!
//! A graph reads its images, labels and learning rate from tensors of its own. Which statistics layers take changes in the
//! course of a training, so there is a graph for each combination that occurs.

use super::model::Model;
use crate::native::{Graph, NativeError, OwnStream, Pool, Rate, release_cuda_memory};
use crate::nn::Taken;
use crate::scenario::Recipe;
use std::collections::BTreeMap;
use tch::{Device, Kind, Tensor};

/// Steps before a capture: libraries choose their kernels in them, and the optimiser makes what it keeps.
const WARM_UP: u32 = 2;

/// The stream on which a training by graphs runs, entered until it is dropped, after everything that ran there; none for
/// other trainings.
///
/// # Errors
/// Graphs are asked for on the CPU, or libtorch's.
pub(crate) fn stream_for(recipe: &Recipe, device: Device) -> Result<Option<OwnStream>, NativeError> {
    match (recipe.cuda_graph, device) {
        (false, _) => Ok(None),
        (true, Device::Cuda(index)) => OwnStream::enter(index).map(Some),
        (true, _) => Err(NativeError("recipe.cuda_graph needs a CUDA device".into())),
    }
}

/// The graphs of a model.
#[derive(Debug)]
pub(super) struct Graphs {
    /// Images of the batches that they are for.
    batch: i64,
    inputs: Option<Inputs>,
    /// By what each layer takes.
    steps: BTreeMap<Vec<Taken>, Step>,
    pool: Pool,
}

/// What the graphs read.
#[derive(Debug)]
struct Inputs {
    images: Tensor,
    labels: Tensor,
    rate: Tensor,
}

#[derive(Debug)]
enum Step {
    /// So many were taken without a graph.
    WarmingUp(u32),
    Captured(Captured),
}

#[derive(Debug)]
struct Captured {
    graph: Graph,
    /// Where it leaves the loss and the logits.
    results: (Tensor, Tensor),
}

impl Graphs {
    /// Graphs for batches of so many images.
    pub fn new(batch: u32) -> Self {
        Self { batch: i64::from(batch), inputs: None, steps: BTreeMap::new(), pool: Pool::default() }
    }

    /// Takes a step of `model` by a graph; its loss and logits, which the next step overwrites. `None` where it is not to be
    /// taken so: in the first steps, and for batches of another size.
    ///
    /// # Errors
    /// libtorch's: a step that cannot be captured, out of memory.
    pub fn step(
        &mut self,
        model: &mut Model,
        (images, labels): (&Tensor, &Tensor),
        rate: f64,
    ) -> Result<Option<(Tensor, Tensor)>, NativeError> {
        if images.size()[0] != self.batch {
            return Ok(None);
        }
        let step = self.steps.entry(model.store.taken()).or_insert(Step::WarmingUp(0));
        if let Step::WarmingUp(steps) = step
            && *steps < WARM_UP
        {
            *steps += 1;
            return Ok(None);
        }
        let inputs = self.inputs.get_or_insert_with(|| Inputs::like(images, labels));
        inputs.fill(images, labels, rate);
        match step {
            // Layers count the step while it is captured.
            Step::WarmingUp(_) => *step = Step::Captured(capture(model, inputs, &mut self.pool)?),
            Step::Captured(_) => model.store.advance(),
        }
        let Step::Captured(Captured { graph, results: (loss, logits) }) = step else { return Ok(None) };
        graph.replay()?;
        Ok(Some((loss.shallow_clone(), logits.shallow_clone())))
    }
}

impl Inputs {
    /// Room for a batch.
    fn like(images: &Tensor, labels: &Tensor) -> Self {
        let rate = Tensor::zeros([], (Kind::Float, images.device()));
        Self { images: images.empty_like(), labels: labels.empty_like(), rate }
    }

    fn fill(&mut self, images: &Tensor, labels: &Tensor, rate: f64) {
        self.images.copy_(images);
        self.labels.copy_(labels);
        let _ = self.rate.fill_(rate);
    }
}

fn capture(model: &mut Model, inputs: &Inputs, pool: &mut Pool) -> Result<Captured, NativeError> {
    // What steps without a graph took would not be given to the graph.
    release_cuda_memory()?;
    let captured = Graph::capture(pool, || {
        let (loss, logits) = model.forward(&inputs.images, &inputs.labels);
        loss.backward();
        model.sgd.step(Rate::OnDevice(&inputs.rate))?;
        // Without what the backward pass needed.
        Ok((loss.detach(), logits.detach()))
    });
    let cannot = |NativeError(why)| NativeError(format!("a training step cannot be captured as a CUDA graph: {why}"));
    captured.map(|(graph, results)| Captured { graph, results }).map_err(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Method, networks};
    use crate::scenario::{Architecture, BatchNorm, Deconvolution, Implementation, Norm};

    /// Parameters, buffers and momenta after some steps, by graph or not, and how many graphs there were.
    fn train(architecture: Architecture, method: Method, cuda_graph: bool) -> (Vec<Tensor>, usize) {
        let device = Device::Cuda(0);
        let recipe = Recipe { batch_size: 8, cuda_graph, ..Recipe::default() };
        let mut model = Model::new(&|scope| networks::build(architecture, method, 10, scope), recipe, 7, device);
        tch::manual_seed(3);
        // The last batch of an epoch is smaller; statistics freeze after the fourth step.
        for n in [8, 8, 8, 8, 5, 8, 8, 8, 8, 5, 8] {
            let images = Tensor::randn([n, 3, 32, 32], (Kind::Float, Device::Cpu)).to_device(device);
            let labels = Tensor::randint(10, [n], (Kind::Int64, Device::Cpu)).to_device(device);
            model.step(|_| (images, labels), 1e-3, None, |_, _, _| {}).unwrap();
        }
        let mut state = Vec::new();
        model.store.each_parameter(|parameter| state.push(parameter.tensor.detach().copy()));
        model.store.each_buffer(|buffer| state.push(buffer.tensor.copy()));
        state.extend(model.sgd.momenta().map(|(_, momentum)| momentum.copy()));
        let captured = |graphs: &Graphs| graphs.steps.values().filter(|s| matches!(s, Step::Captured(_))).count();
        (state, model.graphs().map_or(0, captured))
    }

    #[test]
    #[ignore = "needs a CUDA device"]
    fn gpu_steps_by_graph_leave_every_network_as_other_steps_do() {
        let _alone = crate::testing::alone();
        crate::telemetry::open_cuda(std::path::Path::new(env!("NDBENCH_LIBTORCH_LIB")));
        let device = Device::Cuda(0);
        let recipe = Recipe { cuda_graph: true, ..Recipe::default() };
        let _stream = stream_for(&recipe, device).unwrap();
        let nd = Implementation::ALL.map(|implementation| {
            let settings = Deconvolution { implementation, freeze_iter: Some(3), ..Deconvolution::default() };
            Method::new(Norm::Nd, settings)
        });
        let bn = Method::new(Norm::Bn, Deconvolution::default()).with_batch_norm(BatchNorm::default());
        for architecture in Architecture::ALL {
            for method in [bn, nd[0], nd[1]] {
                let ((one_by_one, none), (by_graph, graphs)) =
                    (train(architecture, method, false), train(architecture, method, true));
                assert!(none == 0 && graphs > 0, "{architecture}: {graphs} graphs");
                for (a, b) in one_by_one.iter().zip(&by_graph) {
                    let (a, b) = (a.to_kind(Kind::Double), b.to_kind(Kind::Double));
                    let error = ((&a - &b).norm() / (a.norm() + 1e-9)).double_value(&[]);
                    assert!(error < 1e-2, "{architecture} {method:?}: {error}");
                }
            }
        }
    }

    #[test]
    fn graphs_are_for_cuda_devices() {
        let asked = Recipe { cuda_graph: true, ..Recipe::default() };
        assert!(stream_for(&asked, Device::Cpu).unwrap_err().0.contains("CUDA device"));
        assert!(stream_for(&Recipe::default(), Device::Cpu).unwrap().is_none());
    }
}
