//! Verdicts from a store of made-up records to what the program prints.

use super::made_up::{printed, record, report, trials};
use ndbench::published::{Cell, Published};
use ndbench::record::Store;
use serde_json::Value;
use std::fs;
use std::path::Path;

const SCENARIO: &str = "table1-cifar10";

/// Cell, test accuracy of each attempt less the original, training less test, and what is said of them.
type Case = (&'static str, &'static [f64], f64, &'static str, Option<&'static str>);
const CASES: [Case; 8] = [
    ("vgg16/cifar10/bn/20", &[-0.1, 0.0, 0.1], 1.0, "REPRODUCED", Some("EQUIVALENT")),
    ("vgg16/cifar10/nd/20", &[2.9, 3.0, 3.1], 1.0, "REPRODUCED_BETTER", Some("ABOVE")),
    ("resnet18/cifar10/bn/20", &[-4.1, -4.0, -3.9], 1.0, "NOT_REPRODUCED", Some("BELOW")),
    ("resnet18/cifar10/nd/20", &[-3.0, 0.0, 3.0], 1.0, "AMBIGUOUS", Some("UNDECIDED")),
    ("pnasnet-a/cifar10/bn/20", &[-0.1, 0.0, 0.1], -10.0, "IMPLAUSIBLE", Some("EQUIVALENT")),
    ("pnasnet-a/cifar10/nd/20", &[5.9, 6.0, 6.1], 1.0, "IMPLAUSIBLE", Some("ABOVE")),
    ("densenet121/cifar10/bn/20", &[0.0, 0.1], 1.0, "INCOMPLETE", Some("EQUIVALENT")),
    ("densenet121/cifar10/bn/1", &[0.0, 0.1, 0.2], 1.0, "NOT_COMPARABLE", None),
];

/// Fills a store with the cases.
fn fill(path: &Path) {
    let (store, published) = (Store::open(path).unwrap(), Published::embedded().unwrap());
    for (name, above, training, ..) in CASES {
        let [architecture, dataset, norm, epochs] = name.split('/').collect::<Vec<_>>()[..] else { panic!("{name}") };
        let keys = format!("architecture={architecture},dataset={dataset},norm={norm},epochs={epochs}");
        for (resolved, above) in trials(SCENARIO, &[&keys]).iter().zip(above) {
            let trial = &resolved.trial;
            let (dataset, epochs) = (trial.dataset.clone(), trial.epochs);
            let cell = Cell { dataset, architecture: trial.architecture, norm: trial.norm, epochs };
            let test = published.figures(&cell).unwrap().original_percent.unwrap() + above;
            store.write(&record(resolved, test, test + training)).unwrap();
        }
    }
}

#[test]
fn every_verdict_is_reached_and_explained() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let whole: Value = serde_json::from_str(&printed(&report(SCENARIO, dir.path(), &["--json"]))).unwrap();
    let text = printed(&report(SCENARIO, dir.path(), &[]));
    let verdicts = whole["verdicts"].as_array().unwrap();
    for (name, above, _, verdict, equivalence) in CASES {
        let [architecture, _, norm, epochs] = name.split('/').collect::<Vec<_>>()[..] else { panic!("{name}") };
        let is_it = |v: &&Value| {
            v["architecture"] == architecture && v["norm"] == norm && v["epochs"] == epochs.parse::<u32>().unwrap()
        };
        let found = &verdicts.iter().find(is_it).unwrap()["judgement"];
        assert_eq!(found["verdict"]["outcome"], verdict, "{name}");
        assert_eq!(found["equivalence"]["outcome"].as_str(), equivalence, "{name}");
        let why = printed(&report(SCENARIO, dir.path(), &["--explain", name]));
        assert!(why.contains(&format!("The records: {verdict}")), "{why}");
        assert!(why.contains(equivalence.unwrap_or("not judged")), "{why}");
        assert!(why.contains(&format!("({} of 3 attempts)", above.len())), "{why}");
        assert!(text.contains(&format!(" {verdict}")), "{name}: {text}");
    }
    let needed = |v: &Value| v["judgement"]["verdict"]["attempts_needed"].as_u64();
    let attempts = verdicts.iter().find_map(needed).unwrap();
    assert!(attempts > 3 && text.contains(&format!("AMBIGUOUS ({attempts} attempts needed)")), "{attempts}");
    assert!(text.contains("INCOMPLETE (2 of 3)") && text.contains("Without a finished training: 52 cells ("), "{text}");
}

#[test]
fn cells_have_the_names_of_the_tables_and_unknown_ones_a_suggestion() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let explained = |name: &str| printed(&report(SCENARIO, dir.path(), &["--explain", name]));
    let wanted = explained("pnasnet-a/cifar10/nd/20");
    for name in ["PNASNet-18/CIFAR-10/ND/20", "PNASNet-A ND, CIFAR-10, 20 epochs", "PNASNet-A/ND/20 epochs"] {
        assert_eq!(explained(name), wanted, "{name}");
    }
    let list: Value =
        serde_json::from_str(&printed(&report(SCENARIO, dir.path(), &["--json", "--explain", "VGG-16"]))).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 6);
    let output = report(SCENARIO, dir.path(), &["--explain", "VGG-19/CIFAR-10/ND/20"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("the nearest: `vgg16/cifar10/nd/20`") && said.lines().count() < 6, "{said}");
}

#[test]
fn an_empty_store_is_said_to_be_empty_in_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let text = printed(&report(SCENARIO, dir.path(), &[]));
    let (_, verdicts) = text.split_once("## Verdicts").unwrap();
    let (verdicts, _) = verdicts.split_once("\n## ").unwrap();
    assert_eq!(verdicts.trim().lines().count(), 1, "{verdicts}");
    assert!(verdicts.contains("60 cells (20 NOT_COMPARABLE, 40 INCOMPLETE)"), "{verdicts}");
    for table in 4..=10 {
        assert!(text.contains(&format!("**Table {table} of the study.")), "Table {table}");
    }
}

#[test]
fn what_is_no_record_is_counted_by_kind_and_named() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let records = dir.path().join("records");
    let first = fs::read_dir(&records).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read_to_string(&first).unwrap();
    fs::write(records.join("half.json"), &whole[..whole.len() / 2]).unwrap();
    fs::write(records.join("other.json"), "{}").unwrap();
    fs::write(records.join("later.json"), whole.replace("ndbench.record/1", "ndbench.record/2")).unwrap();
    fs::copy(&first, records.join("zz-copy.json")).unwrap();
    let value: Value = serde_json::from_str(&printed(&report(SCENARIO, dir.path(), &["--json"]))).unwrap();
    let kinds: Vec<_> = value["skipped"].as_array().unwrap().iter().map(|s| s["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["broken", "newer", "foreign", "duplicated"]);
    let text = printed(&report(SCENARIO, dir.path(), &[]));
    assert!(text.contains("- 4 files are not used: 1 broken, 1 newer, 1 duplicated, 1 foreign."), "{text}");
    for line in ["- broken: ", "half.json: ", "later.json: ", "zz-copy.json: ", "other.json: "] {
        assert!(text.contains(line), "{line}");
    }
}
