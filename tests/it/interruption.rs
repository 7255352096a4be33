//! The program killed, interrupted, and run beside damaged files: nothing recorded is lost, and the numbers stay.

use super::bench::{Bench, files, json, said, scenario, untimed};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// Longer than any of these runs takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// Two trials of two epochs of three steps.
fn bench() -> Bench {
    Bench::new(&scenario(48, 2))
}

/// `ndbench run` with a checkpoint after every step.
fn command(bench: &Bench, store: &str) -> Command {
    bench.command("run", store, &["--checkpoint-every", "0"])
}

/// Runs the matrix to its end.
fn run(bench: &Bench, store: &str) {
    let output = command(bench, store).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

/// What a run that nobody disturbs records.
fn undisturbed(bench: &Bench) -> BTreeMap<String, Value> {
    run(bench, "undisturbed");
    let records = records(&bench.path("undisturbed"));
    assert_eq!(records.len(), 2);
    assert!(records.values().all(|r| r["outcome"]["kind"] == "finished" && r["time_valid"] == true));
    records
}

/// The records of a store under their file names.
fn records(store: &Path) -> BTreeMap<String, Value> {
    let json_files = files(&store.join("records")).into_iter().filter(|p| p.extension().is_some_and(|e| e == "json"));
    json_files.map(|path| (name(&path), json(&path))).collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// The results of every trial.
fn numbers(records: &BTreeMap<String, Value>) -> BTreeMap<&String, Vec<Value>> {
    records.iter().map(|(name, record)| (name, untimed(record))).collect()
}

/// When the checkpoints of a store were written.
pub fn checkpoints(store: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let written = files(&store.join("checkpoints")).into_iter().filter(|p| p.extension().is_some_and(|e| e == "ckpt"));
    // One may be deleted between the look at the folder and the look at it.
    written.filter_map(|p| Some((p.clone(), fs::metadata(&p).ok()?.modified().ok()?))).collect()
}

/// What `ndbench status` tells of a store.
fn told(bench: &Bench, store: &str) -> String {
    let output = bench.command("status", store, &[]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Waits until a checkpoint is there that was not in `before`, or the program ends; true in the first case.
pub fn wait_for_checkpoint(child: &mut Child, store: &Path, before: &BTreeMap<PathBuf, SystemTime>) -> bool {
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
    let bench = bench();
    let want = undisturbed(&bench);
    let store = bench.path("killed");
    let mut finished: BTreeMap<String, Value> = BTreeMap::new();
    let mut kills = 0;
    loop {
        let before = checkpoints(&store);
        let mut child = command(&bench, "killed").spawn().unwrap();
        let killed = wait_for_checkpoint(&mut child, &store, &before);
        let process = format!("process {} on ", child.id());
        child.kill().unwrap(); // SIGKILL
        let output = child.wait_with_output().unwrap();
        if kills == 0 {
            assert!(killed && told(&bench, "killed").contains(&process));
            assert!(told(&bench, "killed").contains(" died after 0 of 2 epochs and "), "{}", told(&bench, "killed"));
        }
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
    let bench = bench();
    let want = undisturbed(&bench);
    for (signal, store) in [(libc::SIGINT, "sigint"), (libc::SIGTERM, "sigterm"), (libc::SIGHUP, "sighup")] {
        let mut child = command(&bench, store).spawn().unwrap();
        assert!(wait_for_checkpoint(&mut child, &bench.path(store), &BTreeMap::new()));
        for _ in 0..3 {
            // SAFETY: it only sends a signal, to a child that has not been waited for. Launchers send it several times.
            assert_eq!(unsafe { libc::kill(child.id() as i32, signal) }, 0);
            std::thread::sleep(Duration::from_millis(5));
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", said(&output));
        let interrupted = records(&bench.path(store));
        assert_eq!(interrupted.len(), 1, "{interrupted:?}");
        assert!(interrupted.values().all(|r| r["outcome"]["kind"] == "interrupted"), "{interrupted:?}");
        assert_eq!(checkpoints(&bench.path(store)).len(), 1);

        run(&bench, store);
        let records = records(&bench.path(store));
        assert_eq!(numbers(&records), numbers(&want));
        let valid = |norm: &str| records.values().find(|r| r["trial"]["norm"] == norm).unwrap()["time_valid"].clone();
        assert_eq!((valid("bn"), valid("nd")), (Value::Bool(false), Value::Bool(true)));
    }
}

#[test]
fn the_times_of_a_trial_do_not_count_if_the_process_was_stopped_meanwhile() {
    let bench = bench();
    let want = undisturbed(&bench);
    let store = bench.path("stopped");
    let mut child = command(&bench, "stopped").spawn().unwrap();
    assert!(wait_for_checkpoint(&mut child, &store, &BTreeMap::new()));
    for signal in [libc::SIGSTOP, libc::SIGCONT] {
        // SAFETY: it only sends a signal, to a child that has not been waited for.
        assert_eq!(unsafe { libc::kill(child.id() as i32, signal) }, 0);
        std::thread::sleep(Duration::from_millis(300));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && said(&output).contains("was stopped"), "{}", said(&output));
    let records = records(&store);
    assert_eq!(numbers(&records), numbers(&want));
    let of = |norm: &str| records.values().find(|r| r["trial"]["norm"] == norm).unwrap();
    assert_eq!((&of("bn")["time_valid"], &of("nd")["time_valid"]), (&Value::Bool(false), &Value::Bool(true)));
    assert!(of("bn")["remarks"].to_string().contains("was stopped"));
}

#[test]
fn a_second_signal_ends_the_program_at_once() {
    // A step that takes far longer than it takes to send two signals.
    let bench = Bench::new(&scenario(3000, 2).replace("batch_size = 16", "batch_size = 3000"));
    let mut child = command(&bench, "twice").arg("--json").stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("\"event\":\"trial\"")), "no trial began");
    let begun = Instant::now();
    // What follows within a second is taken for the same wish; the step is long enough for more.
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
    let store = bench.path("twice");
    assert!(records(&store).is_empty() && checkpoints(&store).is_empty(), "it waited for the end of the step");
    let told = told(&bench, "twice");
    assert!(!told.contains("died") && told.contains("2 left to train"), "it was told to end: {told}");
}

#[test]
fn a_lock_that_others_only_look_at_is_waited_for_and_then_the_trial_is_left_for_later() {
    let bench = bench();
    run(&bench, "looked-at");
    let store = bench.path("looked-at");
    let mut done = files(&store.join("records"));
    fs::remove_file(done.remove(0)).unwrap();
    let locks: Vec<fs::File> = files(&store.join("locks")).iter().map(|path| fs::File::open(path).unwrap()).collect();
    locks.iter().for_each(|lock| lock.lock_shared().unwrap());
    let output = command(&bench, "looked-at").output().unwrap();
    assert_eq!(output.status.code(), Some(75), "{}", said(&output));
    assert!(said(&output).contains("is left out: trial ") && said(&output).contains("to see who trains it"));
    let mut child = command(&bench, "looked-at").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    drop(locks);
    assert!(child.wait().unwrap().success());
    assert_eq!(records(&store).len(), 2);
}

#[test]
fn damaged_and_foreign_files_are_named_and_skipped() {
    let bench = bench();
    let want = undisturbed(&bench);
    let folder = bench.path("undisturbed").join("records");
    let (bn, nd) = (want.keys().next().unwrap(), want.keys().nth(1).unwrap());
    let whole = fs::read(folder.join(bn)).unwrap();
    fs::write(folder.join(bn), &whole[..whole.len() / 2]).unwrap();
    fs::write(folder.join("shopping.json"), "{\"eggs\": 12}").unwrap();
    fs::write(folder.join("notes.txt"), "not ours").unwrap();

    let output = bench.command("report", "undisturbed", &[]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    for file in [bn.as_str(), "shopping.json", "notes.txt"] {
        assert!(text.contains(file), "{file} is not named in\n{text}");
    }
    assert!(!text.contains(nd.as_str()), "{nd} is a good record");

    let before = fs::read(folder.join(nd)).unwrap();
    run(&bench, "undisturbed");
    assert_eq!(fs::read(folder.join(nd)).unwrap(), before, "the good record was touched");
    let again = &records(&bench.path("undisturbed"))[bn];
    assert_eq!(untimed(again), untimed(&want[bn]), "the damaged one is done again");
    assert_eq!(fs::read_to_string(folder.join("notes.txt")).unwrap(), "not ours");
    let aside = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path());
    let kept = aside.filter(|p| fs::read(p).unwrap() == whole[..whole.len() / 2]).count();
    assert_eq!(kept, 1, "the damaged file is kept under another name");
}
