//! Estimates, on the built-in scenarios and profiles.

use super::*;
use crate::scenario::Recipe;
use crate::units::{Bytes, Seconds};

#[test]
fn the_study_on_its_own_device_takes_the_hours_it_took_and_fits() {
    let v100 = profile("v100-16gb");
    let mut hours = 0.0;
    for trial in ["table1-cifar10", "table1-cifar100"].into_iter().flat_map(all) {
        let e = estimate(&trial.trial, &v100, &Repetitions::default());
        assert_eq!(e.basis, Basis::Study { speed: 1.0 });
        assert!(e.fits, "{}: {:?}", trial.trial, e.memory);
        hours += e.seconds.unwrap().0 / 3600.0;
    }
    assert!((hours - 312.5).abs() < 0.1, "{hours}");
}

#[test]
fn imagenet_on_the_studys_device_takes_the_days_it_took() {
    let (a100, trials) = (profile("a100-80gb"), all("table2-imagenet"));
    let of = |architecture: Architecture, norm: Norm| {
        let trial = trials.iter().find(|t| (t.trial.architecture, t.trial.norm) == (architecture, norm)).unwrap();
        let found = estimate(&trial.trial, &a100, &Repetitions::default());
        assert_eq!(found.basis, Basis::Study { speed: 1.0 }, "{}", trial.trial);
        found.seconds.unwrap().0
    };
    assert!((of(Architecture::Vgg11, Norm::Plain) - 112_991.0).abs() < 1e-6);
    let ratio = |architecture| of(architecture, Norm::Nd) / of(architecture, Norm::Bn);
    let ratios = [Architecture::Vgg11, Architecture::Resnet18Imagenet, Architecture::Densenet121Imagenet].map(ratio);
    assert_eq!(ratios.map(|ratio| (ratio * 100.0).round()), [175.0, 272.0, 144.0], "its Table 10");
    let elsewhere = estimate(&trials[0].trial, &profile("h200"), &Repetitions::default());
    assert_eq!(elsewhere.basis.to_string(), "study / 1.67");
    let smaller = Trial { recipe: Recipe { batch_size: 128, ..trials[0].trial.recipe }, ..trials[0].trial.clone() };
    assert_eq!(estimate(&smaller, &a100, &Repetitions::default()).basis, Basis::Assumed);
}

#[test]
fn estimates_prefer_records_then_the_study_then_operations() {
    let trials = only(&["architecture=vgg16,epochs=20"]);
    let (first, repeated) = (&trials[0].trial, &trials[3].trial);
    assert_eq!((first.norm, repeated.norm), (Norm::Bn, Norm::Bn));
    let a100 = profile("a100-80gb");
    let mut repetitions = Repetitions::default();
    assert_eq!(estimate(repeated, &a100, &repetitions).basis, Basis::Study { speed: 1.2 });
    repetitions.insert(first, Some(Seconds(100.0)), Some(Bytes(3 << 30)));
    repetitions.insert(first, Some(Seconds(110.0)), Some(Bytes(2 << 30)));
    let e = estimate(repeated, &a100, &repetitions);
    assert_eq!((e.seconds, e.basis), (Some(Seconds(105.0)), Basis::Records { trials: 2 }));
    // Two of deviation s leave t(0.975, 1) s sqrt(1 + 1/2) for the third.
    assert!((e.band.unwrap() - 12.706_204_7 * 50.0_f64.sqrt() * 1.5_f64.sqrt() / 105.0).abs() < 1e-6, "{:?}", e.band);
    assert_eq!(repetitions.seconds(&Trial { epochs: 21, ..first.clone() }), None);
    assert_eq!((e.memory, e.memory_measured), (Some(Bytes(3 << 30)), true), "the larger one");
    repetitions.insert(first, None, Some(Bytes(100 << 30)));
    let longer = estimate(&Trial { epochs: 21, ..repeated.clone() }, &a100, &repetitions);
    assert_eq!((longer.memory, longer.fits), (Some(Bytes(100 << 30)), false), "it takes no less");
    let half = Trial { train_images: Some(25_000), ..first.clone() };
    let ratio = estimate(&half, &a100, &Repetitions::default()).seconds.unwrap().0
        / estimate(first, &a100, &Repetitions::default()).seconds.unwrap().0;
    assert!((ratio - 0.5).abs() < 1e-12);
    let e = estimate(first, &profile("cpu"), &Repetitions::default());
    assert_eq!(e.basis, Basis::Steps { speed: 1.0 });
    let step = StepTime::of(first.architecture, None).unwrap().0;
    assert!((e.seconds.unwrap().0 - 20.0 * (50_000.0 + 10_000.0 / 3.0) * step / 128.0).abs() < 1e-6);
    // 20 epochs of (3 * 50,000 + 10,000) passes, two operations a multiply-accumulate, 1.5e11 a second.
    let mut double = first.clone();
    double.recipe.precision = Precision::Fp64;
    let e = estimate(&double, &profile("cpu"), &Repetitions::default());
    assert_eq!(e.basis, Basis::Assumed);
    assert!((e.seconds.unwrap().0 - 20.0 * 160_000.0 * 2.0 * 313_201_664.0 / 1.5e11).abs() < 1e-6);
    let mut rounded = first.clone();
    rounded.recipe.precision = Precision::Bf16;
    let e = estimate(&rounded, &a100, &Repetitions::default());
    assert_eq!((e.seconds, e.basis, e.memory), (None, Basis::Unknown, None), "nobody has measured it");
    let mut pixels = first.clone();
    pixels.recipe.channels_last = true;
    assert_eq!(estimate(&pixels, &a100, &Repetitions::default()).basis, Basis::Assumed, "the study's were planes");
    let mut other = trials[1].trial.clone();
    other.deconvolution.as_mut().unwrap().block = 512;
    let e = estimate(&other, &profile("cpu"), &Repetitions::default());
    assert_eq!((e.seconds, e.basis, e.memory.is_some(), e.fits), (None, Basis::Unknown, true, false), "large matrices");
    let folder = Trial { dataset: "folder:birds".parse().unwrap(), ..first.clone() };
    assert_eq!(estimate(&folder, &a100, &repetitions).seconds, None);
}

#[test]
fn steps_of_probes_come_before_what_is_known_elsewhere() {
    let trials = only(&["architecture=vgg16,norm=bn,epochs=20"]);
    let (trial, a100) = (&trials[0].trial, profile("a100-80gb"));
    let (kind, mut repetitions) = (StepKind::from(trial), Repetitions::default().alone());
    let insert = |repetitions: &mut Repetitions, batch, step| {
        repetitions.insert_steps(&kind, batch, StepSeen { step: Seconds(step), evaluation: Seconds(0.0128) });
    };
    insert(&mut repetitions, 64, 9.0);
    assert_eq!(estimate(trial, &a100, &repetitions).basis, Basis::Unknown, "another batch");
    insert(&mut repetitions, 128, 0.1);
    let e = estimate(trial, &a100, &repetitions);
    assert_eq!((e.basis, e.band), (Basis::Probes { turns: 1 }, None), "one alone has no spread");
    insert(&mut repetitions, 128, 0.3);
    let e = estimate(trial, &a100, &repetitions);
    // 391 steps of 50,000 images, and 10,000 images at 0.1 ms.
    assert!((e.seconds.unwrap().0 - 20.0 * (391.0 * 0.2 + 1.0)).abs() < 1e-9, "{:?}", e.seconds);
    assert!(e.basis.to_string() == "2 turns" && e.band > Some(1.0), "{:?}", e.band);
    let parts = Trial { recipe: Recipe { accumulate: 2, ..trial.recipe }, ..trial.clone() };
    assert_eq!(estimate(&parts, &a100, &repetitions).seconds, None);
    repetitions.insert(trial, Some(Seconds(50.0)), None);
    assert_eq!(estimate(trial, &a100, &repetitions).basis, Basis::Records { trials: 1 }, "whole trainings know more");
}

#[test]
fn batches_beyond_the_data_need_no_more_memory_than_the_data() {
    let trial = only(&["architecture=vgg16,norm=bn,epochs=1,attempt=1"]).remove(0).trial;
    let memory = |batch: u32, images: u32| {
        let mut trial = Trial { train_images: Some(images), test_images: Some(1), ..trial.clone() };
        trial.recipe.batch_size = batch;
        estimate(&trial, &profile("cpu"), &Repetitions::default()).memory.unwrap().0
    };
    assert_eq!(memory(u32::MAX, 64), memory(64, 64));
    let subject = StepKind::from(&trial).subject(crate::profile::Device::Cpu);
    let image = (subject.step(128).unwrap().0 - subject.step(64).unwrap().0) as f64 / 64.0;
    let more = (memory(128, 128) - memory(64, 64)) as f64 / 64.0;
    let factor = profile("cpu").estimates().memory_factor;
    assert!((more - (factor * image + 3072.0)).abs() < 1.0, "{more}");
}
