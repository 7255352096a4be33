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
        table1(&Machine { name: memory.into(), profile, memory_only: true, slice: None }, &[])
    };
    let plan = small("4.75GiB");
    assert!(plan.seconds.is_none() && plan.cells.iter().all(|cell| cell.epoch.is_none()));
    let none = small("100MiB");
    assert_eq!(none.too_large, none.trials);
    assert!(none.text().contains(" none ") && footer(&[none]).contains("none of these"));
}
