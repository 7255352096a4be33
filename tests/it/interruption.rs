//! The program killed, interrupted, and run beside damaged files: nothing recorded is lost, and the numbers stay.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// Two trials of two epochs of three steps.
const SCENARIO: &str = r#"
name = "interrupted"
description = "as small as trainings get"
train_images = 48
test_images = 16

[matrix]
architectures = ["resnet18"]
datasets = ["fashion-mini"]
norms = ["bn", "nd"]
epochs = [2]
attempts = 1

[recipe]
batch_size = 16

[deconvolution]
block = 16
"#;

/// Longer than any of these runs takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// A scenario file and the stores beside it.
struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("interrupted.toml"), SCENARIO).unwrap();
        Self { dir }
    }

    fn store(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `ndbench run` with a checkpoint after every step. One thread: the other tests need theirs.
    fn command(&self, store: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ndbench"));
        command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("run").arg(self.dir.path().join("interrupted.toml"));
        command.arg("--store").arg(self.store(store)).args(["--threads", "1", "--checkpoint-every", "0"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, store: &str) -> Output {
        self.command(store).output().unwrap()
    }

    /// What a run that nobody disturbs records.
    fn undisturbed(&self) -> BTreeMap<String, Value> {
        let output = self.run("undisturbed");
        assert!(output.status.success(), "{}", said(&output));
        let records = records(&self.store("undisturbed"));
        assert_eq!(records.len(), 2);
        assert!(records.values().all(|r| r["outcome"]["kind"] == "finished" && r["time_valid"] == true));
        records
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The records of a store under their file names.
fn records(store: &Path) -> BTreeMap<String, Value> {
    let entries = fs::read_dir(store.join("records")).into_iter().flatten().map(|e| e.unwrap().path());
    let json = entries.filter(|p| p.extension().is_some_and(|e| e == "json"));
    json.map(|p| (name(&p), serde_json::from_slice(&fs::read(&p).unwrap()).unwrap())).collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// What a trial brought, epoch by epoch, without its times.
fn results(record: &Value) -> Vec<Value> {
    let untimed = |epoch: &Value| {
        let mut epoch = epoch.as_object().unwrap().clone();
        epoch.remove("seconds").expect("an epoch has its seconds");
        Value::Object(epoch)
    };
    record["epochs"].as_array().unwrap().iter().map(untimed).collect()
}

/// The results of every trial.
fn numbers(records: &BTreeMap<String, Value>) -> BTreeMap<&String, Vec<Value>> {
    records.iter().map(|(name, record)| (name, results(record))).collect()
}

/// When the checkpoints of a store were written.
fn checkpoints(store: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let entries = fs::read_dir(store.join("checkpoints")).into_iter().flatten().map(|e| e.unwrap().path());
    let written = entries.filter(|p| p.extension().is_some_and(|e| e == "ckpt"));
    // One may be deleted between the look at the folder and the look at it.
    written.filter_map(|p| Some((p.clone(), fs::metadata(&p).ok()?.modified().ok()?))).collect()
}

/// Waits until a checkpoint is there that was not in `before`, or the program ends; true in the first case.
fn wait_for_checkpoint(child: &mut Child, store: &Path, before: &BTreeMap<PathBuf, SystemTime>) -> bool {
    let begun = Instant::now();
    loop {
        if checkpoints(store).iter().any(|(path, time)| before.get(path) != Some(time)) {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(begun.elapsed() < PATIENCE, "neither a checkpoint nor an end");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn killed_after_every_checkpoint_the_matrix_ends_with_the_same_numbers() {
    let bench = Bench::new();
    let want = bench.undisturbed();
    let store = bench.store("killed");
    let mut finished: BTreeMap<String, Value> = BTreeMap::new();
    let mut kills = 0;
    loop {
        let before = checkpoints(&store);
        let mut child = bench.command("killed").spawn().unwrap();
        let killed = wait_for_checkpoint(&mut child, &store, &before);
        child.kill().unwrap(); // SIGKILL
        let output = child.wait_with_output().unwrap();
        for (name, record) in &finished {
            assert_eq!(records(&store).get(name), Some(record), "{name} was lost or done twice");
        }
        finished = records(&store);
        if !killed {
            assert!(output.status.success(), "{}", said(&output));
            break;
        }
        kills += 1;
        assert!(kills < 60, "no progress: {}", said(&output));
    }
    // Five checkpoints a trial: after every step, and the last step of an epoch shares its with the end of the epoch.
    assert!(kills >= 8, "killed only {kills} times");
    assert_eq!(numbers(&finished), numbers(&want));
    assert!(finished.values().all(|r| r["time_valid"] == false && r["outcome"]["kind"] == "finished"));
    assert_eq!(checkpoints(&store), BTreeMap::new(), "a finished trial needs no checkpoint");
}

#[test]
fn signals_end_with_a_checkpoint_a_record_and_an_exit_code() {
    let bench = Bench::new();
    let want = bench.undisturbed();
    for (signal, store) in [(libc::SIGINT, "sigint"), (libc::SIGTERM, "sigterm")] {
        let mut child = bench.command(store).spawn().unwrap();
        assert!(wait_for_checkpoint(&mut child, &bench.store(store), &BTreeMap::new()));
        // SAFETY: it only sends a signal, to a child that has not been waited for.
        assert_eq!(unsafe { libc::kill(child.id() as i32, signal) }, 0);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", said(&output));
        let interrupted = records(&bench.store(store));
        assert_eq!(interrupted.len(), 1, "{interrupted:?}");
        assert!(interrupted.values().all(|r| r["outcome"]["kind"] == "interrupted"), "{interrupted:?}");
        assert_eq!(checkpoints(&bench.store(store)).len(), 1);

        let output = bench.run(store);
        assert!(output.status.success(), "{}", said(&output));
        let records = records(&bench.store(store));
        assert_eq!(numbers(&records), numbers(&want));
        let valid = |norm: &str| records.values().find(|r| r["trial"]["norm"] == norm).unwrap()["time_valid"].clone();
        assert_eq!((valid("bn"), valid("nd")), (Value::Bool(false), Value::Bool(true)));
    }
}

#[test]
fn a_second_signal_ends_the_program_at_once() {
    let bench = Bench::new();
    // A step that takes far longer than it takes to send two signals.
    let slow =
        SCENARIO.replace("train_images = 48", "train_images = 3000").replace("batch_size = 16", "batch_size = 3000");
    fs::write(bench.dir.path().join("interrupted.toml"), slow).unwrap();
    let mut child = bench.command("twice").arg("--json").stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("\"event\":\"trial\"")), "no trial began");
    let begun = Instant::now();
    // One that follows too closely may be lost in the one before it; the step is long enough for several.
    let status = loop {
        // SAFETY: it only sends a signal, to a child that has not been waited for.
        assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGINT) }, 0);
        std::thread::sleep(Duration::from_millis(20));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < PATIENCE, "signals do not end it");
    };
    assert_eq!(status.code(), Some(130));
    let store = bench.store("twice");
    assert!(records(&store).is_empty() && checkpoints(&store).is_empty(), "it waited for the end of the step");
}

#[test]
fn damaged_and_foreign_files_are_named_and_skipped() {
    let bench = Bench::new();
    let want = bench.undisturbed();
    let folder = bench.store("undisturbed").join("records");
    let (bn, nd) = (want.keys().next().unwrap(), want.keys().nth(1).unwrap());
    let whole = fs::read(folder.join(bn)).unwrap();
    fs::write(folder.join(bn), &whole[..whole.len() / 2]).unwrap();
    fs::write(folder.join("shopping.json"), "{\"eggs\": 12}").unwrap();
    fs::write(folder.join("notes.txt"), "not ours").unwrap();

    let report = |store: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ndbench"));
        command.arg("report").arg(bench.dir.path().join("interrupted.toml")).arg("--store").arg(store);
        command.output().unwrap()
    };
    let output = report(&bench.store("undisturbed"));
    assert!(output.status.success(), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    for file in [bn.as_str(), "shopping.json", "notes.txt"] {
        assert!(text.contains(file), "{file} is not named in\n{text}");
    }
    assert!(!text.contains(nd.as_str()), "{nd} is a good record");

    let before = fs::read(folder.join(nd)).unwrap();
    let output = bench.run("undisturbed");
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(fs::read(folder.join(nd)).unwrap(), before, "the good record was touched");
    let again = &records(&bench.store("undisturbed"))[bn];
    assert_eq!(results(again), results(&want[bn]), "the damaged one is done again");
    assert_eq!(fs::read_to_string(folder.join("notes.txt")).unwrap(), "not ours");
    let aside = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path());
    let kept = aside.filter(|p| fs::read(p).unwrap() == whole[..whole.len() / 2]).count();
    assert_eq!(kept, 1, "the damaged file is kept under another name");
}
