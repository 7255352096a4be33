//! Telemetry of trainings: what records gain, and that results do not depend on it.

use super::bench::{Bench, files, json, records, said, scenario, untimed};
use super::driver::Driver;
use flate2::read::MultiGzDecoder;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Two trials of two epochs of three steps.
fn bench() -> Bench {
    Bench::new(&scenario(48, 2))
}

/// Runs the matrix to its end: the records.
fn run(bench: &Bench, store: &str, arguments: &[&str]) -> Vec<Value> {
    let output = bench.command("run", store, arguments).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    records(&bench.path(store))
}

/// The lines of a trial's series.
fn series(store: &Path, record: &Value) -> Vec<String> {
    let file = store.join("telemetry").join(record["telemetry"]["series"]["file"].as_str().unwrap());
    let mut text = String::new();
    MultiGzDecoder::new(fs::File::open(file).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(String::from).collect()
}

#[test]
fn results_do_not_depend_on_telemetry_and_records_tell_how_much_there_was() {
    let bench = bench();
    let off = run(&bench, "off", &["--telemetry", "off"]);
    let minimal = run(&bench, "minimal", &["--telemetry", "minimal"]);
    let full = run(&bench, "full", &[]);
    for ((off, minimal), full) in off.iter().zip(&minimal).zip(&full) {
        assert_eq!((untimed(minimal), untimed(full)), (untimed(off), untimed(off)));
        assert!(off.get("telemetry").is_none());
        assert_eq!((&minimal["telemetry"]["level"], &full["telemetry"]["level"]), (&"minimal".into(), &"full".into()));
        assert!(minimal["telemetry"]["series"].is_null(), "only at full rate");
        let telemetry = &full["telemetry"];
        assert_eq!((&telemetry["images"], &telemetry["executions"]), (&96.into(), &1.into()));
        assert!(telemetry["host"]["cpu"].as_f64().unwrap() > 0.0, "{telemetry:#}");
        assert!(telemetry["host"]["resident"]["peak"].as_u64().unwrap() > 1 << 20);
        assert_eq!(telemetry["gpus"], Value::Array(Vec::new()));
        let lines = series(&bench.path("full"), full);
        assert_eq!(lines.len() as u64 - 1, telemetry["series"]["rows"].as_u64().unwrap());
        assert!(lines.len() > 2 && lines[0].starts_with("unix_seconds,execution,gpu_uuid,memory_used_bytes,"));
    }
    assert!(!bench.path("off").join("telemetry").exists() && !bench.path("minimal").join("telemetry").exists());
    // What is done is not done again, and its series stays.
    assert_eq!(run(&bench, "full", &[]), full);
    assert_eq!(fs::read_dir(bench.path("full").join("telemetry")).unwrap().count(), 2);
}

#[test]
fn a_device_is_recorded_and_a_stand_in_for_it_is_called_so() {
    let bench = bench();
    let driver = Driver::new("energy ramp 0 500000\nprocess self 1000000\nprocess 1 5\n");
    let library = driver.library();
    let records = run(&bench, "stub", &["--nvml-lib", library.to_str().unwrap()]);
    for record in &records {
        let gpu = &record["telemetry"]["gpus"][0];
        assert_eq!((&gpu["device"]["stub"], &gpu["device"]["name"]), (&true.into(), &"stub NVIDIA H200".into()));
        assert_eq!((&gpu["energy"]["source"], &gpu["lost"]), (&"counter".into(), &0.into()), "{gpu:#}");
        let (joules, each) = (&gpu["energy"]["joules"], &gpu["energy"]["joules_per_image"]);
        // What was not watched of the trial, a tenth at most, counts as the rest.
        let share = joules.as_f64().unwrap() / 96.0 / each.as_f64().unwrap();
        assert!((0.9..1.0 + 1e-9).contains(&share), "{gpu:#}");
        assert_eq!(gpu["memory"]["device"]["peak"], 32_362u64 << 20);
        // Slow to ask for, so that a short trial has it from its end.
        assert_eq!((&gpu["memory"]["process"]["peak"], &gpu["foreign_processes"]), (&1_000_000.into(), &1.into()));
        assert_eq!(record["time_valid"], true);
        assert!(series(&bench.path("stub"), record)[1..].iter().any(|line| line.contains("GPU-00000000-stub")));
    }
}

#[test]
fn no_driver_is_a_remark_and_a_driver_that_hangs_holds_nobody_up() {
    let bench = bench();
    let records = run(&bench, "none", &["--nvml-lib", "/nowhere/libnvidia-ml.so"]);
    let remarks = records[0]["remarks"].to_string();
    assert!(remarks.contains("no telemetry of the device: no NVIDIA driver"), "{remarks}");
    assert!(records.iter().all(|record| record["outcome"]["kind"] == "finished"));
    let driver = Driver::new("fault nvmlDeviceGetMemoryInfo_v2 0 delay 3600000\n");
    let records = run(&bench, "hanging", &["--nvml-lib", driver.library().to_str().unwrap()]);
    assert!(records.iter().all(|record| record["outcome"]["kind"] == "finished"), "the hour was not waited for");
}

#[test]
fn a_device_that_is_lost_ends_no_training_and_its_times_do_not_count() {
    let bench = bench();
    let driver = Driver::new("energy ramp 0 500000\n");
    let mut command = bench.command("run", "lost", &["--json", "--only", "norm=bn"]);
    let mut child = command.arg("--nvml-lib").arg(driver.library()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("\"event\":\"epoch\"")), "no epoch ended");
    driver.script("fault nvmlDeviceGetMemoryInfo_v2 15\n");
    lines.for_each(drop);
    assert!(child.wait().unwrap().success());
    let record = records(&bench.path("lost")).remove(0);
    assert_eq!((&record["outcome"]["kind"], &record["time_valid"]), (&"finished".into(), &true.into()));
    assert_eq!(record["telemetry"]["gpus"][0]["lost"], 1, "{:#}", record["telemetry"]);
    assert!(record["remarks"].to_string().contains("the device was lost"), "{:#}", record["remarks"]);
    // A trial that begins while the device is gone has no sound times either.
    let later = Driver::new("energy ramp 0 500000\nfault nvmlDeviceGetMemoryInfo_v2 16 after 3\n");
    let records = run(&bench, "gone", &["--nvml-lib", later.library().to_str().unwrap()]);
    assert_eq!(records.iter().filter(|record| record["telemetry"]["gpus"][0]["lost"] == 1).count(), 2, "{records:#?}");
    let report = bench.command("report", "lost", &["--only", "norm=bn"]).output().unwrap();
    let report = String::from_utf8(report.stdout).unwrap();
    assert!(report.contains("lost its device, times: 1"), "{report}");
    let mut export = Command::new(env!("CARGO_BIN_EXE_ndbench"));
    let exported = export.args(["export", "--format", "csv", "--store"]).arg(bench.path("lost")).output().unwrap();
    let table = String::from_utf8(exported.stdout).unwrap();
    let cell = |column: &str| {
        let place = table.lines().next().unwrap().split(',').position(|name| name == column).unwrap();
        table.lines().nth(1).unwrap().split(',').nth(place).unwrap().to_owned()
    };
    assert_eq!(["outcome", "time_valid", "paper_seconds"].map(cell), ["finished", "false", ""]);
}

#[test]
fn what_watching_costs_is_remembered_for_the_records_of_other_stores() {
    let bench = bench();
    let cache = tempfile::tempdir().unwrap();
    let arguments = ["--only", "norm=bn", "--rounds", "1", "--budget", "1", "--telemetry-ab", "-q"];
    let mut probe = bench.command("probe", "one", &arguments);
    assert!(probe.env("XDG_CACHE_HOME", cache.path()).status().unwrap().success());
    let mut train = bench.command("run", "other", &["--only", "norm=bn"]);
    assert!(train.env("XDG_CACHE_HOME", cache.path()).status().unwrap().success());
    let step = records(&bench.path("other")).remove(0)["telemetry_overhead"]["step"].clone();
    let name = files(&bench.path("one").join("probes")).remove(0);
    assert_eq!(step["probe"], name.file_stem().unwrap().to_str().unwrap(), "{step}");
}

#[test]
fn an_interrupted_probe_leaves_no_readings_without_a_record() {
    let bench = bench();
    let mut command = bench.command("probe", "store", &["--only", "norm=bn", "--rounds", "1000", "--budget", "1000"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("round 1 of")), "no turn ended");
    let telemetry = bench.path("store").join("telemetry");
    assert!(fs::read_dir(&telemetry).unwrap().count() > 0);
    // SAFETY: it only sends a signal, to a child that has not been waited for.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGINT) }, 0);
    lines.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(fs::read_dir(&telemetry).unwrap().count(), 0);
}

/// The store of a training that was watched, and interrupted after its first epoch.
fn interrupted(bench: &Bench, store: &str) -> PathBuf {
    interrupt_after_an_epoch(bench.command("run", store, &["--json", "--checkpoint-every", "0"]));
    bench.path(store)
}

fn interrupt_after_an_epoch(mut training: Command) {
    let mut child = training.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("\"event\":\"epoch\"")), "no epoch ended");
    // SAFETY: it only sends a signal, to a child that has not been waited for.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGINT) }, 0);
    lines.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_resumed_trial_has_the_telemetry_of_all_its_executions() {
    let bench = bench();
    let store = interrupted(&bench, "resumed");
    let interrupted = records(&store).remove(0);
    assert_eq!(
        (&interrupted["outcome"]["kind"], &interrupted["telemetry"]["executions"]),
        (&"interrupted".into(), &1.into())
    );
    let before = series(&store, &interrupted);
    assert!(before.len() > 1, "an interrupt loses no readings");
    let orphans = [".tmp-x.csv.gz-abc123"].map(|name| store.join("telemetry").join(name));
    fs::write(&orphans[0], "of another trial").unwrap();

    let finished = run(&bench, "resumed", &[]).remove(0);
    let telemetry = &finished["telemetry"];
    assert_eq!((&telemetry["executions"], &telemetry["images"]), (&2.into(), &96.into()), "{telemetry:#}");
    assert_eq!(telemetry["series"]["executions"], 2);
    let after = series(&store, &finished);
    assert_eq!(after[..before.len()], before);
    assert_eq!(after[before.len()].split(',').nth(1), Some("2"));
    assert!(orphans[0].exists(), "what another trial left is its own");
}

#[test]
fn of_a_trial_that_was_watched_in_part_that_part_is_kept_and_the_rest_is_said_to_be_missing() {
    let bench = bench();
    let store = interrupted(&bench, "partly");
    let before = records(&store).remove(0);
    let finished = run(&bench, "partly", &["--telemetry", "off"]).remove(0);
    assert_eq!(finished["outcome"]["kind"], "finished");
    let remarks = finished["remarks"].to_string();
    assert!(remarks.contains("a part of the training ran with --telemetry off"), "{remarks}");
    let (telemetry, earlier) = (&finished["telemetry"], &before["telemetry"]);
    assert!(telemetry["images"].as_u64().unwrap() < 96 && telemetry["images"] == earlier["images"], "{telemetry:#}");
    assert_eq!((&telemetry["executions"], &telemetry["level"]), (&1.into(), &"full".into()));
    let watched = |of: &serde_json::Value| [of["seconds"].clone(), of["samples"].clone()];
    assert!(watched(telemetry) == watched(earlier) && telemetry["seconds"].is_f64(), "to its last reading");
    assert_eq!(series(&store, &finished), series(&store, &before));
    // One that nobody watched at first.
    let arguments = ["--json", "--checkpoint-every", "0", "--telemetry", "off"];
    interrupt_after_an_epoch(bench.command("run", "later", &arguments));
    let finished = run(&bench, "later", &[]).remove(0);
    assert!(finished["remarks"].to_string().contains("a part of the training ran with --telemetry off"));
    assert!(finished["telemetry"]["images"].as_u64().unwrap() < 96, "{:#}", finished["telemetry"]);
}

#[test]
fn a_probe_by_turns_says_what_watching_costs_and_trainings_take_it_over() {
    let bench = bench();
    let driver = Driver::new("energy ramp 0 500000\n");
    let library = driver.library();
    let arguments = ["--only", "norm=bn", "--rounds", "2", "--budget", "1", "--telemetry-ab"];
    let mut command = bench.command("probe", "store", &arguments);
    let probe = command.arg("--nvml-lib").arg(&library).output().unwrap();
    assert!(probe.status.success(), "{}", said(&probe));
    let table = String::from_utf8(probe.stdout).unwrap();
    for part in ["| ResNet-18 BN, Fashion-MNIST subset | off ", "| minimal ", "| full "] {
        assert!(table.contains(part), "no `{part}` in {table}");
    }
    let probes = files(&bench.path("store").join("probes"));
    let record = json(&probes[0]);
    let arms = &record["arms"];
    assert_eq!((probes.len(), arms.as_array().unwrap().len()), (1, 3));
    assert!(arms[0].get("telemetry").is_none() && arms[0].get("telemetry_overhead").is_none());
    for (arm, level) in [(&arms[1], "minimal"), (&arms[2], "full")] {
        let (telemetry, overhead) = (&arm["telemetry"], &arm["telemetry_overhead"]);
        assert_eq!((&telemetry["level"], &overhead["level"]), (&level.into(), &level.into()));
        assert_eq!((&telemetry["executions"], &overhead["step"]["rounds"]), (&2.into(), &2.into()), "{overhead:#}");
        assert_eq!(telemetry["gpus"][0]["device"]["stub"], true);
        assert!(overhead["step"]["relative"].is_number() && overhead["step"]["of"] == "resnet18 bn", "{overhead:#}");
        let steps = |turn: &Value| turn["host"].as_f64().unwrap();
        let counted: f64 = arm["turns"].as_array().unwrap().iter().map(steps).sum();
        assert!(telemetry["seconds"].as_f64().unwrap() > 0.8 * counted, "no turn is lost: {telemetry:#}");
        assert!(arm["turns"][0]["parts"]["backward"]["convolution"].as_f64().unwrap() > 0.0, "{arm:#}");
    }
    let lines = series(&bench.path("store"), &arms[2]);
    assert!(lines[1..].iter().any(|line| line.split(',').nth(1) == Some("2")), "the second turn is in it");

    let trained = run(&bench, "store", &["--only", "norm=bn", "--nvml-lib", library.to_str().unwrap()]);
    let overhead = &trained[0]["telemetry_overhead"];
    assert_eq!((&overhead["level"], &overhead["step"]), (&"full".into(), &arms[2]["telemetry_overhead"]["step"]));
    let shown = bench.command("report", "store", &[]).args(["--probes", "--json"]).output().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&shown.stdout).unwrap()[0], record, "{}", said(&shown));
}
