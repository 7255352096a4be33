//! `ndbench watch` around shells.

use super::driver::Driver;
use super::web::{PATIENCE, Served};
use assert_cmd::Command;
use flate2::read::MultiGzDecoder;
use std::io::Read;
use std::os::unix::process::CommandExt;
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

/// What is said of a program that is watched on a machine with this driver.
fn with_driver(script: &str, arguments: &[&str]) -> String {
    with_visible(script, None, arguments)
}

/// The same with a value of `CUDA_VISIBLE_DEVICES`.
fn with_visible(script: &str, visible: Option<&str>, arguments: &[&str]) -> String {
    let driver = Driver::new(script);
    let mut command = Command::cargo_bin("ndbench").unwrap();
    command.env("LD_LIBRARY_PATH", driver.installed()).env_remove("CUDA_VISIBLE_DEVICES").arg("watch");
    visible.map(|visible| command.env("CUDA_VISIBLE_DEVICES", visible));
    let done = command.args(arguments).args(["--", "sh", "-c", "echo started"]).timeout(PATIENCE).assert().success();
    assert_eq!(done.get_output().stdout, b"started\n");
    stderr(&done)
}

#[test]
fn every_device_is_watched_whatever_order_cuda_would_put_them_in() {
    let said = with_driver("count 2\n1.name NVIDIA T4\n", &[]);
    for device in ["NVIDIA H200: memory", "NVIDIA T4: memory"] {
        assert!(said.contains(device), "no `{device}` in {said}");
    }
    assert_eq!(said.matches("NO MEASUREMENT").count(), 2, "a stand-in in the driver's place says so too: {said}");
}

#[test]
fn visible_devices_are_watched_and_all_where_nobody_can_tell_which_are_meant() {
    let two = "count 2\n1.name NVIDIA T4\n";
    let seen = |visible| {
        let said = with_visible(two, Some(visible), &[]);
        ["NVIDIA H200: memory", "NVIDIA T4: memory"].map(|device| said.contains(device))
    };
    assert_eq!([seen("0,1"), seen("1"), seen("0,GPU-00000001-stub")], [[true, true]; 3]);
    assert_eq!([seen("GPU-00000001-stub"), seen("")], [[false, true], [false, false]]);
    let said = with_visible(two, Some("GPU-9"), &[]);
    assert!(said.contains("no visible device 0"), "{said}");
}

#[test]
fn a_device_that_is_lost_at_the_first_look_was_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("summary.json");
    for fault in ["nvmlDeviceGetMemoryInfo_v2 15", "nvmlDeviceGetMemoryInfo_v2 16", "nvmlDeviceGetHandleByIndex_v2 15"]
    {
        for _ in 0..3 {
            let driver = Driver::new(&format!("fault {fault}\n"));
            let (library, summary) = (driver.library(), path.to_str().unwrap());
            let library = ["--nvml-lib", library.to_str().unwrap()];
            watch(&[library[0], library[1], "--summary", summary, "--", "sleep", "1.5"]).success();
            let read: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let telemetry = &read["telemetry"];
            assert_eq!(telemetry["gpus"][0]["lost"], 1, "{fault}: {read:#}");
            // Each tick is a sample or a missed one.
            assert!(telemetry["missed"].as_u64().unwrap() >= 8, "{fault}: {read:#}");
        }
    }
}

#[test]
fn a_stand_in_that_never_answers_is_named_as_one_and_was_busy_for_no_known_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("summary.json");
    let driver = Driver::new("fault nvmlInit_v2 9\n");
    let (library, summary) = (driver.library(), path.to_str().unwrap());
    watch(&["--nvml-lib", library.to_str().unwrap(), "--summary", summary, "--", "sleep", "0.3"]).success();
    let read: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let gpu = &read["telemetry"]["gpus"][0];
    assert!(gpu["device"]["stub"] == true && gpu["busy"].is_null(), "{read:#}");
}

#[test]
fn talk_that_cannot_be_written_changes_no_exit_code() {
    for (script, code) in [("echo started", 0), ("echo started; exit 3", 3)] {
        let mut command = Plain::new(assert_cmd::cargo::cargo_bin("ndbench"));
        let full = std::fs::File::create("/dev/full").unwrap();
        let done = command.args(["watch", "--", "sh", "-c", script]).stderr(full).output().unwrap();
        assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(code), &b"started\n"[..]));
    }
}

#[test]
fn a_driver_that_does_not_start_is_told_and_one_that_hangs_holds_no_program_up() {
    let said = with_driver("fault nvmlInit_v2 18\n", &[]);
    assert!(said.contains("reboot after a driver upgrade"), "{said}");
    let hangs = "fault nvmlInit_v2 0 delay 3600000\n";
    with_driver(hangs, &[]);
    let begun = Instant::now();
    with_driver(hangs, &["--telemetry", "off"]);
    assert!(begun.elapsed() < Duration::from_secs(4), "nobody asks the driver then");
}

#[test]
fn the_programs_failure_comes_before_ndbenchs_own() {
    let said = watch(&["--summary", "/dev/null/x.json", "--", "sh", "-c", "exit 42"]).code(42);
    assert!(stderr(&said).contains("/dev/null/x.json"), "{}", stderr(&said));
    watch(&["--summary", "/dev/null/x.json", "--", "true"]).code(1);
}

#[test]
fn the_largest_process_is_seen_however_short_it_lives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("summary.json");
    let script = "import sys; x = bytearray(300 << 20)";
    watch(&["-q", "--interval", "60", "--summary", path.to_str().unwrap(), "--", "python3", "-c", script]).success();
    let read: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(read["resident_peak_bytes"].as_u64().unwrap() >= 270 << 20, "{read}");
}

#[test]
fn every_reading_is_kept_where_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.csv.gz");
    watch(&["-q", "--series", path.to_str().unwrap(), "--", "sleep", "0.5"]).success();
    let mut text = String::new();
    MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
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
fn what_the_system_sends_before_the_program_starts_reaches_it() {
    let driver = Driver::new("fault nvmlInit_v2 0 delay 3600000\n");
    let mut command = Plain::new(env!("CARGO_BIN_EXE_ndbench"));
    command.env("LD_LIBRARY_PATH", driver.installed()).args(["watch", "-q", "--", "sleep", "100"]);
    // As a terminal's key it comes from no process; the driver is waited for meanwhile.
    // SAFETY: a plain call between fork and exec; the alarm outlives the latter.
    unsafe {
        command.pre_exec(|| {
            libc::alarm(2);
            Ok(())
        })
    };
    assert_eq!(command.status().unwrap().code(), Some(128 + libc::SIGALRM));
}

#[test]
fn it_stops_with_its_program_and_goes_on_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let ready = dir.path().join("ready");
    let script = format!("echo $$ > {}; while :; do sleep 0.05; done", ready.display());
    let mut command = Plain::new(env!("CARGO_BIN_EXE_ndbench"));
    // In a group whose leader's parent is elsewhere: others do not heed a terminal's stop.
    let mut child = command.args(["watch", "-q", "--", "sh", "-c", &script]).process_group(0).spawn().unwrap();
    let since = Instant::now();
    let until = |what: &str, holds: &dyn Fn() -> bool| {
        while !holds() {
            assert!(since.elapsed() < PATIENCE, "not {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let program = || std::fs::read_to_string(&ready).ok()?.trim().parse::<u32>().ok();
    until("ready", &|| program().is_some());
    let (own, program) = (child.id(), program().unwrap());
    let stands_still = |process: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
        stat.rsplit_once(") ").unwrap().1.starts_with('T')
    };
    let signal = |signal| {
        // SAFETY: it only sends a signal, to a child that has not been waited for.
        assert_eq!(unsafe { libc::kill(own as i32, signal) }, 0);
    };
    signal(libc::SIGTSTP);
    until("stopped", &|| stands_still(program) && stands_still(own));
    signal(libc::SIGCONT);
    until("going on", &|| !stands_still(program) && !stands_still(own));
    signal(libc::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(128 + 15));
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
