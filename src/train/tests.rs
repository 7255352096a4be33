//! Whole trainings of a tiny network.

mod autocast;
mod layout;
mod parts;
mod resume;
mod streamed;

use super::{Checkpoints, Trainer};
use crate::data::{DataSet, Images, Normalisation, TrainingData};
use crate::event::{EpochResult, Event, Fanout, Outcome, Sink, SinkError};
use crate::files::sha256_hex;
use crate::nn::layers::{BatchNorm2d, Conv2d, ConvShape, Linear};
use crate::nn::{Layer, Pass, Scope};
use crate::plan::{Block, ResolvedTrial, Trial};
use crate::scenario::{Architecture, Augmentation, BatchNorm, Dataset, Norm, Precision, Recipe, Schedule};
use crate::telemetry::{self, Environment, Host, Software, Telemetry};
use crate::units::Bytes;
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tch::{Device, Kind, Tensor};

/// Convolution, batch normalisation, dropout, a scale that depends on a counter, and a linear layer.
struct Tiny {
    conv: Conv2d,
    norm: BatchNorm2d,
    linear: Linear,
    seen: Rc<Cell<i64>>,
}

impl Tiny {
    fn build(scope: &Scope) -> Box<dyn Layer> {
        Box::new(Self {
            conv: Conv2d::new(&scope.sub("conv"), ConvShape::new(3, 4, 3), true),
            norm: BatchNorm2d::new(&scope.sub("norm"), 4, BatchNorm::default()),
            linear: Linear::new(&scope.sub("linear"), 4, 6),
            seen: scope.counter("seen"),
        })
    }
}

impl Layer for Tiny {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        if pass.is_training() {
            self.seen.set(self.seen.get() + 1);
        }
        let y = self.norm.forward(&self.conv.forward(x, pass), pass).relu().mean_dim([2i64, 3].as_slice(), false, None);
        let y = y.dropout(pass.dropout(0.3), pass.is_training()) * (1.0 + 0.1 * self.seen.get() as f64);
        self.linear.forward(&y, pass)
    }
}

const STEPS: u64 = 4;
const EPOCHS: u32 = 2;

fn trial(recipe: Recipe) -> ResolvedTrial {
    let trial = Trial {
        architecture: Architecture::Vgg16,
        dataset: Dataset::Folder("noise".into()),
        norm: Norm::Bn,
        epochs: EPOCHS,
        attempt: 1,
        recipe: Recipe { batch_size: 6, eval_batch_size: 5, ..recipe },
        batch_norm: BatchNorm::default(),
        deconvolution: None,
        train_images: None,
        test_images: None,
        base_seed: 0,
    };
    let block = Block { id: trial.cell(), position: 0 };
    ResolvedTrial { trial, sources: Default::default(), block, variant: None }
}

fn data() -> TrainingData {
    let images = |n: i64, salt: i64| {
        let bytes: Vec<u8> = (0..n * 3 * 64).map(|i| ((i * 37 + salt) * (i % 11 + 1) % 251) as u8).collect();
        let labels: Vec<i64> = (0..n).map(|i| i % 6).collect();
        Images { pixels: Tensor::from_slice(&bytes).view([n, 3, 8, 8]), labels: Tensor::from_slice(&labels) }
    };
    TrainingData::Whole(DataSet {
        train: images(20, 1),
        test: images(12, 5),
        class_names: (0..6).map(|c| c.to_string()).collect(),
        normalisation: Normalisation { mean: [0.5; 3], std: [0.25; 3] },
        digest: "0011".into(),
        remarks: vec!["made up".into()],
    })
}

pub(super) fn environment() -> Environment {
    Environment {
        host: Host { name: "a".into(), os: "b".into(), cpu: "c".into(), cores: 1, memory: Bytes(1) },
        software: Software { ndbench: "d".into(), commit: "e".into(), libtorch: "f".into() },
        device: telemetry::Device::Cpu,
        threads: 1,
        settings: std::collections::BTreeMap::new(),
    }
}

/// Keeps what it hears, and raises the flag when it is told to.
#[derive(Default)]
struct Listener {
    events: Vec<Event>,
    interrupt: Arc<AtomicBool>,
    /// Raise the flag at the so-many-th step of this run, from 1.
    at_step: Option<u64>,
    /// Raise it when the evaluation of this epoch begins.
    at_evaluation: Option<u32>,
    steps: u64,
    fails: bool,
}

impl Sink for Listener {
    fn name(&self) -> &str {
        "listener"
    }

    fn handle(&mut self, event: &Event) -> Result<(), SinkError> {
        self.events.push(event.clone());
        let raise = match event {
            Event::Step { .. } => {
                self.steps += 1;
                self.at_step == Some(self.steps)
            }
            Event::EvaluationStarted { epoch } => self.at_evaluation == Some(*epoch),
            _ => false,
        };
        self.interrupt.fetch_or(raise, Ordering::Relaxed);
        if self.fails && matches!(event, Event::TrialFinished { .. }) {
            return Err(SinkError { sink: "listener".into(), what: "disk full".into() });
        }
        Ok(())
    }
}

impl Listener {
    fn epochs(&self) -> Vec<EpochResult> {
        let mut all = Vec::new();
        for event in &self.events {
            match event {
                Event::TrainingStarted { epochs_before, .. } => all.extend(epochs_before),
                Event::EpochFinished(result) => all.push(**result),
                _ => {}
            }
        }
        all
    }

    fn time_valid(&self) -> bool {
        let Some(Event::TrialFinished { time_valid, .. }) = self.events.last() else { panic!("{:?}", self.events) };
        *time_valid
    }

    /// Pictures that it was told of, and why.
    fn left_out(&self) -> Vec<(String, String)> {
        let of =
            |e: &Event| if let Event::LeftOut { path, why } = e { Some((path.clone(), why.clone())) } else { None };
        self.events.iter().filter_map(of).collect()
    }

    fn warnings(&self) -> Vec<&String> {
        self.events.iter().filter_map(|e| if let Event::Warning(w) = e { Some(w) } else { None }).collect()
    }
}

/// What a run left: its outcome, a digest of parameters and buffers, and the bits of the scores.
#[derive(Debug, PartialEq)]
struct Left {
    outcome: Outcome,
    tensors: String,
    scores: Vec<[u64; 7]>,
}

fn bytes(tensor: &Tensor) -> Vec<u8> {
    let mut bytes = vec![0; tensor.numel() * tensor.kind().elt_size_in_bytes()];
    tensor.copy_data_u8(&mut bytes, tensor.numel());
    bytes
}

fn run(trial: &ResolvedTrial, checkpoint: Option<&Path>, listener: &mut Listener) -> Left {
    run_network(trial, checkpoint, listener, &Tiny::build)
}

fn run_network(
    trial: &ResolvedTrial,
    checkpoint: Option<&Path>,
    listener: &mut Listener,
    network: &dyn Fn(&Scope) -> Box<dyn Layer>,
) -> Left {
    run_on(&data(), trial, checkpoint.map(|path| (path, HOUR)), listener, network)
}

/// Time between two checkpoints that none of these trainings lasts.
const HOUR: Duration = Duration::from_secs(3600);

fn run_on(
    data: &TrainingData,
    trial: &ResolvedTrial,
    checkpoints: Option<(&Path, Duration)>,
    listener: &mut Listener,
    network: &dyn Fn(&Scope) -> Box<dyn Layer>,
) -> Left {
    let _alone = crate::testing::alone();
    let kept: RefCell<Vec<Tensor>> = RefCell::default();
    let build = |scope: &Scope| {
        let built = network(scope);
        scope.store().each_parameter(|p| kept.borrow_mut().push(p.tensor.shallow_clone()));
        scope.store().each_buffer(|b| kept.borrow_mut().push(b.tensor.shallow_clone()));
        built
    };
    let (environment, interrupt) = (environment(), listener.interrupt.clone());
    let telemetry = Telemetry::start(telemetry::Settings::default());
    let trainer = Trainer {
        trial,
        data,
        environment: &environment,
        device: Device::Cpu,
        network: &build,
        checkpoints: checkpoints.map(|(path, every)| Checkpoints { path: path.into(), every }),
        sample_every: 2,
        telemetry: &telemetry,
        series: None,
        sharers: 0,
        remarks: &[],
        interrupt: &interrupt,
        is_alone: &|| true,
    };
    let outcome = trainer.run(&mut Fanout::new(vec![listener]));
    let scores = listener.epochs().into_iter().map(|e| {
        [e.train_loss, e.train_top1, e.train_top5, e.test_loss, e.test_top1, e.test_top5, e.lr].map(f64::to_bits)
    });
    let tensors = sha256_hex(&kept.borrow().iter().flat_map(bytes).collect::<Vec<u8>>());
    Left { outcome, tensors, scores: scores.collect() }
}

#[test]
fn the_same_trial_gives_the_same_bits() {
    for precision in [Precision::Fp32, Precision::Bf16, Precision::Fp64] {
        let trial = trial(Recipe { precision, ..Recipe::default() });
        let (mut one, mut two) = (Listener::default(), Listener::default());
        let first = run(&trial, None, &mut one);
        assert_eq!(first.outcome, Outcome::Finished);
        assert_eq!(first, run(&trial, None, &mut two));
        assert!(one.time_valid());
        let other = Trial { base_seed: 1, ..trial.trial.clone() };
        let other = run(&ResolvedTrial { trial: other, ..trial }, None, &mut Listener::default());
        assert_ne!(first.tensors, other.tensors, "another seed gives other weights");
    }
}

#[test]
fn an_epoch_is_reported_in_full() {
    let mut listener = Listener::default();
    run(&trial(Recipe::default()), None, &mut listener);
    let epochs = listener.epochs();
    assert_eq!(epochs.iter().map(|e| (e.epoch, e.images)).collect::<Vec<_>>(), [(1, 20), (2, 20)]);
    for e in &epochs {
        let parts = e.seconds.step.unwrap();
        assert_eq!(e.seconds.sampled_steps, 2);
        let sum = parts.data + parts.forward + parts.backward + parts.optimiser;
        assert!(sum.0 > 0.0 && sum.0 * 2.0 <= e.seconds.paper.0, "{:?}", e.seconds);
        assert!(e.seconds.evaluation.0 > 0.0 && e.train_top1 <= e.train_top5 && e.test_top5 <= 1.0);
    }
    // The last of 8 steps of a cosine from 0.1.
    assert_eq!(epochs[1].lr, Schedule::Cosine.rate(0.1, 7, 8));
    let Some(Event::TrialFinished { memory, .. }) = listener.events.last() else { panic!() };
    assert!(memory.resident.is_none_or(|r| r.0 > 1 << 20) && memory.allocated.is_some());
}

struct Flat(Linear);

impl Layer for Flat {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        self.0.forward(&x.flatten(1, -1), pass)
    }
}

#[test]
fn a_loss_that_is_not_finite_ends_the_trial_as_diverged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.checkpoint");
    let mut listener = Listener::default();
    let left = run(&trial(Recipe { lr: 1e30, ..Recipe::default() }), Some(&path), &mut listener);
    let Outcome::Diverged { epoch: 1, step } = left.outcome else { panic!("{left:?}") };
    assert!((2..=STEPS).contains(&step), "the first step has finite weights");
    assert!(!path.exists());
}

/// Asks for more memory than any machine has.
struct Greedy;

impl Layer for Greedy {
    fn forward(&self, x: &Tensor, _: &Pass) -> Tensor {
        x + Tensor::zeros([1 << 50], (Kind::Uint8, Device::Cpu))
    }
}

#[test]
fn out_of_memory_is_an_outcome_with_what_was_asked_and_free() {
    let mut listener = Listener::default();
    let greedy = |_: &Scope| -> Box<dyn Layer> { Box::new(Greedy) };
    let left = run_network(&trial(Recipe::default()), None, &mut listener, &greedy);
    let Outcome::Oom { requested, free, .. } = left.outcome else { panic!("{left:?}") };
    assert_eq!(requested, Some(Bytes(1 << 50)));
    assert!(free.is_some_and(|f| f.0 > 0));
    assert!(matches!(listener.events.last(), Some(Event::TrialFinished { outcome: Outcome::Oom { .. }, .. })));
}

#[test]
fn a_batch_larger_than_the_data_fails_with_a_remedy() {
    let mut small = trial(Recipe { drop_last: true, ..Recipe::default() });
    small.trial.recipe.batch_size = 21;
    let left = run(&small, None, &mut Listener::default());
    let Outcome::Failed { message } = left.outcome else { panic!("{left:?}") };
    assert!(message.contains("lower recipe.batch_size"), "{message}");
}

#[test]
fn the_checkpoint_stays_while_the_record_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.checkpoint");
    let mut listener = Listener { fails: true, ..Listener::default() };
    assert_eq!(run(&trial(Recipe::default()), Some(&path), &mut listener).outcome, Outcome::Finished);
    assert!(path.exists());
}

#[test]
fn cosine_rates_are_those_recorded_from_the_published_training() {
    let recorded = [
        (391, [(0, 0.1), (1, 0.09999838607294156), (97, 0.0855677496821413), (390, 1.6139270584358787e-06)]),
        (7820, [(1, 0.09999999596516071), (391, 0.09938441702975696), (3910, 0.05), (7819, 4.034839296007696e-09)]),
        (39100, [(1, 0.09999999983860643), (9775, 0.0853553390593283), (19550, 0.05), (39099, 1.6139357628120077e-10)]),
    ];
    for (total, rates) in recorded {
        for (step, rate) in rates {
            let got = Schedule::Cosine.rate(0.1, step, total);
            assert!((got - rate).abs() < 1e-15, "step {step} of {total}: {got} {rate}");
        }
    }
    assert_eq!(Schedule::Constant.rate(0.1, 300, 391), 0.1);
}

#[test]
fn steps_of_the_rate_come_after_30_and_60_of_90_epochs() {
    let per_epoch = 5005;
    let of = |epoch: u64, step: u64| Schedule::Step.rate(0.01, (epoch - 1) * per_epoch + step, 90 * per_epoch);
    let rates = [of(1, 0), of(30, per_epoch - 1), of(31, 0), of(60, per_epoch - 1), of(61, 0), of(90, per_epoch - 1)];
    for (got, rate) in rates.into_iter().zip([1e-2, 1e-2, 1e-3, 1e-3, 1e-4, 1e-4]) {
        assert!((got - rate).abs() < 1e-15, "{rates:?}");
    }
    let short: Vec<f64> = (0..4).map(|step| Schedule::Step.rate(1.0, step, 4)).collect();
    assert_eq!(short, [1.0, 1.0, 0.1, 0.01]);
    assert_eq!(Schedule::Step.rate(1.0, 0, 0), 1.0);
}

#[test]
fn no_augmentation_is_needed() {
    let augmentation = Augmentation { crop_padding: 0, flip: false, resized_crop: false };
    let left = run(&trial(Recipe { augmentation, ..Recipe::default() }), None, &mut Listener::default());
    assert_eq!(left.outcome, Outcome::Finished);
}
