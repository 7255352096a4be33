//! The program on a CUDA device. `make test-gpu` runs what is ignored elsewhere.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// The first CUDA device.
pub fn device() -> tch::Device {
    ndbench::run::device(Some(0)).unwrap_or_else(|why| panic!("{why}"))
}

/// Runs the built-in scenario `smoke` on the first CUDA device into `store`.
fn smoke(store: &Path, settings: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ndbench"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["run", "smoke", "--device", "cuda:0", "--store"]);
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
        let epoch = &record["epochs"][0];
        assert!(epoch["seconds"]["paper"].as_f64().unwrap() > 0.0);
        assert!(epoch["train_loss"].as_f64().unwrap().is_finite());
    }
}

#[test]
#[ignore = "needs a CUDA device"]
fn gpu_memory_that_runs_out_is_a_result() {
    let dir = tempfile::tempdir().unwrap();
    // 6,000 images of the largest network's activations exceed what any single device has.
    let settings = [
        "--set",
        "matrix.architectures=[\"dpn92\"]",
        "--set",
        "train_images=6000",
        "--set",
        "recipe.batch_size=6000",
        "--attempts",
        "1",
    ];
    let output = smoke(dir.path(), &settings);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let records = records(dir.path());
    assert_eq!(records.len(), 2, "the matrix went on");
    for record in &records {
        assert_eq!(record["outcome"]["kind"], "oom", "{}", record["outcome"]);
        assert!(record["outcome"]["requested"].as_u64().is_some() && record["outcome"]["free"].as_u64().is_some());
    }
}
