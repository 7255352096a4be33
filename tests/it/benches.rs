//! `scripts/benches` on two runs whose times are known.

use assert_cmd::Command;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Saves a run of one benchmark, as criterion does: ten samples, `times` nanoseconds for two iterations each.
fn save(folder: &Path, shape: &str, baseline: &str, time: f64) {
    let name = format!("vgg16/{shape}/forward/fast cold");
    let path = folder.join(name.replace('/', "_")).join(baseline);
    fs::create_dir_all(&path).unwrap();
    let times: Vec<f64> = (0..10).map(|n| 2.0 * time * (1.0 + 0.001 * f64::from(n))).collect();
    fs::write(path.join("benchmark.json"), json!({"full_id": name}).to_string()).unwrap();
    fs::write(path.join("sample.json"), json!({"times": times, "iters": vec![2.0; 10]}).to_string()).unwrap();
}

fn benches(folder: &Path, arguments: &[&str]) -> assert_cmd::assert::Assert {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/benches");
    Command::new(script).arg("--criterion").arg(folder).args(arguments).assert()
}

#[test]
fn two_runs_are_compared_with_intervals() {
    let folder = tempfile::tempdir().unwrap();
    for (shape, before, after) in [("a", 1e6, 1.2e6), ("b", 2e6, 1.6e6)] {
        save(folder.path(), shape, "before", before);
        save(folder.path(), shape, "after", after);
    }
    let done = benches(folder.path(), &["compare", "before", "after"]).code(1);
    let said = String::from_utf8(done.get_output().stdout.clone()).unwrap();
    for part in ["1.200 [1.19", "slower", "0.800 [0.7", "faster", "slower by more than 5%: vgg16/a/forward/fast cold"] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    assert!(said.contains("geometric mean of 2") && said.contains("0.980 ["), "{said}");
    benches(folder.path(), &["compare", "before", "after", "--threshold", "0.3"]).code(0);
    benches(folder.path(), &["compare", "before", "never"])
        .code(1)
        .stderr(predicates::str::contains("no baseline `never`"));
}

#[test]
fn a_run_has_the_form_of_nvbench() {
    let folder = tempfile::tempdir().unwrap();
    ["a", "b"].iter().for_each(|shape| save(folder.path(), shape, "before", 1e6));
    let done = benches(folder.path(), &["nvbench", "before", "--device", "a CPU"]).success();
    let read: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    assert_eq!(read["devices"], json!([{"id": 0, "name": "a CPU"}]));
    let benchmark = &read["benchmarks"][0];
    assert_eq!((&benchmark["name"], &benchmark["axes"][0]["name"]), (&"forward fast cold".into(), &"Shape".into()));
    let state = &benchmark["states"][1];
    assert_eq!(state["axis_values"][0]["value"], "vgg16/b");
    let figure = |name: &str| -> f64 {
        let tag = format!("nv/cold/time/gpu/{name}");
        let summary =
            state["summaries"].as_array().unwrap().iter().find(|summary| summary["tag"] == tag.as_str()).unwrap();
        summary["data"][0]["value"].as_str().unwrap().parse().unwrap()
    };
    // From 1 ms to 1.009 ms, evenly.
    for (name, wanted) in [("mean", 1.0045e-3), ("median", 1.0045e-3), ("max", 1.009e-3), ("iqr/absolute", 4.5e-6)] {
        assert!((figure(name) - wanted).abs() < 1e-9, "{name}: {}", figure(name));
    }
    assert!((figure("ir/relative") - 4.5 / 1004.5).abs() < 1e-9);
}
