//! `ndbench audit` as a program: what it prints, and its exit codes.

use assert_cmd::Command;
use predicates::str::contains;

fn audit(args: &[&str]) -> assert_cmd::assert::Assert {
    Command::new(env!("CARGO_BIN_EXE_ndbench")).arg("audit").args(args).assert()
}

#[test]
fn findings_are_the_result_and_no_failure() {
    audit(&[]).success().stdout(contains("Column ND 20 holds the means of BN 100"));
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/published");
    let done = audit(&["--json", "--published", folder]).success();
    let value: serde_json::Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    assert_eq!(value["schema"], "ndbench.audit/1");
    assert_eq!(value["findings"].as_array().map(Vec::len), Some(25));
}

#[test]
fn a_folder_that_cannot_be_read_is_an_input_that_breaks_a_rule() {
    audit(&["--published", "/nowhere"]).code(3).stderr(contains("/nowhere/table1_original.csv"));
}
