//! The training step as CUDA graphs: forward and backward pass and the update are captured once and launched as a whole
//! from then on. On a fast device a step of small kernels takes as long as the host needs to launch them; a graph takes
//! one launch.
//!
//! A graph reads its images, labels and learning rate from tensors of its own. [`Patterns`] says which steps have one.

use super::failure::catch;
use super::model::Model;
use super::patterns::Patterns;
use crate::event::Outcome;
use crate::native::{Graph, NativeError, OwnStream, Pool, Rate, release_cuda_memory};
use crate::scenario::Recipe;
use tch::{Device, Kind, Tensor};

/// The stream on which a training by graphs runs, entered until it is dropped, after everything that ran there; none for
/// other trainings.
///
/// # Errors
/// Graphs are asked for on the CPU, or libtorch's.
pub(crate) fn stream_for(recipe: &Recipe, device: Device) -> Result<Option<OwnStream>, NativeError> {
    match (recipe.cuda_graph, device) {
        (false, _) => Ok(None),
        (true, Device::Cuda(index)) => OwnStream::enter(index).map(Some),
        (true, _) => Err(NativeError("recipe.cuda_graph needs a CUDA device: leave it out on the CPU".into())),
    }
}

/// The graphs of a model.
#[derive(Debug)]
pub(super) struct Graphs {
    patterns: Patterns<Captured>,
    inputs: Option<Inputs>,
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
struct Captured {
    graph: Graph,
    /// Where it leaves the loss and the logits.
    results: (Tensor, Tensor),
}

impl Graphs {
    /// Graphs for batches of so many images.
    pub fn new(batch: u32) -> Self {
        Self { patterns: Patterns::new(batch), inputs: None, pool: Pool::default() }
    }

    /// Takes a step of `model` by a graph; its loss and logits, which the next step overwrites. `None` where it is not to be
    /// taken so.
    ///
    /// # Errors
    /// libtorch's: a step that cannot be captured, out of memory.
    pub fn step(
        &mut self,
        model: &mut Model,
        (images, labels): (&Tensor, &Tensor),
        rate: f64,
    ) -> Result<Option<(Tensor, Tensor)>, NativeError> {
        let Some(graph) = self.patterns.next(images.size()[0], model.store.taken()) else { return Ok(None) };
        let inputs = self.inputs.get_or_insert_with(|| Inputs::like(images, labels));
        inputs.fill(images, labels, rate);
        let Captured { graph, results: (loss, logits) } = match graph {
            Some(captured) => {
                model.store.advance();
                captured
            }
            // Layers count the step while it is captured.
            None => graph.insert(capture(model, inputs, &mut self.pool)?),
        };
        graph.replay()?;
        Ok(Some((loss.shallow_clone(), logits.shallow_clone())))
    }

    /// How many there are.
    #[cfg(test)]
    pub fn captured(&self) -> usize {
        self.patterns.captured()
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
    let step = || -> Result<(Tensor, Tensor), NativeError> {
        let (loss, logits) = model.forward(&inputs.images, &inputs.labels);
        loss.backward();
        model.sgd.step(Rate::OnDevice(&inputs.rate))?;
        // Without what the backward pass needed.
        Ok((loss.detach(), logits.detach()))
    };
    // Within, tch panics where libtorch fails.
    let captured = Graph::capture(pool, || catch(step).unwrap_or_else(|outcome| Err(error(outcome))));
    captured.map(|(graph, results)| Captured { graph, results }).map_err(uncaptured)
}

/// What libtorch said before it panicked.
fn error(outcome: Outcome) -> NativeError {
    match outcome {
        Outcome::Oom { message, .. } | Outcome::Failed { message } => NativeError(message),
        other => NativeError(other.word().into()),
    }
}

/// What to do about a step that cannot be captured, before the reason, which may be long.
fn uncaptured(NativeError(why): NativeError) -> NativeError {
    NativeError(format!(
        "a training step cannot be captured as a CUDA graph; with recipe.cuda_graph = false none is: {why}"
    ))
}

#[cfg(test)]
#[path = "graphs_tests.rs"]
mod tests;
