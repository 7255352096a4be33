//! An epoch with either implementation of the operator, from one seed and over one order of images: they learn alike.
//!
//! The first step agrees to rounding; then each step amplifies what rounding has left, as it does between any two machines.
//! The bands below are some three times what differed on the machine on which they were set.

use ndbench::data::{DataSet, EpochPlan, Sources, load};
use ndbench::nn::{Method, Scope, networks};
use ndbench::scenario::{Architecture, Dataset, Deconvolution, Implementation, Norm, Recipe};
use ndbench::train::Model;
use std::path::PathBuf;
use tch::Device;

/// Images of the data set that is shipped, and in a step.
const SHIPPED: (u32, u32) = (320, 32);

/// The same of CIFAR-10, where `NDBENCH_CIFAR10` says in which folder it is.
const CIFAR10: (u32, u32) = (5120, 128);

/// Relative difference of the loss in the first step, in any step, and of its mean over the epoch.
const BANDS: [f64; 3] = [3e-4, 0.25, 0.02];

/// The data set, and images in a step.
fn data() -> (DataSet, u32) {
    let folder = std::env::var_os("NDBENCH_CIFAR10").map(PathBuf::from);
    let (dataset, (images, batch)) =
        if folder.is_some() { (Dataset::Cifar10, CIFAR10) } else { (Dataset::FashionMini, SHIPPED) };
    let set =
        load(&dataset, &Sources::new(folder.as_deref()), Device::Cpu, (Some(images), Some(1))).expect("the data set");
    (set, batch)
}

/// The loss of each step of an epoch of VGG-16, trained as in the study.
fn losses(implementation: Implementation, set: &DataSet, batch: u32) -> Vec<f64> {
    let recipe = Recipe { batch_size: batch, ..Recipe::default() };
    let method = Method::new(Norm::Nd, Deconvolution { implementation, ..Deconvolution::default() });
    let build = |scope: &Scope| networks::build(Architecture::Vgg16, method, 10, scope);
    let mut model = Model::new(&build, recipe, 1, Device::Cpu);
    let images = set.train.labels.size()[0];
    let plan = EpochPlan::new(1, 1, images, &recipe.augmentation, Device::Cpu);
    let steps = (images as u32).div_ceil(batch);
    let step = |step: u32| {
        let (start, end) = (i64::from(step * batch), images.min(i64::from((step + 1) * batch)));
        let rate = recipe.schedule.rate(recipe.lr, u64::from(step), u64::from(steps));
        let make = |kind| plan.train_batch(&set.train, &set.normalisation, start, end, kind);
        let mut loss = f64::NAN;
        model.step(make, rate, None, |seen, _, _| loss = seen.double_value(&[])).expect("a step");
        loss
    };
    (0..steps).map(step).collect()
}

#[test]
fn vgg16_learns_alike_with_either_implementation() {
    let (set, batch) = data();
    let [published, fast] = Implementation::ALL.map(|implementation| losses(implementation, &set, batch));
    let relative = |one: f64, other: f64| (one - other).abs() / other;
    let differences: Vec<f64> =
        fast.iter().zip(&published).map(|(fast, published)| relative(*fast, *published)).collect();
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    println!("step,published,fast,relative_difference");
    for (step, difference) in differences.iter().enumerate() {
        println!("{},{:.6},{:.6},{difference:.2e}", step + 1, published[step], fast[step]);
    }
    let largest = |differences: &[f64]| differences.iter().copied().fold(0.0, f64::max);
    let seen = [differences[0], largest(&differences), relative(mean(&fast), mean(&published))];
    assert!(seen.iter().zip(BANDS).all(|(seen, band)| *seen < band), "{seen:?} beside {BANDS:?}");
    assert!(mean(&published[published.len() - 5..]) < mean(&published[..5]), "nothing was learnt: {published:?}");
}
