use super::*;
use crate::plan::{Filter, Overrides, ResolvedTrial, expand};
use crate::profile::Profile;
use crate::record::{Record, made_up};
use crate::report::Report;
use crate::report::study::{table_markdown, tables};
use crate::scenario::{Implementation, Scenario};

fn published() -> Published {
    Published::embedded().unwrap()
}

/// The trials of the study's Table 2 with these settings.
fn trials(settings: &[&str]) -> Vec<ResolvedTrial> {
    let scenario = Scenario::load("table2-imagenet").unwrap();
    let set = settings.iter().map(|s| s.to_string()).collect();
    let overrides = Overrides { set, ..Overrides::default() };
    expand(&scenario, &Profile::load("cpu").unwrap(), &overrides, &Filter::default()).unwrap()
}

/// A record of each trial; the accuracy is one hundredth for the first, two for the second, and so on.
fn records(trials: &[ResolvedTrial]) -> Vec<Record> {
    (1..).zip(trials).map(|(n, trial)| made_up::record(trial, 0.01 * f64::from(n), 100.0 * f64::from(n))).collect()
}

fn built(trials: &[ResolvedTrial], records: &[Record]) -> Report {
    Report::build(trials, records, &published())
}

fn three(report: &Report) -> Vec<StudyTable> {
    let all = tables(report, &published(), false);
    all.into_iter().filter(|t| t.number.is_some()).collect()
}

/// What our columns of the row show.
fn ours(table: &StudyTable, row: usize) -> Vec<&str> {
    let own = |c: &&Cell| c.datum.as_ref().is_some_and(|d| d.source == Source::Ours);
    table.rows[row].cells.iter().filter(own).map(|c| c.shown.as_str()).collect()
}

#[test]
fn the_times_are_those_that_the_study_prints() {
    let report = built(&trials(&[]), &[]);
    let tables = three(&report);
    let shown: Vec<&str> = tables[2].rows[0].cells.iter().map(|c| c.shown.as_str()).collect();
    assert_eq!(
        shown,
        [
            "1 d 7 h 23 min",
            "1 d 15 h 38 min",
            "2 d 21 h 27 min",
            "0 d 13 h 8 min",
            "1 d 11 h 48 min",
            "3 d 21 h 18 min",
            "5 d 14 h 10 min"
        ]
    );
    assert_eq!(ours(&tables[2], 1), ["missing"; 7]);
    assert_eq!(ours(&tables[1], 0), ["missing"; 4]);
}

#[test]
fn records_of_the_study_s_trainings_land_in_their_cells() {
    let trials = trials(&[]);
    let names: Vec<String> = trials.iter().map(|t| format!("{} {}", t.trial.architecture, t.trial.norm)).collect();
    let [v, r, d] = ["vgg11", "resnet18-imagenet", "densenet121-imagenet"];
    let all = [(v, "plain"), (v, "bn"), (v, "nd"), (r, "bn"), (r, "nd"), (d, "bn"), (d, "nd")];
    assert_eq!(names, all.map(|(network, norm)| format!("{network} {norm}")));
    let tables = three(&built(&trials, &records(&trials)));
    assert_eq!(tables.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["table6", "table7", "table10"]);
    assert_eq!(ours(&tables[0], 0), ["1.00", "2.00", "3.00"]);
    assert_eq!(ours(&tables[1], 0), ["4.00", "5.00", "6.00", "7.00"]);
    // Ninety epochs of a hundred seconds, two hundred, …
    let times = ["0 d 2 h 30 min", "0 d 5 h 0 min", "0 d 7 h 30 min", "0 d 10 h 0 min", "0 d 12 h 30 min"];
    assert_eq!(ours(&tables[2], 1)[..5], times);
    insta::assert_snapshot!(tables.iter().map(table_markdown).collect::<Vec<_>>().join("\n"));
}

#[test]
fn ratios_stand_beside_those_of_table_10() {
    let trials = trials(&[]);
    let report = built(&trials, &records(&trials));
    let of = |f: fn(&crate::report::TimeRow) -> f64| report.time.iter().map(f).collect::<Vec<_>>();
    let ratios: Vec<String> = of(|row| row.ratio.unwrap().value).iter().map(|r| format!("{r:.4}")).collect();
    assert_eq!(ratios, ["1.5000", "1.2500", "1.1667"]);
    let study: Vec<String> = of(|row| row.study_ratio.unwrap()).iter().map(|r| format!("{r:.2}")).collect();
    assert_eq!(study, ["1.75", "2.72", "1.44"]);
    let plain = report.accuracy.iter().find(|row| row.norm == Norm::Plain).unwrap();
    assert_eq!((plain.original, plain.study.unwrap().mean), (Some(69.02), 69.614));
    assert_eq!(report.settings, []);
}

#[test]
fn both_recipes_that_the_study_may_have_used_are_its_own() {
    let cosine = trials(&["recipe.schedule=cosine", "networks.vgg11.lr=0.1"]);
    assert_eq!(ours(&three(&built(&cosine, &records(&cosine)))[0], 0), ["1.00", "2.00", "3.00"]);
    let mixed = trials(&["recipe.schedule=cosine"]);
    let [vgg, others, _] = &three(&built(&mixed, &records(&mixed)))[..] else { panic!("three tables") };
    assert_eq!((ours(vgg, 0), ours(others, 0)[0]), (vec!["other settings"; 3], "4.00"));
    let fast = trials(&["deconvolution.implementation=fast"]);
    assert_eq!(fast[2].trial.deconvolution.unwrap().implementation, Implementation::Fast);
    assert_eq!(ours(&three(&built(&fast, &records(&fast)))[0], 0)[2], "3.00");
    let shorter = trials(&["matrix.epochs=[30]"]);
    assert_eq!(ours(&three(&built(&shorter, &records(&shorter)))[0], 0), ["other settings"; 3]);
}

#[test]
fn a_smoke_test_fills_the_tables_and_is_marked() {
    let smoke = trials(&["train_images=32", "test_images=16", "matrix.epochs=[1]"]);
    let mut some = records(&smoke);
    some.pop();
    some[0].time_valid = false;
    let tables = three(&built(&smoke, &some));
    assert_eq!(ours(&tables[0], 0), ["1.00 ‡", "2.00 ‡", "3.00 ‡"]);
    assert_eq!(ours(&tables[1], 0)[2..], ["6.00 ‡", "missing"]);
    assert_eq!(ours(&tables[2], 1)[..2], ["no valid time", "0 d 0 h 3 min ‡"]);
    let datum = tables[0].rows[0].cells[2].datum.clone().unwrap();
    assert_eq!((datum.state.as_str(), datum.epochs, datum.n, datum.of), ("smoke", 1, Some(1), Some(1)));
    let note = tables[0].notes.iter().find(|n| n.starts_with("‡")).unwrap();
    assert!(note.contains("Smoke: ImageNet, 1 epoch, 32 training images."), "{note}");
    assert!(built(&smoke, &some).accuracy.iter().all(|row| row.original.is_none()));
}

#[test]
fn a_few_pictures_may_be_missing_and_the_layout_may_be_another() {
    let trials = trials(&["recipe.channels_last=true"]);
    let without = |pictures: u64| -> Vec<String> {
        let mut records = records(&trials);
        records.iter_mut().flat_map(|r| &mut r.epochs).for_each(|epoch| epoch.images -= pictures);
        ours(&three(&built(&trials, &records))[0], 0).into_iter().map(String::from).collect()
    };
    assert_eq!(without(133), ["1.00", "2.00", "3.00"]);
    assert_eq!(without(134), ["1.00 ‡", "2.00 ‡", "3.00 ‡"]);
    let parts = self::trials(&["recipe.accumulate=4"]);
    assert_eq!(ours(&three(&built(&parts, &records(&parts)))[0], 0), ["other settings"; 3]);
}

#[test]
fn environments_have_tables_of_their_own() {
    let trials = trials(&[]);
    let mut records = records(&trials);
    records[1].environment = made_up::environment("beta").into();
    let tables = three(&built(&trials, &records));
    let names: Vec<&str> = tables.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["table6-A", "table6-B", "table7-A", "table7-B", "table10-A", "table10-B"]);
    assert_eq!(ours(&tables[0], 0), ["1.00", "missing", "3.00"]);
    assert_eq!(ours(&tables[1], 0), ["missing", "2.00", "missing"]);
}
