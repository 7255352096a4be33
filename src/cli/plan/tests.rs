use super::table::footer;
use super::*;
use crate::plan::Overrides;
use crate::profile::{Amount, Profile};

fn table1(machine: &Machine, set: &[&str]) -> DevicePlan {
    let overrides = Overrides { set: set.iter().map(|setting| (*setting).into()).collect(), ..Overrides::default() };
    let filter = Filter::parse(&["architecture=vgg16,architecture=dpn92"]).unwrap();
    let scenario = Scenario::load("table1-cifar10").unwrap();
    plan(machine, &expand(&scenario, &machine.profile, &overrides, &filter).unwrap(), &Seen::default())
}

#[test]
fn a_device_is_planned_for_cell_by_cell() {
    let profile = Profile::load("v100-16gb").unwrap();
    let known = table1(&Machine::of("v100-16gb", profile), &[]);
    insta::assert_snapshot!(known.text() + &footer(&[known]));
}

#[test]
fn what_has_no_account_is_said() {
    let machine = Machine::of("h200", Profile::load("h200").unwrap());
    let rounded = table1(&machine, &["recipe.precision=bf16"]);
    assert!(!rounded.suffices && rounded.seconds.is_none() && rounded.too_large == 0);
    let text = rounded.text();
    let head = format!("{0} trials, {0} have no account of their memory; time unknown", rounded.trials);
    assert!(text.contains(&head) && text.contains(" nd published, bf16 "), "{text}");
    assert!(footer(&[rounded]).contains("with the band: none of these"));
    assert!(table1(&machine, &["recipe.precision=fp32"]).text().contains("all are estimated to fit"));
}

#[test]
fn of_a_slice_only_the_memory_is_known() {
    let small = |memory: &str| {
        let profile = Profile::load("a100-80gb").unwrap().with_memory(memory.parse::<Amount>().unwrap().0);
        table1(&Machine { name: memory.into(), profile, memory_only: true, slice: None, context: None }, &[])
    };
    let plan = small("4.75GiB");
    assert!(plan.seconds.is_none() && plan.cells.iter().all(|cell| cell.epoch.is_none()));
    let none = small("100MiB");
    assert_eq!(none.too_large, none.trials);
    assert!(none.slurm.is_empty() && none.slurm_left_out > 0, "nobody asks for what does not fit");
    assert!(none.text().contains(" none ") && footer(&[none]).contains("none of these"));
}

#[test]
fn a_block_that_takes_longer_than_a_job_may_says_so() {
    let machine = Machine::of("a100-80gb", Profile::load("a100-80gb").unwrap());
    let scenario = Scenario::load("table2-imagenet").unwrap();
    let trials = expand(&scenario, &machine.profile, &Overrides::default(), &Filter::default()).unwrap();
    let plan = plan(&machine, &trials, &Seen::default());
    let tasks = |longer: bool| plan.slurm.iter().filter(|r| r.longer == longer).map(|r| r.tasks).sum::<usize>();
    // Both trainings of DenseNet-121, one after the other, by the study's times; of the others some days.
    assert_eq!((tasks(true), tasks(false)), (1, 2), "{}", plan.text());
    assert!(plan.text().contains("(more than that, by the estimate"), "{}", plan.text());
}
