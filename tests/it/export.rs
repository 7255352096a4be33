//! `ndbench export` over the store of `tests/fixtures/export/`: records that were made up, and a file that is none.
//! `scripts/check-exports` runs the tools that read the forms.

use assert_cmd::Command;
use std::fs;
use std::path::{Path, PathBuf};

/// The environments of the store.
const CPU: &str = "cpu-";
const GPU: &str = "made-up-gpu-16gb-";

fn export(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("ndbench").unwrap();
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.args(["export", "--store", "tests/fixtures/export/store"]).args(arguments);
    command
}

/// What it prints on stdout and stderr.
fn printed(arguments: &[&str]) -> (String, String) {
    let output = export(arguments).assert().success().get_output().clone();
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// The files below `folder`, sorted, as paths relative to it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path.strip_prefix(folder).unwrap().into()) }
        }
    }
    found.sort();
    found
}

/// The files of a form, those that `wanted` names with their text.
fn written(format: &str, wanted: fn(&str) -> bool) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (stdout, _) = printed(&["--format", format, "--out", folder.path().to_str().unwrap()]);
    assert_eq!(stdout, "", "the folder has it all");
    let show = |path: &PathBuf| {
        let name = path.to_str().unwrap();
        let text = if wanted(name) { fs::read_to_string(folder.path().join(path)).unwrap() } else { String::new() };
        format!("== {name}\n{text}")
    };
    files(folder.path()).iter().map(show).collect()
}

/// JSON with numbers of nine digits: what comes after them depends on the order of a sum.
fn rounded(json: &str) -> String {
    fn round(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(map) => map.values_mut().for_each(round),
            serde_json::Value::Number(n) => {
                *value = format!("{:.8e}", n.as_f64().unwrap()).parse::<f64>().unwrap().into();
            }
            _ => {}
        }
    }
    let mut value = serde_json::from_str(json).unwrap();
    round(&mut value);
    format!("{value:#}")
}

/// The label of the environment that begins like this, as the CSV has it.
fn environment(beginning: &str) -> String {
    let (table, _) = printed(&["--format", "csv"]);
    let mut cells = table.lines().flat_map(|l| l.split(','));
    cells.find(|c| c.starts_with(beginning)).unwrap().to_string()
}

#[test]
fn what_cannot_be_used_is_counted_and_named_on_stderr() {
    let (stdout, stderr) = printed(&["--format", "openmetrics"]);
    assert!(stdout.ends_with("# EOF\n"));
    insta::assert_snapshot!("export_stderr", stderr);
}

#[test]
fn openmetrics_has_few_labels_and_a_time_on_each_value() {
    insta::assert_snapshot!("export_openmetrics", printed(&["--format", "openmetrics"]).0);
}

#[test]
fn csv_has_a_row_for_each_trial_and_epoch() {
    let (table, stderr) = printed(&["--format", "csv"]);
    assert!(!stderr.contains("left out"), "every record has its rows: {stderr}");
    insta::assert_snapshot!("export_csv", table);
}

#[test]
fn bmf_is_of_one_environment() {
    export(&["--format", "bmf"]).assert().code(3).stdout("").stderr(predicates::str::contains("--environment cpu-"));
    let (report, stderr) = printed(&["--format", "bmf", "--environment", &environment(CPU)]);
    assert!(stderr.contains("several commits"), "{stderr}");
    insta::assert_snapshot!("export_bmf", rounded(&report));
    let (report, stderr) = printed(&["--format", "bmf", "--environment", &environment(GPU), "--commit", "a0d5914"]);
    assert!(report.contains("resnet18/cifar100/nd/e1") && !stderr.contains("several commits"), "{stderr}");
}

#[test]
fn otava_has_a_file_for_each_history_and_names_them_all() {
    insta::assert_snapshot!("export_otava", written("otava", |_| true));
}

#[test]
fn asv_has_its_layout() {
    insta::assert_snapshot!("export_asv", written("asv", |name| name.contains("gpu")));
}

#[test]
fn mllog_has_a_log_for_each_trial() {
    let shown = |name: &str| name.contains("vgg16-cifar10-nd-e2-a1") || name.contains("densenet121");
    insta::assert_snapshot!("export_mllog", written("mllog", shown));
}

#[test]
fn forms_of_several_files_ask_for_a_folder_and_filters_are_checked() {
    for format in ["otava", "asv", "mllog"] {
        export(&["--format", format]).assert().code(2).stderr(predicates::str::contains("--out"));
    }
    export(&["--format", "csv", "--only", "norm=xx"]).assert().code(3);
    let (table, _) = printed(&["--format", "csv", "--only", "norm=nd,attempt=2"]);
    assert_eq!(table.lines().count(), 3, "{table}");
    let (nothing, stderr) = printed(&["--format", "csv", "--only", "epochs=99"]);
    assert!(nothing.lines().count() == 1 && stderr.contains("no record is left"), "{stderr}");
}

#[test]
fn a_text_goes_to_a_file_and_several_stores_make_one_history() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/all.csv");
    let twice = ["--store", "tests/fixtures/export/store", "--format", "csv"];
    export(&[&twice[..], &["--out", path.to_str().unwrap()]].concat()).assert().success().stdout("");
    assert_eq!(fs::read_to_string(&path).unwrap(), printed(&["--format", "csv"]).0, "a copy of a record counts once");
    export(&["--store", "tests/fixtures/none", "--format", "csv"]).assert().code(5);
}
