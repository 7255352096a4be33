//! What surrounds a training step: augmentation of a batch before it, a record written after all of them.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ndbench::data::{EpochPlan, Images, Normalisation, eval_batch};
use ndbench::event::{EpochResult, EpochTimes, MemoryPeak, Outcome};
use ndbench::plan::{Block, Trial};
use ndbench::record::{Record, SCHEMA, Store};
use ndbench::run::environment;
use ndbench::scenario::{Architecture, Augmentation, BatchNorm, Dataset, Norm, Recipe};
use ndbench::train::tune_host_allocator;
use std::collections::BTreeMap;
use std::hint::black_box;
use tch::{Device, Kind, Tensor};

const BATCH: i64 = 128;
const IMAGES: i64 = 10_000;
const EPOCHS: u32 = 100;

fn augmentation(c: &mut Criterion) {
    tune_host_allocator();
    let on_cpu = |kind| (kind, Device::Cpu);
    let images = Images {
        pixels: Tensor::randint(256, [IMAGES, 3, 32, 32], on_cpu(Kind::Uint8)),
        labels: Tensor::randint(10, [IMAGES], on_cpu(Kind::Int64)),
    };
    let normalisation = Normalisation { mean: [0.5; 3], std: [0.25; 3] };
    let mut group = c.benchmark_group("augmentation");
    group.throughput(Throughput::Elements(BATCH as u64));
    let crop_and_flip = Augmentation::default();
    let none = Augmentation { crop_padding: 0, flip: false, resized_crop: false };
    for (name, augmentation) in [("crop, flip, normalise", crop_and_flip), ("normalise", none)] {
        let plan = EpochPlan::new(1, 1, IMAGES, &augmentation, Device::Cpu);
        let batch = || plan.train_batch(&images, &normalisation, BATCH, 2 * BATCH, Kind::Float);
        group.bench_function(name, |b| b.iter(|| black_box(batch())));
    }
    let batch = || eval_batch(&images, &normalisation, BATCH, 2 * BATCH, Kind::Float);
    group.bench_function("evaluation", |b| b.iter(|| black_box(batch())));
    group.finish();
    c.bench_function("plan of an epoch of 10,000 images", |b| {
        b.iter(|| black_box(EpochPlan::new(1, 1, IMAGES, &crop_and_flip, Device::Cpu)));
    });
}

/// The record of a training that nobody ran; `number` makes it one of its own.
fn made_up(number: u64) -> Record {
    let trial = Trial {
        architecture: Architecture::Vgg16,
        dataset: Dataset::Cifar10,
        norm: Norm::Bn,
        epochs: EPOCHS,
        attempt: 1,
        recipe: Recipe::default(),
        batch_norm: BatchNorm::default(),
        deconvolution: None,
        train_images: None,
        test_images: None,
        base_seed: number,
    };
    let epoch = |epoch| EpochResult {
        epoch,
        train_loss: 1.0 / f64::from(epoch),
        train_top1: 0.5,
        train_top5: 0.9,
        test_loss: 1.0,
        test_top1: 0.5,
        test_top5: 0.9,
        lr: 0.1,
        images: 50_000,
        seconds: EpochTimes::default(),
    };
    Record {
        planned: None,
        data_digest: None,
        left_out: None,
        slurm: None,
        schema: SCHEMA.into(),
        trial_id: trial.id(),
        block: Block { id: trial.cell(), position: 0 },
        trial,
        sources: BTreeMap::new(),
        outcome: Outcome::Finished,
        epochs: (1..=EPOCHS).map(epoch).collect(),
        time_valid: true,
        sharers: 0,
        memory: MemoryPeak::default(),
        telemetry: None,
        telemetry_overhead: None,
        environment: environment(Device::Cpu).into(),
        started: jiff::Timestamp::UNIX_EPOCH,
        finished: jiff::Timestamp::UNIX_EPOCH,
        remarks: Vec::new(),
    }
}

fn records(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut group = c.benchmark_group("record of 100 epochs");
    let store = Store::open(dir.path()).expect("a store");
    let mut number = 0;
    let mut next = || {
        number += 1;
        made_up(number)
    };
    group.bench_function("write", |b| {
        b.iter_batched(&mut next, |record| store.write(&record).expect("a record written"), BatchSize::SmallInput);
    });
    let text = made_up(0).to_json().expect("finite numbers").into_bytes();
    group.bench_function("parse and check", |b| b.iter(|| Record::parse(black_box(&text)).expect("a record")));
}

criterion_group!(benches, augmentation, records);
criterion_main!(benches);
