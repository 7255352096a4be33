//! Audits of the published files, as they are and with cells changed.

use super::*;
use crate::published::ClaimKey;
use crate::record::made_up;
use crate::report::Report;
use crate::scenario::{Architecture, Dataset};
use std::path::Path;

/// The audit of the published files after `changes`: file, what it must contain once, and what stands there instead.
fn changed(changes: &[(&str, &str, &str)]) -> Audit {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/published");
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(own).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let mut text = lines(&path);
        for (_, find, replacement) in changes.iter().filter(|c| c.0 == name) {
            assert_eq!(text.matches(find).count(), 1, "{find} in {name}");
            text = text.replace(find, replacement);
        }
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    Audit::of(&Published::from_dir(folder.path()).unwrap())
}

/// A file with the line ends of this one.
fn lines(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap().replace("\r\n", "\n")
}

fn audit() -> Audit {
    Audit::of(&Published::embedded().unwrap())
}

fn count(audit: &Audit, table: u8) -> usize {
    audit.findings.iter().filter(|f| f.table == table).count()
}

fn claim(audit: &Audit, key: ClaimKey) -> &ClaimCheck {
    audit.claims.iter().find(|c| c.claim == key).unwrap()
}

/// The explanation of the only finding.
fn why(audit: &Audit, table: u8) -> String {
    let mut found = audit.findings.iter().filter(|f| f.table == table);
    let only = found.next().unwrap();
    assert_eq!(found.next(), None);
    only.explanation.as_ref().map_or("nothing".into(), ToString::to_string)
}

const ACCURACY: &str = "published_tables4_5.csv";
const SECONDS: &str = "published_tables8_9.csv";

#[test]
fn the_text_reads_well() {
    insta::assert_snapshot!("audit", text(&audit()));
}

#[test]
fn the_json_is_that_of_its_schema() {
    let value: serde_json::Value = serde_json::from_str(&audit().to_json()).unwrap();
    let part = |pointer: &str| serde_json::to_string_pretty(value.pointer(pointer).unwrap()).unwrap();
    let parts =
        ["/schema", "/findings/0", "/findings/5", "/columns", "/claims/10", "/totals", "/duplicates", "/remarks/0"];
    insta::assert_snapshot!("json", parts.map(part).join("\n"));
}

#[test]
fn the_study_s_known_disagreements_are_found() {
    let audit = audit();
    assert_eq!([4, 5, 8, 9, 10].map(|table| count(&audit, table)), [4, 0, 0, 21, 0]);
    let holds: Vec<(String, Option<String>)> =
        audit.columns.iter().map(|c| (c.column.to_string(), c.holds.as_ref().map(ToString::to_string))).collect();
    assert_eq!(holds, [("ND 20".into(), Some("BN 100".into())), ("BN 100".into(), None)]);
    assert_eq!(audit.columns.iter().map(|c| c.matching).collect::<Vec<_>>(), [10, 0]);
    let colours: Vec<_> =
        audit.totals.colours.iter().map(|c| (c.dataset.as_str(), c.green, c.red_relative, c.red_points)).collect();
    assert_eq!(colours, [("cifar10", 36, 7, 6), ("cifar100", 36, 22, 10), ("imagenet", 11, 0, 0), ("all", 83, 29, 16)]);
    let within = claim(&audit, ClaimKey::Within);
    assert_eq!((within.recomputed, within.readings[0].recomputed, within.holds), (Some(105.0), 118.0, Some(false)));
    let largest: Vec<String> = audit.totals.deviations.iter().map(|d| format!("{:.4}", d.largest.value)).collect();
    assert_eq!(largest, ["0.1518", "0.0701"]);
    let overheads: Vec<String> =
        audit.totals.overheads.iter().map(|o| format!("{:.3} {:.3}", o.smallest.value, o.largest.value)).collect();
    assert_eq!(overheads, ["1.170 9.306", "1.051 4.475", "1.025 4.582"]);
    assert_eq!((audit.implausible.len(), format!("{:.1}", audit.totals.gpu_hours_total)), (39, "312.5".into()));
}

#[test]
fn a_corrected_table_9_has_no_finding() {
    let own = Published::embedded().unwrap();
    let mut rows = String::from("dataset,architecture,norm,epochs,train_seconds\n");
    for (cell, figures) in own.cells() {
        let (mean, norm) = (figures.seconds().unwrap().mean, cell.norm.key());
        rows += &format!("{},{},{norm},{},{mean:.2}\n", cell.dataset, cell.architecture.key(), cell.epochs);
    }
    let text = lines(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/published").join(SECONDS));
    let audit = changed(&[(SECONDS, &text, &rows)]);
    assert_eq!(([8, 9].map(|table| count(&audit, table)), audit.columns.len()), ([0, 0], 0));
    assert_eq!(count(&audit, 4), 4, "other tables are what they were");
}

#[test]
fn a_column_that_holds_another_table_s_means_is_found() {
    let own = Published::embedded().unwrap();
    let text = lines(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/published").join(SECONDS));
    let mut rows = String::new();
    for line in text.lines() {
        let cell = line.strip_prefix("cifar100,").filter(|rest| rest.contains(",nd,1,"));
        let Some((key, _)) = cell.and_then(|rest| rest.rsplit_once(',')) else {
            rows += &format!("{line}\n");
            continue;
        };
        let other = own.cells().iter().find(|(c, _)| {
            c.dataset == Dataset::Cifar10 && format!("{},{},{}", c.architecture, c.norm, c.epochs) == key
        });
        rows += &format!("cifar100,{key},{:.2}\n", other.unwrap().1.seconds().unwrap().mean);
    }
    let audit = changed(&[(SECONDS, &text, &rows)]);
    let found = audit.columns.iter().find(|c| (c.column.norm.key(), c.column.epochs) == ("nd", 1)).unwrap();
    assert_eq!((found.table, found.matching, found.rows), (9, 10, 10));
    let value = serde_json::to_value(found).unwrap();
    let wanted = serde_json::json!({"norm": "nd", "epochs": 1, "elsewhere": {"table": 8, "dataset": "cifar10"}});
    assert_eq!(value["holds"], wanted);
    let finding = audit.findings.iter().find(|f| f.table == 9 && f.printed != 158.08).unwrap();
    let why = "the column ND 1 holds the means of ND 1 of Table 8 (CIFAR-10), in 10 of 10 rows";
    assert_eq!(finding.explanation.as_ref().unwrap().to_string(), why);
    assert!(
        super::text(&audit).contains("- Column ND 1 holds the means of ND 1 of Table 8 (CIFAR-10), in 10 of 10 rows")
    );
}

#[test]
fn a_column_that_holds_the_original_s_values_is_found() {
    let text = lines(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/published").join(ACCURACY));
    let mut rows = String::new();
    for line in text.lines() {
        let mut values: Vec<&str> = line.split(',').collect();
        if line.contains("cifar10,") && line.contains(",nd,100,") {
            values[5] = values[4];
        }
        rows += &format!("{}\n", values.join(","));
    }
    let audit = changed(&[(ACCURACY, &text, &rows)]);
    let explanations: Vec<String> =
        audit.findings.iter().filter_map(|f| Some(f.explanation.as_ref()?.to_string())).collect();
    let why = "the column ND 100 holds the values of the original's ND 100, in 10 of 10 rows";
    assert!(explanations.iter().any(|e| e == why), "{explanations:?}");
}

#[test]
fn one_changed_cell_is_one_finding_and_its_cause_is_found() {
    // Table 8, VGG-16 BN 1: attempts 34.9, 44.35, 32.9, mean 37.38.
    for (printed, expected) in [
        ("34.9", "it is the median of the attempts"),
        ("44.35", "it is the value of attempt 2 alone"),
        ("38.63", "it is the mean of attempts 2 and 3 alone"),
        ("37.88", "one digit differs: 37.88 for 37.38"),
        ("73.38", "two digits changed places: 73.38 for 37.38"),
        ("118.69", "it is the value of VGG-16 ND 1"),
        ("50.01", "nothing"),
    ] {
        let row = "cifar10,vgg16,bn,1,";
        let audit = changed(&[(SECONDS, &format!("{row}37.38"), &format!("{row}{printed}"))]);
        assert_eq!((why(&audit, 8).as_str(), count(&audit, 9)), (expected, 21), "{printed}");
    }
    let audit = changed(&[(SECONDS, "cifar10,vgg16,bn,1,37.38", "cifar10,vgg16,bn,1,37.37")]);
    assert_eq!((count(&audit, 8), audit.last_digit.len()), (0, 3), "the last digit is listed apart");
    let audit =
        changed(&[(ACCURACY, "cifar10,mobilenetv2,bn,100,90.51,96.34", "cifar10,mobilenetv2,bn,100,90.51,94.8")]);
    assert_eq!(count(&audit, 4), 3);
}

#[test]
fn a_changed_attempt_changes_the_mean() {
    let audit =
        changed(&[("table1_attempts.csv", "cifar10,vgg16,bn,1,1,12.95,34.9,", "cifar10,vgg16,bn,1,1,15.95,64.9,")]);
    let new: Vec<_> = audit.findings.iter().filter(|f| f.printed == 14.38 || f.printed == 37.38).collect();
    assert_eq!(new.len(), 2);
    assert!((new[0].recomputed - 15.383).abs() < 0.001 && (new[1].recomputed - 47.383).abs() < 0.001);
}

#[test]
fn originals_and_times_of_imagenet_are_compared() {
    let audit = changed(&[(ACCURACY, "cifar10,vgg16,bn,1,14.12,", "cifar10,vgg16,bn,1,41.12,")]);
    let found = audit.findings.iter().find(|f| f.measure == Measure::Original).unwrap();
    assert_eq!((found.table, found.printed, found.recomputed), (4, 41.12, 14.12));
    assert_eq!(found.explanation.as_ref().unwrap().to_string(), "two digits changed places: 41.12 for 14.12");
    let audit = changed(&[
        ("table2.csv", "resnet18,bn,top1,69.76,70.718,0 days", "resnet18,bn,top1,69.76,70.718,1 day"),
        ("table2.csv", "resnet18,bn,top5,89.08,89.732,0 days", "resnet18,bn,top5,89.08,89.732,1 day"),
    ]);
    let value = serde_json::to_value(audit.findings.iter().find(|f| f.table == 10)).unwrap();
    assert_eq!(
        (&value["dataset"], &value["architecture"], &value["norm"]),
        (&"imagenet".into(), &"resnet18".into(), &"bn".into())
    );
    assert_eq!((value["printed"].as_f64(), value["recomputed"].as_f64()), (Some(133_734.0), Some(47_334.0)));
}

#[test]
fn statements_follow_the_files() {
    let audit = changed(&[
        ("claims.csv", "within,116", "within,118"),
        ("claims.csv", "better-imagenet,9", "better-imagenet,11"),
    ]);
    let within = claim(&audit, ClaimKey::Within);
    assert_eq!(within.explanation.as_deref(), Some("it fits percentage points in place of a relative error, 118.0000"));
    assert_eq!(claim(&audit, ClaimKey::BetterImagenet).holds, Some(true));
    assert!(claim(&audit, ClaimKey::Better).explanation.as_ref().unwrap().contains("36 + 36 + 11 make 83"));
    let strict = changed(&[
        ("claims.csv", "rule-lower,10,", "rule-lower,20,"),
        ("claims.csv", "rule-deviation,0.5", "rule-deviation,0.1"),
    ]);
    assert_eq!(claim(&strict, ClaimKey::Within).readings[0].recomputed, 131.0);
    assert_eq!(claim(&strict, ClaimKey::Consistent).holds, Some(false));
    let open = changed(&[("claims.csv", "rule-lower,10,percent,caption of Table 4; section 5.1\n", "")]);
    assert!(open.totals.colours.is_empty() && open.claims.iter().all(|c| c.claim != ClaimKey::Within));
}

#[test]
fn what_is_missing_is_counted_as_missing() {
    let audit = changed(&[
        (SECONDS, "cifar10,vgg16,bn,1,37.38\n", ""),
        ("table1_attempts.csv", "cifar10,vgg16,bn,1,1,12.95,34.9,8.4\n", ""),
    ]);
    let table = audit.totals.tables.iter().find(|t| t.table == 8).unwrap();
    assert_eq!((table.compared, table.missing, table.disagree), (59, 1, 0));
    let attempts = claim(&audit, ClaimKey::Attempts);
    assert_eq!((attempts.recomputed, attempts.holds), (Some(359.0), Some(false)));
    let empty = Audit::of(&Published::default());
    assert!(empty.findings.is_empty() && empty.claims.is_empty() && empty.totals.deviations.is_empty());
    assert!(text(&empty).contains("0 cells and 0 attempts"));
}

#[test]
fn a_report_notes_what_the_audit_finds_in_its_cells() {
    let mut trials = made_up::cell(Architecture::Dpn92, Dataset::Cifar100, 1, 2);
    trials.extend(made_up::cell(Architecture::MobilenetV2, Dataset::Cifar10, 100, 1));
    let notes = Report::build::<crate::record::Record>(&trials, &[], &Published::embedded().unwrap()).notes;
    let expected = [
        "DPN-92 BN, CIFAR-100, 1 epoch: the study's attempts took 153.1 s on average, its Table 9 prints 158.1 s (one \
         digit differs: 158.08 for 153.08).",
        "MobileNet v2 BN, CIFAR-10, 100 epochs: the study's attempts have the mean 94.80 %, its Table 4 prints 96.34 %.",
    ];
    assert_eq!(notes[..2], expected);
}
