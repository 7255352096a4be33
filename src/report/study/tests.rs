//! Tables of made-up records.

use super::*;
use crate::event::Outcome;
use crate::plan::ResolvedTrial;
use crate::record::{Record, made_up};
use crate::report::EnergyMeans;
use crate::scenario::{Architecture, Dataset, Norm};
use std::collections::BTreeSet;

fn published() -> Published {
    Published::embedded().unwrap()
}

/// Two networks and two lengths; attempts missing and diverged.
fn report(dataset: &Dataset) -> Report {
    let mut trials = made_up::cell(Architecture::Vgg16, dataset.clone(), 1, 3);
    trials.extend(made_up::cell(Architecture::Resnet18, dataset.clone(), 20, 3));
    trials.extend(made_up::cell(Architecture::Dpn92, dataset.clone(), 1, 1));
    let records: Vec<Record> = trials.iter().take(11).map(record).collect();
    let mut report = Report::build(&trials, &records, &published());
    report.scenario = "Made-up scenario".into();
    report
}

fn record(resolved: &ResolvedTrial) -> Record {
    let (top1, seconds) = if resolved.trial.norm == Norm::Nd { (0.74, 27.0) } else { (0.14, 10.0) };
    let mut record = made_up::record(resolved, top1 + 0.01 * f64::from(resolved.trial.attempt), seconds);
    if resolved.trial.architecture == Architecture::Resnet18 && resolved.trial.attempt == 2 {
        record.outcome = Outcome::Diverged { epoch: 1, step: 3 };
    }
    record
}

#[test]
fn the_study_s_tables_read_well() {
    let tables = tables(&report(&Dataset::Cifar10), &published(), true);
    let numbers: Vec<_> = tables.iter().filter_map(|t| t.number).collect();
    assert_eq!(numbers, (4..=10).collect::<Vec<_>>());
    let markdown: Vec<String> = tables.iter().map(table_markdown).collect();
    insta::assert_snapshot!("markdown", markdown.join("\n"));
    insta::assert_snapshot!("csv", csv(&tables[..1]));
    insta::assert_snapshot!("latex", latex_all(&[tables[0].clone(), tables[2].clone(), tables[6].clone()]));
}

#[test]
fn every_form_has_as_many_columns_as_its_head() {
    for table in tables(&report(&Dataset::Cifar100), &published(), true) {
        let columns = table.columns();
        assert!(table.head.iter().all(|row| row.iter().map(|h| h.span).sum::<usize>() == columns), "{}", table.name);
        assert!(table.rows.iter().all(|row| row.cells.len() + 1 == columns), "{}", table.name);
        let text = latex(&table);
        let mut blocks = text.split("\\begin{tabular}{l").skip(1);
        let first = blocks.next().unwrap();
        let columns_of = |block: &str| block.split('}').next().unwrap().len();
        assert_eq!(columns_of(first) + blocks.clone().map(columns_of).sum::<usize>() + 1, columns, "{}", table.name);
        for block in std::iter::once(first).chain(blocks) {
            let (head, body) = block.split_once("\\midrule\n").unwrap();
            let rows: Vec<&str> = body.lines().take_while(|l| *l != "\\bottomrule").collect();
            assert_eq!(rows.len(), table.rows.len());
            for row in rows {
                assert_eq!(row.matches(" & ").count(), columns_of(block), "{row}");
            }
            for row in head.lines().filter(|l| l.contains(" & ")) {
                let spans = row.split("\\multicolumn{").skip(1).map(|s| s.split('}').next().unwrap());
                let extra: usize = spans.map(|s| s.parse::<usize>().unwrap() - 1).sum();
                assert_eq!(row.matches(" & ").count() + extra, columns_of(block), "{row}");
            }
        }
    }
}

#[test]
fn published_and_own_figures_stand_in_their_cells() {
    let tables = tables(&report(&Dataset::Cifar10), &published(), false);
    assert_eq!(
        tables.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(),
        ["table4", "table8", "steps-cifar10", "memory-cifar10"]
    );
    let vgg: Vec<&str> = tables[0].rows[0].cells[..6].iter().map(|c| c.shown.as_str()).collect();
    assert_eq!(vgg, ["14.12", "14.38", "16.00", "74.18", "74.20", "76.00"]);
    let resnet: Vec<&str> = tables[0].rows[1].cells[6..12].iter().map(|c| c.shown.as_str()).collect();
    assert_eq!(resnet, ["92.64", "92.35", "16.00 (2 of 3)", "94.07", "94.20", "75.00 (1 of 3)"]);
    let times: Vec<&str> = tables[1].rows[0].cells[..4].iter().map(|c| c.shown.as_str()).collect();
    assert_eq!(times, ["37.38", "10.00", "118.69", "27.00"]);
}

#[test]
fn without_records_the_study_and_the_original_stand_alone() {
    let trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 3);
    let report = Report::build::<Record>(&trials, &[], &published());
    let table = &tables(&report, &published(), false)[0];
    assert_eq!(table.environment, None);
    let shown: Vec<&str> = table.rows[0].cells.iter().take(9).map(|c| c.shown.as_str()).collect();
    assert_eq!(shown, ["14.12", "14.38", "missing", "74.18", "74.20", "missing", "90.07", "90.36", "–"]);
    let nothing = Report::build::<Record>(&[], &[], &published());
    assert!(tables(&nothing, &published(), false).is_empty());
    assert_eq!(tables(&nothing, &published(), true).len(), 7);
}

#[test]
fn environments_have_tables_of_their_own() {
    let trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 1);
    let mut records: Vec<Record> = trials.iter().map(|t| made_up::record(t, 0.5, 10.0)).collect();
    records[1].environment = made_up::environment("beta").into();
    let report = Report::build(&trials, &records, &published());
    let tables = tables(&report, &published(), false);
    let names: Vec<&str> = tables.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names[..4], ["table4-A", "table4-B", "table8-A", "table8-B"]);
    assert_eq!(names[4..], ["steps-cifar10-A", "memory-cifar10-A", "steps-cifar10-B", "memory-cifar10-B"]);
    let ours = |t: &StudyTable| [t.rows[0].cells[2].shown.clone(), t.rows[0].cells[5].shown.clone()];
    assert_eq!(ours(&tables[0]), ["50.00", "elsewhere"]);
    assert_eq!(ours(&tables[1]), ["elsewhere", "50.00"]);
    let fingerprints: BTreeSet<_> = tables.iter().map(|t| t.environment.clone()).collect();
    assert_eq!(fingerprints.len(), 2);
}

#[test]
fn other_settings_do_not_stand_beside_the_study() {
    let mut trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 1);
    trials.iter_mut().for_each(|t| t.trial.recipe.lr = 0.5);
    let records: Vec<Record> = trials.iter().map(|t| made_up::record(t, 0.5, 10.0)).collect();
    let table = &tables(&Report::build(&trials, &records, &published()), &published(), false)[0];
    assert_eq!(table.rows[0].cells[2].shown, "other settings");
    assert!(table.notes.iter().any(|n| n.contains("other settings than the study's, left out: 2")));
}

#[test]
fn what_nothing_is_published_about_has_tables_without_number() {
    let trials = made_up::cell(Architecture::Vgg16, Dataset::FashionMini, 2, 1);
    let report = Report::build(&trials, &[made_up::record(&trials[0], 0.8, 5.0)], &published());
    let tables = tables(&report, &published(), false);
    let names: Vec<&str> = tables.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names[..2], ["accuracy-fashion-mini", "time-fashion-mini"]);
    assert_eq!(tables[0].rows[0].cells.iter().map(|c| c.shown.as_str()).collect::<Vec<_>>(), ["80.00", "missing"]);
}

#[test]
fn energy_is_shown_where_it_was_measured() {
    let mut report = report(&Dataset::Cifar10);
    let names =
        |report: &Report| -> Vec<String> { tables(report, &published(), false).into_iter().map(|t| t.name).collect() };
    assert!(!names(&report).iter().any(|name| name.starts_with("energy")), "{:?}", names(&report));
    let memory = |report: &Report| tables(report, &published(), false).iter().map(table_markdown).collect::<String>();
    assert!(memory(&report).contains("Energy per image and per epoch: not measured."));
    report.resources[0].energy = Some(EnergyMeans { per_image: 0.25, per_epoch: 12_500.0, records: 3 });
    assert!(names(&report).contains(&"energy-cifar10".into()), "{:?}", names(&report));
    let text = memory(&report);
    let row = text.lines().find(|line| line.contains(" 0.250 |")).unwrap();
    assert!(row.starts_with("| VGG-16, 1 epoch ") && row.contains("12500") && row.contains("not measured"), "{row}");
    assert!(!text.contains("Energy per image and per epoch: not measured."));
}
