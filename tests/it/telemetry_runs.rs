//! Telemetry of trainings: what records gain, and that results do not depend on it.

use super::telemetry::Driver;
use flate2::read::MultiGzDecoder;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Two trials of two epochs of three steps.
const SCENARIO: &str = r#"
name = "watched"
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

struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("watched.toml"), SCENARIO).unwrap();
        Self { dir }
    }

    fn store(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, store: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ndbench"));
        command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("run").arg(self.dir.path().join("watched.toml"));
        command.arg("--store").arg(self.store(store)).args(["--threads", "1"]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).env_remove("NDBENCH_NVML_LIB");
        command
    }

    fn run(&self, store: &str, arguments: &[&str]) -> Vec<Value> {
        let output = self.command(store, arguments).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        records(&self.store(store))
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The records of a store in the order of their names.
fn records(store: &Path) -> Vec<Value> {
    let mut paths: Vec<_> = fs::read_dir(store.join("records")).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap()).collect()
}

/// What a trial brought, without its times.
fn results(record: &Value) -> Vec<Value> {
    let untimed = |epoch: &Value| {
        let mut epoch = epoch.as_object().unwrap().clone();
        epoch.remove("seconds").unwrap();
        Value::Object(epoch)
    };
    record["epochs"].as_array().unwrap().iter().map(untimed).collect()
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
    let bench = Bench::new();
    let off = bench.run("off", &["--telemetry", "off"]);
    let minimal = bench.run("minimal", &["--telemetry", "minimal"]);
    let full = bench.run("full", &[]);
    for ((off, minimal), full) in off.iter().zip(&minimal).zip(&full) {
        assert_eq!((results(minimal), results(full)), (results(off), results(off)));
        assert!(off.get("telemetry").is_none());
        assert_eq!((&minimal["telemetry"]["level"], &full["telemetry"]["level"]), (&"minimal".into(), &"full".into()));
        assert!(minimal["telemetry"]["series"].is_null(), "only at full rate");
        let telemetry = &full["telemetry"];
        assert_eq!((&telemetry["images"], &telemetry["executions"]), (&96.into(), &1.into()));
        assert!(telemetry["host"]["cpu"].as_f64().unwrap() > 0.0, "{telemetry:#}");
        assert!(telemetry["host"]["resident"]["peak"].as_u64().unwrap() > 1 << 20);
        assert_eq!(telemetry["gpus"], Value::Array(Vec::new()));
        let lines = series(&bench.store("full"), full);
        assert_eq!(lines.len() as u64 - 1, telemetry["series"]["rows"].as_u64().unwrap());
        assert!(lines.len() > 2 && lines[0].starts_with("unix_seconds,execution,gpu_uuid,memory_used_bytes,"));
    }
    assert!(!bench.store("off").join("telemetry").exists() && !bench.store("minimal").join("telemetry").exists());
    // What is done is not done again, and its series stays.
    assert_eq!(bench.run("full", &[]), full);
    assert_eq!(fs::read_dir(bench.store("full").join("telemetry")).unwrap().count(), 2);
}

#[test]
fn a_device_is_recorded_and_a_stand_in_for_it_is_called_so() {
    let bench = Bench::new();
    let driver = Driver::new("energy ramp 0 500000\nprocess self 1000000\nprocess 1 5\n");
    let library = driver.library();
    let records = bench.run("stub", &["--nvml-lib", library.to_str().unwrap()]);
    for record in &records {
        let gpu = &record["telemetry"]["gpus"][0];
        assert_eq!((&gpu["device"]["stub"], &gpu["device"]["name"]), (&true.into(), &"stub NVIDIA H200".into()));
        assert_eq!((&gpu["energy"]["source"], &gpu["lost"]), (&"counter".into(), &0.into()), "{gpu:#}");
        let (joules, each) = (&gpu["energy"]["joules"], &gpu["energy"]["joules_per_image"]);
        assert!((joules.as_f64().unwrap() / 96.0 - each.as_f64().unwrap()).abs() < 1e-9, "{gpu:#}");
        assert_eq!(gpu["memory"]["device"]["peak"], 32_362u64 << 20);
        assert_eq!(record["time_valid"], true);
        assert!(series(&bench.store("stub"), record)[1..].iter().any(|line| line.contains("GPU-00000000-stub")));
    }
}

#[test]
fn no_driver_is_a_remark_and_a_driver_that_hangs_holds_nobody_up() {
    let bench = Bench::new();
    let records = bench.run("none", &["--nvml-lib", "/nowhere/libnvidia-ml.so"]);
    let remarks = records[0]["remarks"].to_string();
    assert!(remarks.contains("no telemetry of the device: no NVIDIA driver"), "{remarks}");
    assert!(records.iter().all(|record| record["outcome"]["kind"] == "finished"));
    let driver = Driver::new("fault nvmlDeviceGetMemoryInfo_v2 0 delay 3600000\n");
    let records = bench.run("hanging", &["--nvml-lib", driver.library().to_str().unwrap()]);
    assert!(records.iter().all(|record| record["outcome"]["kind"] == "finished"), "the hour was not waited for");
}

#[test]
fn a_resumed_trial_has_the_telemetry_of_all_its_executions() {
    let bench = Bench::new();
    let mut child = bench.command("resumed", &["--json", "--checkpoint-every", "0"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("\"event\":\"epoch\"")), "no epoch ended");
    // SAFETY: it only sends a signal, to a child that has not been waited for.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGINT) }, 0);
    lines.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let store = bench.store("resumed");
    let interrupted = records(&store).remove(0);
    assert_eq!(
        (&interrupted["outcome"]["kind"], &interrupted["telemetry"]["executions"]),
        (&"interrupted".into(), &1.into())
    );
    let before = series(&store, &interrupted);
    assert!(before.len() > 1, "an interrupt loses no readings");
    let orphans = [".tmp-x.csv.gz-abc123"].map(|name| store.join("telemetry").join(name));
    fs::write(&orphans[0], "of another trial").unwrap();

    let finished = bench.run("resumed", &[]).remove(0);
    let telemetry = &finished["telemetry"];
    assert_eq!((&telemetry["executions"], &telemetry["images"]), (&2.into(), &96.into()), "{telemetry:#}");
    assert_eq!(telemetry["series"]["executions"], 2);
    let after = series(&store, &finished);
    assert_eq!(after[..before.len()], before);
    assert_eq!(after[before.len()].split(',').nth(1), Some("2"));
    assert!(orphans[0].exists(), "what another trial left is its own");
}
