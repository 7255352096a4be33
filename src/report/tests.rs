//! Reports of made-up records.

use super::*;
use crate::event::{Outcome, StepSplit};
use crate::plan::ResolvedTrial;
use crate::published::Published;
use crate::record::{LeftOut, Record, Skipped, SkippedKind, made_up};
use crate::scenario::{Architecture, Dataset, Norm};
use crate::telemetry::{GpuSummary, TelemetrySummary};
use crate::units::Seconds;
use std::sync::Arc;

/// Two networks x BN, ND x 1 epoch x 3 attempts and one long cell; some trials missing, diverged or resumed.
pub(super) fn matrix() -> (Vec<ResolvedTrial>, Vec<Record>) {
    let mut trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 3);
    trials.extend(made_up::cell(Architecture::Resnet18, Dataset::Cifar10, 1, 3));
    trials.extend(made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 100, 1));
    let mut records = Vec::new();
    for (i, resolved) in trials.iter().take(11).enumerate() {
        let nd = resolved.trial.norm == Norm::Nd;
        let (top1, seconds) = if nd { (0.74, 27.0) } else { (0.14, 10.0) };
        let wobble = f64::from(resolved.trial.attempt) * 0.01;
        let mut record = made_up::record(resolved, top1 + wobble, seconds * (1.0 + wobble * (i % 3) as f64));
        match i {
            8 => record.time_valid = false,
            10 => {
                record.outcome = Outcome::Diverged { epoch: 1, step: 17 };
                record.epochs.clear();
            }
            4 => record.remarks.push("2 images | skipped".into()),
            _ => {}
        }
        records.push(record);
    }
    (trials, records)
}

pub(super) fn report(trials: &[ResolvedTrial], records: &[Record]) -> Report {
    let mut report = Report::build(trials, records, &Published::embedded().unwrap());
    report.scenario = "Made-up scenario".into();
    report
}

#[test]
fn the_tables_read_well() {
    let (trials, records) = matrix();
    let mut report = report(&trials, &records);
    report.skipped.push(Skipped {
        path: "store/records/half.json".into(),
        kind: SkippedKind::Broken,
        why: "not JSON, or only half of it".into(),
    });
    insta::assert_snapshot!("markdown", markdown(&report, false));
    insta::assert_snapshot!("markdown_verbose", markdown(&report, true));
    insta::assert_snapshot!("comparison", comparison(&report));
}

#[test]
fn pictures_that_trainings_went_on_without_are_remarked() {
    let (trials, mut records) = matrix();
    for record in &mut records[..2] {
        record.left_out = Some(LeftOut { count: 1, pictures: [("a.JPEG".into(), "cut".into())].into() });
    }
    let text = markdown(&report(&trials, &records), false);
    let line = text.lines().find(|line| line.contains("1 picture left out of training and scores: a.JPEG: cut"));
    let line = line.unwrap_or_else(|| panic!("{text}"));
    assert!(records[..2].iter().all(|record| line.contains(&record.trial.to_string())), "{line}");
}

#[test]
fn an_empty_store_says_missing_everywhere() {
    let (trials, _) = matrix();
    let report = report(&trials, &[]);
    assert_eq!((report.coverage.finished, report.coverage.unfinished.len()), (0, 14));
    insta::assert_snapshot!("empty", markdown(&report, false));
}

#[test]
fn environments_are_never_pooled() {
    let trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 2);
    let mut records: Vec<Record> = trials.iter().map(|t| made_up::record(t, 0.5, 10.0)).collect();
    // Attempt 2: BN runs elsewhere, ND on the first machine.
    records[2].environment = made_up::environment("beta").into();
    records[2].epochs[0].seconds.paper = Seconds(1000.0);
    let report = report(&trials, &records);
    assert_eq!(report.environments.iter().map(|e| e.label.as_str()).collect::<Vec<_>>(), ["A", "B"]);
    let a = report.time.iter().find(|r| r.environment.as_deref() == Some("A")).unwrap();
    assert_eq!((a.bn.seconds.unwrap().mean, a.bn.seconds.unwrap().n), (10.0, 1));
    assert_eq!(a.ratio.unwrap().n, 1);
    assert_eq!(a.left_out[0].why, "BN ran in environment B only");
    let b = report.time.iter().find(|r| r.environment.as_deref() == Some("B")).unwrap();
    assert_eq!((b.bn.seconds.unwrap().mean, b.ratio), (1000.0, None));
    assert_eq!(report.coverage.finished, 4);
    insta::assert_snapshot!("two_environments", markdown(&report, false));
}

#[test]
fn a_block_of_two_hosts_or_two_builds_makes_no_ratio() {
    let trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 1);
    let with = |change: fn(&mut Record)| {
        let mut records: Vec<Record> = trials.iter().map(|t| made_up::record(t, 0.5, 10.0)).collect();
        change(&mut records[1]);
        let row = report(&trials, &records).time.remove(0);
        (row.blocks.len(), row.left_out.into_iter().map(|l| l.why).collect::<Vec<_>>())
    };
    assert_eq!(with(|_| ()), (1, vec![]));
    let host = with(|nd| Arc::make_mut(&mut nd.environment).host.name = "beta".into());
    assert_eq!(host, (0, vec!["BN and ND ran on the hosts alpha and beta".into()]));
    let commit = with(|nd| Arc::make_mut(&mut nd.environment).software.commit = "7654321".into());
    assert_eq!(commit, (0, vec!["BN and ND ran with the commits 0123456 and 7654321 of the program".into()]));
    let images = with(|nd| nd.data_digest = Some("ffff".into()));
    let why = "BN and ND were trained with other images, of digests 00112233aabbccdd and ffff";
    assert_eq!(images, (0, vec![why.into()]));
}

#[test]
fn a_later_record_without_a_valid_time_does_not_replace_one_with_it() {
    let trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 1);
    let mut records: Vec<Record> = trials.iter().map(|t| made_up::record(t, 0.5, 10.0)).collect();
    let mut later = records[1].clone();
    (later.time_valid, later.finished) = (false, "2026-05-05T00:00:00Z".parse().unwrap());
    records.push(later);
    assert_eq!(report(&trials, &records).time[0].blocks.len(), 1);
}

#[test]
fn only_undisturbed_blocks_make_a_ratio() {
    let (trials, records) = matrix();
    let report = report(&trials, &records);
    let vgg = &report.time[0];
    assert_eq!((vgg.architecture, vgg.epochs, vgg.blocks.len()), (Architecture::Vgg16, 1, 3));
    let ratio = vgg.ratio.unwrap();
    assert!(ratio.interval.unwrap().low < ratio.value && ratio.value < ratio.interval.unwrap().high);
    let resnet = report.time.iter().find(|r| r.architecture == Architecture::Resnet18).unwrap();
    assert_eq!(resnet.ratio.unwrap().n, 1);
    assert!(resnet.ratio.unwrap().interval.is_none());
    let whys: Vec<&str> = resnet.left_out.iter().map(|l| l.why.as_str()).collect();
    assert_eq!(whys, ["BN was paused, so its time does not count", "BN is diverged, ND is missing"]);
}

#[test]
fn throughput_is_that_of_steady_training_where_time_counts() {
    let trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 3, 1);
    let mut records: Vec<Record> = trials.iter().map(|t| made_up::record(t, 0.5, 10.0)).collect();
    records[0].epochs[0].seconds.paper = Seconds(1000.0);
    records[0].epochs[2].seconds.paper = Seconds(15.0);
    records[1].time_valid = false;
    let row = &report(&trials, &records).time[0];
    assert_eq!(row.bn.images_per_second.unwrap().mean, 100_000.0 / 25.0);
    assert_eq!(row.nd.images_per_second, None, "it was paused");
    let single = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 1);
    let records = [made_up::record(&single[0], 0.5, 10.0)];
    assert_eq!(report(&single, &records).time[0].bn.images_per_second.unwrap().mean, 5000.0);
}

#[test]
fn a_finished_record_counts_before_an_interrupted_one_and_other_trials_are_counted() {
    let trials = made_up::cell(Architecture::Vgg16, Dataset::FashionMini, 2, 1);
    let finished = made_up::record(&trials[0], 0.5, 10.0);
    let mut interrupted = finished.clone();
    interrupted.outcome = Outcome::Interrupted { epochs: 1, steps: 0 };
    interrupted.finished = "2026-02-02T00:00:00Z".parse().unwrap();
    let other = made_up::cell(Architecture::Dpn92, Dataset::FashionMini, 2, 1);
    let records = [finished, interrupted, made_up::record(&other[0], 0.1, 1.0)];
    let report = report(&trials, &records);
    assert_eq!((report.coverage.finished, report.coverage.other_records), (1, 1));
    assert_eq!(report.accuracy[0].test_top1.unwrap().mean, 50.0);
    assert_eq!(report.accuracy[0].original, None, "nothing is published about this data set");
}

#[test]
fn the_study_is_shown_beside_its_own_recipe_only() {
    let mut trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 1);
    assert_eq!(report(&trials, &[]).accuracy[0].original, Some(14.12));
    for t in &mut trials {
        t.trial.train_images = Some(1000);
    }
    assert_eq!(report(&trials, &[]).accuracy[0].original, None);
    assert_eq!(report(&trials, &[]).time[0].study_ratio, None);
}

#[test]
fn a_record_that_saw_a_part_of_the_images_has_nothing_published_beside_it() {
    let trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 20, 1);
    let mut records: Vec<Record> = trials.iter().map(|t| made_up::record(t, 0.5, 10.0)).collect();
    let published = |records: &[Record]| {
        let report = report(&trials, records);
        let note = report.notes.iter().any(|n| n.contains("a part of the images"));
        (report.accuracy[0].study.is_some(), report.time[0].bn.study_seconds.is_some(), note)
    };
    let whole = published(&records);
    records[0].epochs[1].images = 10;
    let part = published(&records);
    assert_eq!((whole, part), ((true, true, false), (false, false, true)));
}

#[test]
fn skipped_files_are_counted_and_named() {
    let mut report = report(&[], &[]);
    let skip = |name: &str, kind| Skipped { path: name.into(), kind, why: "why".into() };
    let (broken, foreign) = (SkippedKind::Broken, SkippedKind::Foreign);
    report.skipped = vec![skip("a.json", foreign), skip("b.json", broken), skip("c.json", foreign)];
    let wanted = "- 3 files are not used: 1 broken, 2 foreign.\n- broken: b.json: why\n- foreign: a.json: why\n\
                  - foreign: c.json: why\n";
    assert!(markdown(&report, false).contains(wanted));
    let value: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!(value["skipped"][1], serde_json::json!({"path": "b.json", "kind": "broken", "why": "why"}));
}

#[test]
fn the_json_holds_what_the_tables_show() {
    let (trials, records) = matrix();
    let value: serde_json::Value = serde_json::from_str(&report(&trials, &records).to_json()).unwrap();
    assert_eq!(value["schema"], SCHEMA);
    assert_eq!(value["coverage"]["finished"], 10);
    assert_eq!(value["accuracy"][0]["norm"], "bn");
    assert!(value["accuracy"][0]["best_test_top1"]["mean"].is_number());
    assert_eq!(value["time"][0]["ratio"]["n"], 3);
}

#[test]
fn a_table_cell_cannot_break_out_of_its_row() {
    let trials = made_up::cell(Architecture::Vgg16, Dataset::Folder("a|b\nc\u{1b}[31m".into()), 1, 1);
    let text = markdown(&report(&trials, &[]), true);
    assert!(!text.contains('\u{1b}') && !text.contains("b\nc"));
}

#[test]
fn the_figure_stands_alone() {
    let (trials, records) = matrix();
    let svg = figure(&report(&trials, &records));
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    assert!(svg.contains("VGG-16, 100 epochs") && svg.contains("missing"));
    assert!(!svg.contains("href") && !svg.contains("NaN"));
    insta::assert_snapshot!("figure", svg);
    let trials = made_up::cell(Architecture::Vgg16, Dataset::FashionMini, 6, 3);
    let records: Vec<Record> = trials
        .iter()
        .map(|t| {
            let (top1, s) = if t.trial.norm == Norm::Nd { (0.88, 12.6) } else { (0.84, 5.0) };
            let attempt = f64::from(t.trial.attempt);
            made_up::record(t, top1 + 0.006 * attempt, s + 0.2 * attempt)
        })
        .collect();
    insta::assert_snapshot!("figure_curves", figure(&report(&trials, &records)));
    assert!(figure(&report(&[], &[])).contains("</svg>"));
}

#[test]
fn what_speaks_against_times_is_listed_and_so_is_what_attempts_do_not_share() {
    let trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 3);
    let mut records: Vec<Record> = trials.iter().map(|trial| made_up::record(trial, 0.5, 10.0)).collect();
    let shared = GpuSummary { foreign_processes: Some(2), ..GpuSummary::default() };
    records[1].telemetry = Some(Box::new(TelemetrySummary { gpus: vec![shared], ..TelemetrySummary::default() }));
    for record in &mut records[2..4] {
        Arc::make_mut(&mut record.environment).software.commit = "fedcba9".into();
        Arc::make_mut(&mut record.environment).host.name = "beta".into();
    }
    records.iter_mut().for_each(|r| r.data_digest = Some(format!("d{}", r.trial.attempt / 3)));
    records[5].started = "2026-01-02T09:00:00Z".parse().unwrap();
    records[5].finished = "2026-01-02T09:10:00Z".parse().unwrap();
    let report = Report::build(&trials, &records, &Published::embedded().unwrap());
    let row = &report.time[0];
    assert_eq!((row.blocks.len(), row.ratio.unwrap().n, row.steady_ratio.unwrap().n), (2, 2, 2));
    let reason = "ND shared its device with other processes: 2, so its time does not count";
    assert_eq!(row.left_out[0].why, reason);
    let page = markdown(&report, false);
    for part in [
        "## Times that do not count\n\n- shared its device with other processes: 2 (vgg16 nd",
        "attempts of several commits are taken together: 0123456, fedcba9 (VGG-16 BN, CIFAR-10, 1 epoch",
        "attempts of several hosts are taken together: alpha, beta",
        "more than an hour apart, and count: ",
        "one name stands for other images: digests d0, d1 (cifar10",
    ] {
        assert!(page.contains(part), "no {part:?} in\n{page}");
    }
}

#[test]
fn of_an_interrupted_training_the_steps_count() {
    let trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 5, 2);
    let mut records: Vec<Record> = trials.iter().map(|trial| made_up::record(trial, 0.5, 10.0)).collect();
    for (record, forward) in records.iter_mut().zip([1.0, 3.0, 1.0, 5.0]) {
        for epoch in &mut record.epochs {
            epoch.seconds.step = Some(StepSplit { forward: Seconds(forward), ..StepSplit::default() });
        }
    }
    records[3].time_valid = false;
    // It was stopped in the middle of a step.
    records[3].epochs[2].seconds.step.as_mut().unwrap().backward = Seconds(1000.0);
    let row = |records: &[Record]| Report::build(&trials, records, &Published::embedded().unwrap()).time.remove(0);
    let both = row(&records);
    assert_eq!((both.ratio.unwrap().n, both.steady_ratio.unwrap().n), (1, 2));
    assert_eq!(both.left_out[0].steps, Some((1.0, 5.0)));
    records[3].sharers = 1;
    let shared = row(&records);
    assert_eq!((shared.steady_ratio.unwrap().n, shared.left_out[0].steps), (1, None));
}

#[test]
fn environments_say_in_what_they_differ() {
    let trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 1);
    let mut records: Vec<Record> = trials.iter().map(|trial| made_up::record(trial, 0.5, 10.0)).collect();
    Arc::make_mut(&mut records[1].environment).software.libtorch = "2.12.0".into();
    Arc::make_mut(&mut records[1].environment).threads = 7;
    Arc::make_mut(&mut records[1].environment).host.name = "beta".into();
    let report = Report::build(&trials, &records, &Published::embedded().unwrap());
    assert!(markdown(&report, false).contains("- A and B differ in: software.libtorch, threads\n"));
}
