//! `ndbench data prepare imagenet`, as a user calls it.

use assert_cmd::cargo::cargo_bin;
use predicates::prelude::*;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

fn copy(file: &str, to: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/imagenet").join(file);
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap();
}

/// Kaggle's layout: so many training pictures of one class, a grey and a CMYK one of another, and two for validation.
fn tree(pictures: usize) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("ILSVRC/Data/CLS-LOC");
    for number in 0..pictures {
        copy("large-420.jpg", &inner.join(format!("train/n02110185/n02110185_{number:05}.JPEG")));
    }
    copy("grey.jpg", &inner.join("train/n01440764/n01440764_it's grey.JPEG"));
    copy("cmyk.jpg", &inner.join("train/n01440764/n01440764_2.JPEG"));
    copy("colour-444.jpg", &inner.join("val/ILSVRC2012_val_00000001.JPEG"));
    copy("progressive.jpg", &inner.join("val/ILSVRC2012_val_00000002.JPEG"));
    let rows =
        ["ILSVRC2012_val_00000002,n01440764 0 0 9 9 ", "ILSVRC2012_val_00000001,n02110185 0 0 9 9 n02110185 1 1 2 2 "];
    fs::write(dir.path().join("LOC_val_solution.csv"), format!("ImageId,PredictionString\n{}\n", rows.join("\n")))
        .unwrap();
    dir
}

fn prepare(dir: &TempDir, more: &[&str]) -> Command {
    let mut command = Command::new(cargo_bin("ndbench"));
    command.args(["data", "prepare", "imagenet"]).arg(dir.path()).args(more);
    command
}

fn assert(command: Command) -> assert_cmd::assert::Assert {
    assert_cmd::Command::from_std(command).assert()
}

fn index(dir: &TempDir) -> String {
    fs::read_to_string(dir.path().join("ndbench-imagenet/index.tsv")).unwrap()
}

#[test]
fn a_sound_archive_is_counted_indexed_and_its_odd_pictures_are_named() {
    let dir = tree(3);
    let done = assert(prepare(&dir, &[])).code(0).stderr(predicate::str::contains("7 of 7 pictures"));
    let said = String::from_utf8(done.get_output().stdout.clone()).unwrap();
    for part in [
        "imagenet: ok (",
        "train: 5 pictures, 2 classes, 2 to 3 each",
        "val: 2 pictures, 2 classes, 1 each",
        "grey (one component, repeated): 1\n    ILSVRC/Data/CLS-LOC/train/n01440764/n01440764_it's grey.JPEG",
        "cmyk (four components, converted): 1",
        "the official set has 1281167 + 50000 of 1000",
    ] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    let index = index(&dir);
    assert_eq!(index.lines().count(), 1 + 7 + 1);
    let row = "val\tn01440764\trgb\t300\t260\t";
    assert!(index.contains(row), "no `{row}` in {index}");
    assert(prepare(&dir, &["--quiet"])).code(0).stderr("").stdout(predicate::str::contains("read now: 0 pictures"));
}

#[test]
fn json_has_every_count_and_packing_keeps_the_digest() {
    let dir = tree(2);
    let json = |more: &[&str]| -> Value {
        let done = assert(prepare(&dir, &[&["--json", "--quiet"], more].concat())).code(0);
        serde_json::from_slice(&done.get_output().stdout).unwrap()
    };
    let found = json(&[]);
    assert_eq!((&found["train"], &found["val"]), (&serde_json::json!([2, 2]), &serde_json::json!([1, 1])));
    assert_eq!(found["odd"][0][0], "grey");
    let out = dir.path().join("packed");
    let packed = json(&["--pack", "--out", out.to_str().unwrap()]);
    assert_eq!((&packed["digest"], &packed["storage"]), (&found["digest"], &Value::from("packed")));
    assert!(out.join("shard-00000.bin").is_file());
    let report: Value = serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap();
    assert_eq!(report, packed);
    let out = dir.path().join("small");
    let small = json(&["--pack-scaled", "256", "--out", out.to_str().unwrap()]);
    assert_eq!(small["storage"], serde_json::json!({"scaled": {"shorter_side": 256}}));
    assert_ne!(small["digest"], found["digest"]);
}

#[test]
fn a_cut_picture_is_exit_code_4_unless_it_may_be_left_out() {
    let dir = tree(2);
    let path = dir.path().join("ILSVRC/Data/CLS-LOC/train/n02110185/n02110185_00000.JPEG");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 3]).unwrap();
    assert(prepare(&dir, &[]))
        .code(4)
        .stdout(predicate::str::contains("imagenet: WRONG").and(predicate::str::contains("n02110185_00000.JPEG: ")))
        .stderr(predicate::str::contains("1 pictures cannot be decoded, and no index was written"));
    assert!(!dir.path().join("ndbench-imagenet/index.tsv").exists());
    assert(prepare(&dir, &["--max-bad", "1"])).code(0).stdout(predicate::str::contains("BAD, left out: 1"));
    assert!(!index(&dir).contains("n02110185_00000"));
}

#[test]
fn what_is_not_there_is_said_with_its_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    assert(prepare(&dir, &[])).code(4).stderr(predicate::str::contains("no folder `train` in it"));
    let mut command = Command::new(cargo_bin("ndbench"));
    command.args(["data", "prepare", "imagenet"]).arg(dir.path().join("absent"));
    assert(command).code(2);
    assert(prepare(&dir, &["--threads", "0"])).code(2);
    assert(prepare(&dir, &["--pack-scaled", "100"])).code(2);
}

/// Starts a preparation with one thread and waits for the first line of its progress, whose others nobody need read.
#[cfg(unix)]
fn begun(dir: &TempDir) -> (std::process::Child, BufReader<std::process::ChildStderr>) {
    let mut command = prepare(dir, &["--threads", "1"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    told.read_line(&mut line).unwrap();
    assert!(line.contains(" of 604 pictures"), "{line}");
    (child, told)
}

#[cfg(unix)]
#[test]
fn a_signal_and_a_kill_lose_little() {
    let dir = tree(600);
    // On busy cores it may be done before it hears of the signal.
    let ended = (0..10).find_map(|_| {
        let (mut child, _told) = begun(&dir);
        // Not SIGINT, which who was started in the background of a shell ignores.
        // SAFETY: the process is ours and not yet waited for.
        unsafe { libc::kill(child.id() as i32, libc::SIGTERM) };
        let code = child.wait().unwrap().code().filter(|code| *code != 0);
        if code.is_none() {
            fs::remove_dir_all(dir.path().join("ndbench-imagenet")).unwrap();
        }
        code
    });
    assert_eq!(ended, Some(130));
    let journal = dir.path().join("ndbench-imagenet/index.part.tsv");
    let noted = fs::read_to_string(&journal).unwrap().lines().count() - 1;
    assert!((1..604).contains(&noted), "{noted}");
    let (mut child, _told) = begun(&dir);
    child.kill().unwrap();
    child.wait().unwrap();
    let done = assert(prepare(&dir, &["--json", "--quiet"])).code(0);
    let found: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    let read = found["read"].as_u64().unwrap() as usize;
    assert!(read <= 604 - noted, "{read} of 604 read again, {noted} were noted");
    let resumed = index(&dir);
    fs::remove_dir_all(dir.path().join("ndbench-imagenet")).unwrap();
    assert(prepare(&dir, &["--quiet"])).code(0);
    assert_eq!(resumed, index(&dir));
}
