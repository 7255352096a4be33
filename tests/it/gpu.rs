//! The program on a CUDA device. `make test-gpu` runs what is ignored elsewhere.

use ndbench::telemetry;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tch::{Kind, Tensor};

/// The first CUDA device.
pub fn device() -> tch::Device {
    ndbench::run::device(Some(0)).unwrap_or_else(|why| panic!("{why}"))
}

/// Runs the built-in scenario `smoke` on the first CUDA device into `store`.
fn smoke(store: &Path, settings: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ndbench"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["run", "smoke", "--profile", "h200", "--store"]);
    command.arg(store).args(settings).output().unwrap()
}

fn records(store: &Path) -> Vec<Value> {
    let entries = fs::read_dir(store.join("records")).unwrap().map(|e| e.unwrap().path());
    entries.map(|p| serde_json::from_slice(&fs::read(p).unwrap()).unwrap()).collect()
}

#[test]
#[ignore = "needs a CUDA device"]
fn gpu_smoke_records_device_and_memory() {
    let dir = tempfile::tempdir().unwrap();
    let output = smoke(dir.path(), &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let records = records(dir.path());
    assert_eq!(records.len(), 4);
    for record in &records {
        assert_eq!(record["outcome"]["kind"], "finished");
        let device = record["environment"]["device"].to_string();
        assert!(device.contains("GPU-"), "no UUID in {device}");
        let bytes = |key: &str| record["memory"][key].as_u64().unwrap_or_else(|| panic!("no {key}: {record}"));
        assert!(bytes("allocated") > 0 && bytes("reserved") >= bytes("allocated"));
        assert!(record["telemetry"]["reserved"]["peak"].as_u64() > Some(0), "{}", record["telemetry"]);
        let epoch = &record["epochs"][0];
        assert!(epoch["seconds"]["paper"].as_f64().unwrap() > 0.0);
        assert!(epoch["train_loss"].as_f64().unwrap().is_finite());
    }
}

/// Takes the memory of the first CUDA device but for so many GiB, while it is kept.
fn all_but(gibibytes: u64) -> Vec<Tensor> {
    let gibibyte = || Tensor::empty([1 << 30], (Kind::Uint8, device()));
    let mut taken = vec![gibibyte()];
    let gpu = telemetry::gpus().unwrap().devices.swap_remove(0).value().unwrap();
    let [total, used] = [gpu.memory, gpu.used].map(|reading| reading.value().unwrap().0 >> 30);
    assert!(total - used > gibibytes, "{used} of {total} GiB are in use");
    taken.extend((0..total - used - gibibytes).map(|_| gibibyte()));
    taken
}

#[test]
#[ignore = "needs a CUDA device"]
fn gpu_memory_that_runs_out_is_a_result() {
    let dir = tempfile::tempdir().unwrap();
    let others = all_but(3);
    let settings = [
        "--set",
        "matrix.architectures=[\"vgg16\"]",
        "--set",
        "train_images=4000",
        "--set",
        "recipe.batch_size=4000",
        "--attempts",
        "1",
    ];
    let output = smoke(dir.path(), &settings);
    drop(others);
    // Also what libtorch would keep.
    ndbench::train::reset_peak_memory(device());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let records = records(dir.path());
    assert_eq!(records.len(), 2, "the matrix went on");
    for record in &records {
        assert_eq!(record["outcome"]["kind"], "oom", "{}", record["outcome"]);
        assert!(record["outcome"]["requested"].as_u64().is_some() && record["outcome"]["free"].as_u64().is_some());
    }
}

#[test]
#[ignore = "needs a CUDA device"]
fn gpu_steps_by_graph_bring_the_same_losses() {
    // The first layer of ND freezes on the way, and the last of 20 steps an epoch has 4 images.
    let settings =
        "--attempts 1 --epochs 2 --set recipe.lr=0.001 --set recipe.batch_size=20 --set deconvolution.freeze_iter=10";
    let settings: Vec<&str> = settings.split(' ').collect();
    let losses = |more: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        let output = smoke(dir.path(), &[settings.as_slice(), more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut records = records(dir.path());
        records.sort_by_key(|record| record["trial"]["norm"].to_string());
        let losses = |record: &Value| {
            assert_eq!(record["outcome"]["kind"], "finished", "{}", record["outcome"]);
            let epochs = record["epochs"].as_array().unwrap();
            epochs.iter().map(|epoch| epoch["train_loss"].as_f64().unwrap()).collect::<Vec<_>>()
        };
        records.iter().flat_map(losses).collect::<Vec<f64>>()
    };
    let (one_by_one, by_graph) = (losses(&[]), losses(&["--set", "recipe.cuda_graph=true"]));
    assert_eq!(one_by_one.len(), 4);
    for (a, b) in one_by_one.iter().zip(&by_graph) {
        assert!((a - b).abs() <= 0.05 * a, "one by one {one_by_one:?}, by graph {by_graph:?}");
    }
}

/// Probes the network of `smoke` with and without graphs on `device`.
fn probe_graphs(store: &Path, device: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ndbench"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["probe", "smoke", "--graphs", "--device", device, "--json"]);
    command.args(["--rounds", "1", "--budget", "10", "--store"]).arg(store).output().unwrap()
}

#[test]
#[ignore = "needs a CUDA device"]
fn gpu_probe_sets_graphs_beside_other_steps() {
    let dir = tempfile::tempdir().unwrap();
    let output = probe_graphs(dir.path(), "cuda:0");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let probes: Value = serde_json::from_slice(&output.stdout).unwrap();
    let arms = probes[0]["arms"].as_array().unwrap();
    arms.iter().for_each(|arm| assert!(arm["telemetry"]["reserved"]["peak"].as_u64() > Some(0), "{arm:#}"));
    let by_graph = |arm: &Value| arm["cuda_graph"].as_bool().unwrap_or(false);
    assert_eq!(arms.iter().map(by_graph).collect::<Vec<_>>(), [false, true, false, true, false, true]);
}

#[test]
fn a_probe_with_graphs_on_a_cpu_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let output = probe_graphs(dir.path(), "cpu");
    assert_eq!(output.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--graphs needs a CUDA device"), "{output:?}");
}
