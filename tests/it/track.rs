//! `ndbench track` over the probes of `profiles/cpu/`, and over programs that only print probes.

use assert_cmd::Command;
use ndbench::record::ProbeRecord;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const STORE: &str = "profiles/cpu";

fn track(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("ndbench").unwrap();
    command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("track").args(arguments);
    command
}

fn stdout(arguments: &[&str]) -> String {
    String::from_utf8(track(arguments).assert().success().get_output().stdout.clone()).unwrap()
}

/// A history of the probes of `profiles/cpu/`.
fn history() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history").to_str().unwrap().to_owned();
    track(&["add", "--store", STORE, "--history", &path]).assert().success();
    (folder, path)
}

/// A program whose probe prints the first of the probes of `profiles/cpu/`, `times` as slow.
fn program(folder: &Path, name: &str, times: f64) -> PathBuf {
    let mut probes: Vec<PathBuf> =
        fs::read_dir(format!("{STORE}/probes")).unwrap().map(|e| e.unwrap().path()).collect();
    probes.sort();
    let mut probe = ProbeRecord::parse(&fs::read(&probes[0]).unwrap()).unwrap();
    probe.cell.arms.iter_mut().flat_map(|arm| &mut arm.turns).for_each(|turn| turn.host.0 *= times);
    let (printed, path) = (folder.join(format!("{name}.json")), folder.join(name));
    fs::write(&printed, format!("[{}]", probe.to_json().unwrap())).unwrap();
    fs::write(&path, format!("#!/bin/sh\ncat {}\n", printed.display())).unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_history_has_every_probe_once_in_every_form() {
    let (folder, path) = history();
    let again = track(&["add", "--store", STORE, "--history", &path]).assert().success();
    let said = String::from_utf8(again.get_output().stderr.clone()).unwrap();
    assert!(said.contains(" 0 probe(s) added"), "{said}");
    let all = stdout(&["history", "--history", &path]);
    let (table, rest) = all.split_once("\n\n").unwrap();
    assert!(table.contains("vgg16/cifar10/bn/b128-fp32") && rest.contains("not measured here"), "{all}");
    let one = stdout(&["history", "--history", &path, "--only", "architecture=vgg16,norm=bn"]);
    assert!(one.lines().count() < all.lines().count() && !one.contains("nd-fast"), "{one}");
    let value: serde_json::Value =
        serde_json::from_str(&stdout(&["history", "--history", &path, "--format", "json"])).unwrap();
    assert_eq!(value.as_array().unwrap().len() + 2, table.lines().count());
    assert!(stdout(&["history", "--history", &path, "--format", "svg"]).starts_with("<svg"));
    assert!(stdout(&["history", "--history", &path, "--format", "html"]).contains("</svg>"));
    assert!(stdout(&["history", "--history", &path, "--format", "openmetrics"]).ends_with("# EOF\n"));
    let environment = value[0]["environment"].as_str().unwrap();
    let bencher = stdout(&["history", "--history", &path, "--format", "bencher", "--environment", environment]);
    assert!(bencher.contains("\"step-seconds\""), "{bencher}");
    let otava = folder.path().join("otava");
    stdout(&["history", "--history", &path, "--format", "otava", "--out", otava.to_str().unwrap()]);
    assert!(fs::read_to_string(otava.join("otava.yaml")).unwrap().contains("step_seconds"));
}

#[test]
fn a_gate_passes_what_is_as_fast_and_fails_what_is_slower() {
    let (folder, path) = history();
    let [same, slower] = [("same", 1.0), ("slower", 1.1)].map(|(name, times)| program(folder.path(), name, times));
    let (same, slower) = (same.to_str().unwrap(), slower.to_str().unwrap());
    let gate = |program: &str, more: &[&str]| {
        let arguments = ["gate", "--baseline", same, "--program", program];
        track(&[&arguments[..], more, &["--", "smoke"]].concat()).assert()
    };
    let passed = gate(same, &[]).code(0);
    let text = String::from_utf8(passed.get_output().stdout.clone()).unwrap();
    assert!(text.contains("PASS at a tolerance of 3.0 %") && text.contains("not measured here"), "{text}");
    gate(slower, &["--tolerance", "20"]).code(0);
    let failed = gate(slower, &["--json"]).code(8);
    let value: serde_json::Value = serde_json::from_slice(&failed.get_output().stdout).unwrap();
    assert_eq!(value["verdict"], "FAIL");
    assert!((value["comparisons"][0]["change"].as_f64().unwrap() - 0.1).abs() < 1e-9, "{value}");
    // What is known of this machine stands beside the next alarm.
    let aa = ["aa", "--times", "3", "--rounds", "2", "--history", &path, "--program", same, "--", "smoke"];
    track(&aa).assert().success();
    let known = |more: &[&str]| {
        let failed = gate(slower, &[&["--history", &path], more].concat()).code(8);
        String::from_utf8(failed.get_output().stdout.clone()).unwrap()
    };
    let text = known(&["--rounds", "2"]);
    assert!(text.contains("the gate failed 0 of 3 times"), "{text}");
    assert!(known(&[]).contains("not measured here"), "those were comparisons of other rounds");
    assert!(stdout(&["history", "--history", &path]).contains("the gate failed 0 of 3 times"));
}

#[test]
fn what_is_neither_program_nor_revision_is_no_baseline_nor_is_a_program_that_fails() {
    let refused = track(&["gate", "--baseline", "no-such-revision", "--", "smoke"]).assert().code(3);
    let said = String::from_utf8(refused.get_output().stderr.clone()).unwrap();
    assert!(said.contains("no-such-revision is neither a program nor a git revision"), "{said}");
    track(&["gate", "--baseline", "/bin/false", "--program", "/bin/false", "--", "smoke"]).assert().code(6);
    track(&["history", "--history", "no/such/folder"]).assert().code(5);
}

#[test]
fn rules_are_measured_in_one_run_and_the_same_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made.json");
    let arguments = ["quality", "--count", "20", "--made", made.to_str().unwrap()];
    let text = stdout(&arguments);
    assert_eq!(text, stdout(&arguments));
    assert!(text.contains("| 200 % of the run before") && text.contains("median of three"), "{text}");
    let noises = serde_json::from_slice::<serde_json::Value>(&fs::read(&made).unwrap()).unwrap();
    assert_eq!(noises["noises"][0]["histories"].as_array().unwrap().len(), 40);
    let others = folder.path().join("others.json");
    fs::write(&others, "[{\"rule\": \"x\", \"scores\": []}]").unwrap();
    track(&["quality", "--count", "20", "--others", others.to_str().unwrap()]).assert().code(3);
}
