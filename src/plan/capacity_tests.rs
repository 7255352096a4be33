use super::*;
use crate::plan::{Filter, Overrides, expand};
use crate::scenario::{Architecture, Implementation, Norm, Scenario};

fn trials(scenario: &str, profile: &Profile) -> Vec<Trial> {
    let scenario = Scenario::load(scenario).unwrap();
    let all = expand(&scenario, profile, &Overrides::default(), &Filter::default()).unwrap();
    all.into_iter().map(|resolved| resolved.trial).collect()
}

#[test]
fn the_largest_batch_is_the_last_that_fits() {
    assert_eq!(largest(MOST, |batch| batch <= 1000), 1000);
    assert_eq!(largest(MOST, |batch| batch <= 1007), 1000);
    assert_eq!(largest(MOST, |_| false), 0);
    assert_eq!(largest(MOST, |_| true), MOST);
    let profile = Profile::load("v100-16gb").unwrap();
    let is_small = |trial: &&Trial| {
        let networks = [Architecture::Vgg16, Architecture::MobilenetV2];
        trial.attempt == 1 && trial.epochs == 1 && networks.contains(&trial.architecture)
    };
    for trial in trials("table1-cifar10", &profile).iter().filter(is_small) {
        let capacity = Capacity::of(trial, &profile, &Sightings::default()).unwrap();
        let fails = |batch_size| {
            let recipe = Recipe { batch_size, ..trial.recipe };
            need(&Trial { recipe, ..trial.clone() }, &profile, &Sightings::default()).unwrap().fails
        };
        let [fits, next] = [capacity.largest, capacity.largest + GRAIN].map(|batch| !fails(batch));
        assert!(fits && (!next || capacity.largest >= 50_000), "{trial}");
        assert!(capacity.safe < capacity.largest || capacity.largest >= 50_000, "{trial}");
    }
}

#[test]
fn a_batch_that_ran_out_of_memory_bounds_the_next() {
    let profile = Profile::load("v100-16gb").unwrap();
    let trial = trials("table1-cifar10", &profile).remove(0);
    let mut seen = Sightings::default();
    seen.insert_failed(&StepKind::from(&trial), &Recipe { batch_size: 100, ..trial.recipe }, "a");
    let capacity = Capacity::of(&trial, &profile, &seen).unwrap();
    assert_eq!((capacity.risk, capacity.largest, capacity.ran_out), (Risk::High, 96, Some(100)));
    let smaller = Trial { recipe: Recipe { batch_size: 64, ..trial.recipe }, ..trial };
    assert_eq!(Capacity::of(&smaller, &profile, &seen).unwrap().risk, Risk::Low);
}

#[test]
fn all_of_the_study_s_table_1_fits_its_own_gpu() {
    let profile = Profile::load("v100-16gb").unwrap();
    for scenario in ["table1-cifar10", "table1-cifar100"] {
        for trial in trials(scenario, &profile).into_iter().filter(|t| t.attempt == 1 && t.epochs == 1) {
            let (need, risk) = assess(&trial, &profile, &Sightings::default()).unwrap();
            assert_eq!(risk, Risk::Low, "{trial}: {}", need.device);
        }
    }
}

#[test]
fn of_the_study_s_table_2_resnet18_alone_fits_16_gb_and_all_fits_40() {
    let that_fit = |name: &str| -> Vec<String> {
        let profile = Profile::load(name).unwrap();
        let fits = |trial: &Trial| !need(trial, &profile, &Sightings::default()).unwrap().fails;
        let all = trials("table2-imagenet", &profile).into_iter().filter(fits);
        all.map(|trial| format!("{} {}", trial.architecture, trial.norm)).collect()
    };
    assert_eq!(that_fit("v100-16gb"), ["resnet18-imagenet bn", "resnet18-imagenet nd"]);
    assert_eq!(that_fit("a100-40gb").len(), 7);
}

#[test]
fn fast_leaves_room_for_larger_batches() {
    let profile = Profile::load("v100-16gb").unwrap();
    let of = |implementation| {
        let mut trial = trials("table1-cifar10", &profile)
            .into_iter()
            .find(|t| t.architecture == Architecture::Densenet121 && t.norm == Norm::Nd)
            .unwrap();
        trial.deconvolution.as_mut().unwrap().implementation = implementation;
        Capacity::of(&trial, &profile, &Sightings::default()).unwrap()
    };
    let (published, fast) = (of(Implementation::Published), of(Implementation::Fast));
    assert!(fast.largest > published.largest && fast.need.allocated < published.need.allocated);
    assert!(fast.need.allocated < fast.need.reserved && fast.need.reserved < fast.need.device);
}
