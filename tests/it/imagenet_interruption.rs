//! A training on pictures that are read as it goes: killed and interrupted within an epoch, and with pictures that go bad.

use super::bench::{Bench, records, said, untimed};
use super::interruption::{checkpoints, wait_for_checkpoint};
use super::smoke_imagenet::prepared;
use serde_json::Value;
use std::fs;
use std::process::Command;

/// The smallest of the networks for an epoch of four steps, with a checkpoint after each.
fn command(bench: &Bench, store: &str) -> Command {
    let data = bench.path("data").display().to_string();
    let arguments = ["--data", &data, "--checkpoint-every", "0"];
    bench.command(
        "run",
        store,
        &[&arguments[..], &["--only", "architecture=resnet18-imagenet", "--only", "norm=bn"]].concat(),
    )
}

fn bench() -> Bench {
    let smoke = include_str!("../../scenarios/smoke-imagenet.toml");
    let bench = Bench::new(&smoke.replace("\nbatch_size = 4", "\nbatch_size = 2"));
    prepared(&bench);
    bench
}

/// The only record of a store.
fn record(bench: &Bench, store: &str) -> Value {
    let mut records = records(&bench.path(store));
    assert_eq!(records.len(), 1);
    records.remove(0)
}

#[test]
fn killed_and_interrupted_within_an_epoch_it_ends_with_the_same_numbers() {
    let bench = bench();
    let output = command(&bench, "undisturbed").output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let store = bench.path("disturbed");
    for signal in [libc::SIGKILL, libc::SIGTERM] {
        let before = checkpoints(&store);
        let mut child = command(&bench, "disturbed").spawn().unwrap();
        assert!(wait_for_checkpoint(&mut child, &store, &before));
        // SAFETY: it only sends a signal, to a child that has not been waited for.
        assert_eq!(unsafe { libc::kill(child.id() as i32, signal) }, 0);
        let output = child.wait_with_output().unwrap();
        let code = if signal == libc::SIGKILL { None } else { Some(130) };
        assert_eq!(output.status.code(), code, "{}", said(&output));
    }
    let interrupted = record(&bench, "disturbed")["outcome"].clone();
    assert_eq!((&interrupted["kind"], &interrupted["epochs"]), (&"interrupted".into(), &0.into()));
    assert!(interrupted["steps"].as_u64().is_some_and(|steps| (2..4).contains(&steps)), "{interrupted}");

    let output = command(&bench, "disturbed").output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let (whole, resumed) = (record(&bench, "undisturbed"), record(&bench, "disturbed"));
    assert_eq!(untimed(&resumed), untimed(&whole));
    assert_eq!((&whole["time_valid"], &resumed["time_valid"]), (&Value::Bool(true), &Value::Bool(false)));
}

#[test]
fn pictures_that_go_bad_are_counted_and_listed_and_too_many_end_the_training() {
    let bench = bench();
    let index = fs::read_to_string(bench.path("data/ndbench-imagenet/index.tsv")).unwrap();
    // One may be bad of so few.
    let mut train =
        index.lines().filter(|line| line.starts_with("train\t")).filter_map(|line| line.rsplit('\t').next());
    let (first, second) = (train.next().unwrap(), train.next().unwrap());
    let path = bench.path("data").join(first);
    let whole = fs::read(&path).unwrap();
    // As long as before, so that only the decoder can tell.
    fs::write(&path, [&whole[..100], &vec![0; whole.len() - 100]].concat()).unwrap();
    let output = command(&bench, "one").output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains(&format!("warning: left out: {first}: ")), "{}", said(&output));
    let found = record(&bench, "one");
    assert_eq!((&found["left_out"]["count"], &found["epochs"][0]["images"]), (&1.into(), &7.into()));
    assert!(found["left_out"]["pictures"][first].is_string(), "{}", found["left_out"]);
    let report = bench.command("report", "one", &["--format", "markdown"]).output().unwrap();
    let report = String::from_utf8(report.stdout).unwrap();
    assert!(report.contains(&format!("1 picture left out of training and scores: {first}: ")), "{report}");

    fs::remove_file(bench.path("data").join(second)).unwrap();
    let output = command(&bench, "two").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let found = record(&bench, "two");
    assert_eq!((&found["outcome"]["kind"], &found["left_out"]["count"]), (&"failed".into(), &2.into()));
    let message = found["outcome"]["message"].as_str().unwrap();
    assert!([first, second].iter().all(|path| message.contains(path)), "{message}");
}
