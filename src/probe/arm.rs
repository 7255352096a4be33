//! One network in training among others.

use super::floor::floor;
use super::parts::parts_of;
use crate::clock::{Laps, synchronise};
use crate::data::{self, EpochPlan, Normalisation};
use crate::event::{MemoryPeak, Outcome, StepSplit};
use crate::native;
use crate::nn::{Method, networks};
use crate::plan::Trial;
use crate::record::{Floor, ProbeCell, StepParts, Turn};
use crate::scenario::{Norm, Precision};
use crate::train::{Mark, Model, NativeError, classify, live_memory, peak_memory, reset_peak_memory};
use crate::units::{Bytes, Seconds};
use tch::{Device, Kind, Tensor};

/// Batches' worth of images.
const BATCHES: i64 = ProbeCell::BATCHES as i64;

/// Small enough that the loss of noise stays finite for as long as anyone measures.
const RATE: f64 = 1e-4;

/// Made-up images on the device, and the order in which arms see them.
pub(super) struct Images {
    images: data::Images,
    plan: EpochPlan,
    batch: i64,
}

impl Images {
    /// Noise for batches of the recipe's size, with its augmentation.
    pub fn new(trial: &Trial, device: Device) -> Self {
        let batch = i64::from(trial.recipe.batch_size);
        let (n, side) = (BATCHES * batch, i64::from(trial.dataset.side()));
        tch::manual_seed(trial.base_seed as i64);
        let images = data::Images {
            pixels: Tensor::randint(256, [n, 3, side, side], (Kind::Uint8, device)),
            labels: Tensor::randint(classes(trial), [n], (Kind::Int64, device)),
        };
        let plan = EpochPlan::new(trial.base_seed, 1, n, &trial.recipe.augmentation, device);
        Self { images, plan, batch }
    }

    fn batch(&self, step: i64, kind: Kind) -> (Tensor, Tensor) {
        let start = step % BATCHES * self.batch;
        let normalisation = Normalisation { mean: [0.5; 3], std: [0.25; 3] };
        self.plan.train_batch(&self.images, &normalisation, start, start + self.batch, kind)
    }
}

/// Classes of the trial's data set; of an image folder, which need not be here, ten.
fn classes(trial: &Trial) -> i64 {
    trial.dataset.classes().map_or(10, |classes| classes as i64)
}

/// A network with its optimiser.
pub(super) struct Arm<'a> {
    trial: &'a Trial,
    device: Device,
    model: Model,
    /// Bytes in live tensors before it was made.
    before: Bytes,
    resident: Bytes,
    step: i64,
}

impl<'a> Arm<'a> {
    pub fn new(trial: &'a Trial, device: Device) -> Self {
        let before = live_memory(device).unwrap_or_default();
        let method = Method::new(trial.norm, trial.deconvolution.unwrap_or_default()).with_batch_norm(trial.batch_norm);
        let build = |scope: &crate::nn::Scope| networks::build(trial.architecture, method, classes(trial), scope);
        let model = Model::new(&build, trial.recipe, trial.seed(), device);
        Self { trial, device, model, before, resident: Bytes(0), step: 0 }
    }

    pub fn trial(&self) -> &'a Trial {
        self.trial
    }

    /// Until another arm says otherwise, the device computes as this one's recipe asks.
    fn claim_arithmetic(&self) -> Result<(), Outcome> {
        native::allow_tf32(self.trial.recipe.precision == Precision::Tf32).map_err(failed)
    }

    /// The least time in which it can whiten; `None` where it does not.
    pub fn floor(&self) -> Result<Option<Floor>, Outcome> {
        self.claim_arithmetic()?;
        let measured = || floor(self.trial, classes(self.trial), self.model.kind(), self.device).map_err(failed);
        (self.trial.norm == Norm::Nd).then(measured).transpose()
    }

    pub fn device(&self) -> Device {
        self.device
    }

    /// Bytes that it holds between steps: parameters, running statistics, momentum.
    pub fn resident(&self) -> Bytes {
        self.resident
    }

    /// A step that does not count; nothing else may allocate meanwhile.
    pub fn warm_up(&mut self, images: &Images) -> Result<Seconds, Outcome> {
        self.claim_arithmetic()?;
        let [from, to] = [Mark::new(self.device), self.advance(images, None).and_then(|_| Mark::new(self.device))];
        let seconds = from.and_then(|from| from.until(&to?)).map_err(failed)?;
        let now = live_memory(self.device).unwrap_or_default();
        self.resident = Bytes(now.0.saturating_sub(self.before.0));
        Ok(seconds)
    }

    /// How many steps a piece of a turn has, of which so many count.
    pub fn steps_in_all(counted: usize) -> u64 {
        counted as u64 + 1
    }

    /// A piece of a turn: so many steps that count after one that does not; while others hold `held`.
    pub fn piece(&mut self, images: &Images, steps: usize, held: Bytes) -> Result<Turn, Outcome> {
        self.claim_arithmetic()?;
        reset_peak_memory(self.device);
        self.advance(images, None).map_err(failed)?;
        synchronise(self.device);
        let (marks, host) = self.run(images, steps).map_err(failed)?;
        let (allocated, reserved) = peak_memory(self.device);
        let device: Result<Vec<Seconds>, NativeError> = marks.windows(2).map(|pair| pair[0].until(&pair[1])).collect();
        let own = |peak: Bytes| Bytes(peak.0.saturating_sub(held.0));
        let memory = MemoryPeak { allocated: allocated.map(own), reserved, resident: None };
        Ok(Turn { steps: device.map_err(failed)?, host, split: StepSplit::default(), parts: None, memory })
    }

    /// A step whose parts are timed, in the same turn.
    pub fn parts(&mut self, images: &Images) -> Result<(StepSplit, StepParts), Outcome> {
        if self.trial.recipe.cuda_graph {
            // The step by parts is none of a graph: its memory must be there.
            self.advance(images, Some(Laps::start(self.device))).map_err(failed)?;
        }
        let laps = Laps::start(self.device);
        let (split, parts) = parts_of(self.device, || self.advance(images, Some(laps))).map_err(failed)?;
        Ok((split.map_err(failed)?.unwrap_or_default(), parts))
    }

    /// Runs `steps` steps; the marks before, between and after them, and the host's time for all.
    fn run(&mut self, images: &Images, steps: usize) -> Result<(Vec<Mark>, Seconds), NativeError> {
        let begun = std::time::Instant::now();
        let mut marks = vec![Mark::new(self.device)?];
        for _ in 0..steps {
            self.advance(images, None)?;
            marks.push(Mark::new(self.device)?);
        }
        synchronise(self.device);
        Ok((marks, begun.elapsed().into()))
    }

    fn advance(&mut self, images: &Images, laps: Option<Laps>) -> Result<Option<StepSplit>, NativeError> {
        self.step += 1;
        let step = self.step;
        self.model.step(|kind| images.batch(step, kind), RATE, laps, |_, _, _| {})
    }
}

fn failed(error: impl std::fmt::Display) -> Outcome {
    classify(&error.to_string())
}
