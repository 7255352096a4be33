//! `ndbench watch` around shells.

use super::web::{PATIENCE, Served};
use assert_cmd::Command;
use flate2::read::GzDecoder;
use std::io::Read;
use std::process::Command as Plain;
use std::time::{Duration, Instant};

fn watch(arguments: &[&str]) -> assert_cmd::assert::Assert {
    Command::cargo_bin("ndbench").unwrap().arg("watch").args(arguments).assert()
}

fn stderr(done: &assert_cmd::assert::Assert) -> String {
    String::from_utf8(done.get_output().stderr.clone()).unwrap()
}

#[test]
fn the_exit_code_and_the_output_are_the_programs() {
    let done = watch(&["--", "sh", "-c", "echo out; echo err >&2; exit 42"]).code(42);
    assert_eq!(done.get_output().stdout, b"out\n");
    assert!(stderr(&done).starts_with("err\nwatch: sh ended with exit code 42 after "), "{}", stderr(&done));
    watch(&["-q", "--", "true"]).success().stderr("");
    watch(&["-q", "--", "sh", "-c", "kill -KILL $$"]).code(137);
    assert!(stderr(&watch(&["--", "/no/such/program"]).code(127)).contains("program cannot be started"));
    assert!(stderr(&watch(&["--", "/etc/passwd"]).code(126)).contains("passwd cannot be started"));
    watch(&["--"]).code(2);
    watch(&["--interval", "0", "--", "true"]).code(2);
}

#[test]
fn children_count_also_those_whose_parents_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("summary.json");
    // The inner shell ends at once, and what it started goes on without a parent.
    let script = "sh -c 'timeout 1 sh -c \"while :; do :; done\" & ' ; sleep 1.5; true";
    watch(&["--interval", "0.1", "--summary", path.to_str().unwrap(), "--name", "x", "--", "sh", "-c", script])
        .success();
    let read: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!((read["name"].as_str(), read["exit_code"].as_u64()), (Some("x"), Some(0)), "{read}");
    assert!(read["cpu_seconds"].as_f64().unwrap() > 0.2, "{read}");
    assert!(read["processes_peak"].as_u64().unwrap() >= 3 && read["seconds"].as_f64().unwrap() > 1.4, "{read}");
    assert!(read["resident_peak_bytes"].as_u64().unwrap() > 1 << 20, "{read}");
}

#[test]
fn every_reading_is_kept_where_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.csv.gz");
    watch(&["-q", "--series", path.to_str().unwrap(), "--", "sleep", "0.5"]).success();
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    assert!(text.starts_with("unix_seconds,execution,") && text.lines().count() > 2, "{text}");
}

#[test]
fn signals_are_passed_on_and_metrics_are_live() {
    let script = "trap 'exit 7' USR1; echo ready; while :; do sleep 0.05; done";
    let mut served = Served::start(&["watch", "--interval", "0.05", "--listen", "0", "--", "sh", "-c", script]);
    let page = served.get("/metrics", |page| {
        page.contains("ndbench_watch_processes 2") && page.contains("\nndbench_process_cpu_seconds_total ")
    });
    assert!(page.contains("\nndbench_watch_info{program=\"sh\""), "{page}");
    assert_eq!(served.end("-USR1").code(), Some(7));
}

#[test]
fn a_program_that_will_not_end_is_not_left_behind_by_a_signal() {
    let mut served = Served::start(&["watch", "--listen", "0", "--", "sleep", "100"]);
    assert_eq!(served.end("-TERM").code(), Some(128 + 15));
    let since = Instant::now();
    let left = || Plain::new("pgrep").args(["-P", &served.child.id().to_string()]).output().unwrap().stdout;
    while !left().is_empty() {
        assert!(since.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(20));
    }
}
