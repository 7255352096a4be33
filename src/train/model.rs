//! What one training step computes: the network, its loss and its optimiser.

use super::graphs::Graphs;
use super::sgd::Sgd;
use crate::clock::Laps;
use crate::event::StepSplit;
use crate::native::{Autocast, NativeError, Part, Rate, part};
use crate::nn::{Layer, Pass, Scope, Store};
use crate::scenario::{Precision, Recipe};
use crate::units::Seconds;
use tch::{Device, Kind, Reduction, Tensor};

/// A network in training.
pub struct Model {
    pub(super) store: Store,
    pub(super) sgd: Sgd,
    network: Box<dyn Layer>,
    dropout: Option<f64>,
    channels_last: bool,
    /// Convolutions and linear products compute in bfloat16.
    autocast: bool,
    /// Images of a part of a batch, whose gradients are added to those of the others; absent where batches stay whole.
    part: Option<i64>,
    /// Absent where steps are taken kernel by kernel.
    graphs: Option<Graphs>,
}

impl Model {
    /// The network that `build` makes in a scope, its parameters filled from `seed`, in the recipe's precision.
    pub fn new(build: &dyn Fn(&Scope) -> Box<dyn Layer>, recipe: Recipe, seed: u64, device: Device) -> Self {
        let kind = if recipe.precision == Precision::Fp64 { Kind::Double } else { Kind::Float };
        let store = Store::new(device, kind);
        let network = build(&store.root());
        store.initialise(seed);
        let sgd = Sgd::new(&store, recipe);
        let graphs = recipe.cuda_graph.then(|| Graphs::new(recipe.batch_size));
        let part = (recipe.accumulate > 1).then(|| recipe.part_size().into());
        let Recipe { dropout, channels_last, .. } = recipe;
        let autocast = recipe.precision == Precision::Bf16;
        Self { store, sgd, network, dropout, channels_last, autocast, part, graphs }
    }

    /// The type of its parameters, images, logits and losses.
    pub fn kind(&self) -> Kind {
        self.store.kind()
    }

    /// A training pass over images `[N, 3, H, W]` and their labels `[N]`: the mean cross-entropy in nats, whose
    /// `backward` fills the gradients, and the logits `[N, classes]`.
    pub fn forward(&self, images: &Tensor, labels: &Tensor) -> (Tensor, Tensor) {
        part(Part::Other, || {
            let logits = self.logits(images, &Pass::training().with_dropout(self.dropout));
            (mean_cross_entropy(&logits, labels), logits)
        })
    }

    /// The same in evaluation: running statistics, no gradients, no dropout.
    pub fn evaluate(&self, images: &Tensor, labels: &Tensor) -> (Tensor, Tensor) {
        tch::no_grad(|| {
            let logits = self.logits(images, &Pass::evaluation());
            (mean_cross_entropy(&logits, labels), logits)
        })
    }

    /// What the network makes of images `[N, 3, H, W]`: logits `[N, classes]`.
    fn logits(&self, images: &Tensor, pass: &Pass) -> Tensor {
        let images = self.laid_out(images);
        // The loss and the way back are outside: there each operation computes in the numbers of its inputs.
        let _autocast = self.autocast.then(|| Autocast::on(self.store.device()));
        self.network.forward(&images, pass).to_kind(self.kind())
    }

    /// Images `[N, 3, H, W]` as they are to lie in memory; convolutions leave their results as they find their inputs.
    fn laid_out(&self, images: &Tensor) -> Tensor {
        if !self.channels_last {
            return images.shallow_clone();
        }
        images.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
    }

    /// One step of the optimiser at the learning rate `rate` on the images and labels that `batch` makes in the network's
    /// element type; `see` looks at loss, logits and labels. Where `laps` run, returns where the time went; such steps are
    /// taken kernel by kernel.
    ///
    /// # Errors
    /// libtorch's, out of memory among them.
    pub fn step(
        &mut self,
        batch: impl FnOnce(Kind) -> (Tensor, Tensor),
        rate: f64,
        mut laps: Option<Laps>,
        see: impl FnOnce(&Tensor, &Tensor, &Tensor),
    ) -> Result<Option<StepSplit>, NativeError> {
        let (images, labels) = batch(self.kind());
        if laps.is_none()
            && let Some((loss, logits)) = self.by_graph(&images, &labels, rate)?
        {
            see(&loss, &logits, &labels);
            return Ok(None);
        }
        let mut lap = || laps.as_mut().map_or(Seconds(0.0), Laps::lap);
        let mut split = StepSplit { data: lap(), ..StepSplit::default() };
        match self.part {
            Some(part) if part < images.size()[0] => {
                let (loss, logits) = self.in_parts(part, (&images, &labels), &mut lap, &mut split);
                see(&loss, &logits, &labels);
            }
            _ => {
                let (loss, logits) = self.forward(&images, &labels);
                see(&loss, &logits, &labels);
                split.forward = lap();
                loss.backward();
                split.backward = lap();
            }
        }
        self.update(rate)?;
        split.optimiser = lap();
        Ok(laps.is_some().then_some(split))
    }

    /// Fills the gradients of the mean loss of a batch from one part of `part` images after the other; that loss and all
    /// logits. What of the passes each part took is added to `split`.
    fn in_parts(
        &self,
        part: i64,
        (images, labels): (&Tensor, &Tensor),
        lap: &mut impl FnMut() -> Seconds,
        split: &mut StepSplit,
    ) -> (Tensor, Tensor) {
        let (mut losses, mut logits) = (Vec::new(), Vec::new());
        for (images_of_part, labels_of_part) in images.split(part, 0).iter().zip(labels.split(part, 0)) {
            let (loss, own) = self.forward(images_of_part, &labels_of_part);
            let share = loss * (labels_of_part.size()[0] as f64 / labels.size()[0] as f64);
            split.forward += lap();
            share.backward();
            split.backward += lap();
            losses.push(share.detach());
            logits.push(own.detach());
        }
        (Tensor::stack(&losses, 0).sum(None::<Kind>), Tensor::cat(&logits, 0))
    }

    /// The step by a CUDA graph, where there is one for it: loss and logits.
    fn by_graph(
        &mut self,
        images: &Tensor,
        labels: &Tensor,
        rate: f64,
    ) -> Result<Option<(Tensor, Tensor)>, NativeError> {
        let Some(mut graphs) = self.graphs.take() else { return Ok(None) };
        let taken = graphs.step(self, (images, labels), rate);
        self.graphs = Some(graphs);
        taken
    }

    #[cfg(test)]
    pub(super) fn graphs(&self) -> Option<&Graphs> {
        self.graphs.as_ref()
    }

    /// Updates the parameters at this learning rate and drops their gradients.
    ///
    /// # Errors
    /// libtorch's, out of memory among them.
    pub fn update(&mut self, rate: f64) -> Result<(), NativeError> {
        self.sgd.step(Rate::Number(rate))
    }
}

/// The mean cross-entropy of logits `[N, classes]` against labels `[N]`, nats, a scalar.
fn mean_cross_entropy(logits: &Tensor, labels: &Tensor) -> Tensor {
    logits.cross_entropy_loss(labels, None::<Tensor>, Reduction::Mean, -100, 0.0)
}
