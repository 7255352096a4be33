//! The training step as CUDA graphs: forward and backward pass and the update are captured once and launched as a whole from
//! then on. On a fast device a step of small kernels takes as long as the host needs to launch them; a graph takes one launch.
//!
//! A graph reads its images, labels and learning rate from tensors of its own. Which statistics layers take changes in the
//! course of a training, so there is a graph for each combination that occurs.

use super::model::Model;
use crate::native::{Graph, NativeError, OwnStream, Pool, Rate};
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
#[derive(Debug, Default)]
pub(super) struct Graphs {
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
    /// Takes a step of `model` by a graph; its loss and logits, which the next step overwrites. `None` where it is not to be
    /// taken so: in the first steps, and for batches of another size than the first.
    ///
    /// # Errors
    /// libtorch's: a step that cannot be captured, out of memory.
    pub fn step(
        &mut self,
        model: &mut Model,
        (images, labels): (&Tensor, &Tensor),
        rate: f64,
    ) -> Result<Option<(Tensor, Tensor)>, NativeError> {
        let inputs = self.inputs.get_or_insert_with(|| Inputs::like(images, labels));
        if inputs.images.size() != images.size() {
            return Ok(None);
        }
        let step = self.steps.entry(model.store.taken()).or_insert(Step::WarmingUp(0));
        if let Step::WarmingUp(steps) = step
            && *steps < WARM_UP
        {
            *steps += 1;
            return Ok(None);
        }
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
