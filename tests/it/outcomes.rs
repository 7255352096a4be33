//! Trials that fail, run out of memory or go on elsewhere: each has a record that says so, and the matrix goes on.

use super::bench::{files, hears_signals, records, said, untimed};
use ndbench::data::Sources;
use ndbench::event::{Fanout, Retry};
use ndbench::plan::{Filter, Overrides, expand};
use ndbench::profile::Profile;
use ndbench::record::{RecordWriter, Store};
use ndbench::run::{Run, environment};
use ndbench::scenario::Scenario;
use ndbench::telemetry::Telemetry;
use serde_json::Value;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// The built-in scenario `smoke`, once, into `store`.
fn smoke(store: &Path, settings: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ndbench"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["run", "smoke", "--attempts", "1", "--store"]);
    // Threads that wait must not take the time of other tests.
    command
        .arg(store)
        .args(settings)
        .env("OMP_WAIT_POLICY", "PASSIVE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    hears_signals(&mut command);
    command
}

fn kinds(records: &[Value]) -> Vec<&str> {
    records.iter().map(|r| r["outcome"]["kind"].as_str().unwrap()).collect()
}

fn remarks(record: &Value) -> String {
    record["remarks"].as_array().unwrap().iter().map(|r| r.as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

/// Waits for a checkpoint of `child` and interrupts it.
fn interrupt_after_a_checkpoint(mut child: Child, store: &Path) {
    let begun = Instant::now();
    let there = || files(&store.join("checkpoints")).iter().any(|p| p.extension().is_some_and(|e| e == "ckpt"));
    while !there() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before there was a checkpoint");
        assert!(begun.elapsed() < Duration::from_secs(300), "no checkpoint");
        std::thread::sleep(Duration::from_millis(2));
    }
    // SAFETY: it only sends a signal, to a child that has not been waited for.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGINT) }, 0);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
}

#[test]
fn a_trial_that_cannot_begin_has_a_record_that_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let settings = ["--set", "recipe.drop_last=true", "--set", "recipe.batch_size=1000"];
    let output = smoke(dir.path(), &settings).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(!said(&output).contains("never began"), "{}", said(&output));
    let records = records(dir.path());
    assert_eq!(kinds(&records), ["failed", "failed"]);
    assert!(records[0]["outcome"]["message"].as_str().unwrap().contains("lower recipe.batch_size"), "{}", records[0]);
}

#[test]
fn images_that_do_not_reach_the_device_end_the_trial_and_not_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let (scenario, profile) = (Scenario::load("smoke").unwrap(), Profile::load("cpu").unwrap());
    let trials = expand(&scenario, &profile, &Overrides::default(), &Filter::default()).unwrap();
    let environment = environment(tch::Device::Cpu);
    let run = Run {
        store: &store,
        sources: &Sources::new(Some(Path::new("absent"))),
        // No machine has so many.
        device: tch::Device::Cuda(99),
        environment: &environment,
        telemetry: &Telemetry::off(),
        sample_every: 0,
        checkpoint_every: Duration::from_secs(60),
        sharers: 0,
        retry: Retry::default(),
        interrupt: &AtomicBool::new(false),
        block: false,
    };
    let mut writer = RecordWriter::new(&store, None, 0);
    let summary = run.all(&trials[..2], &mut Fanout::new(vec![&mut writer])).unwrap();
    assert_eq!(summary.failed, 2);
    assert_eq!(kinds(&records(dir.path())), ["failed", "failed"]);
}

/// Runs `command` where the kernel gives it no more than so much memory.
fn within(bytes: u64, mut command: Command) -> Output {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    // SAFETY: setrlimit may be called between fork and exec, and only reads the structure.
    unsafe {
        command.pre_exec(move || match libc::setrlimit(libc::RLIMIT_DATA, &raw const limit) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
    command.output().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn memory_that_runs_out_is_a_result_and_is_tried_again_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let settings = ["--set", "recipe.batch_size=384", "--set", "deconvolution.block=16", "--threads", "1"];
    // Enough for the program and the images, and not for the activations of 384 of them, which add up.
    let limit = 350 << 20;
    let output = within(limit, smoke(dir.path(), &settings));
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("2 trial(s) ran out of memory or diverged"), "{}", said(&output));
    let before = records(dir.path());
    assert_eq!(kinds(&before), ["oom", "oom"], "{before:?}");
    for record in &before {
        let bytes = |key: &str| record["outcome"][key].as_u64().unwrap_or_else(|| panic!("no {key}: {record}"));
        assert!(bytes("requested") > bytes("free") && bytes("requested") < limit, "{}", record["outcome"]);
    }

    assert!(smoke(dir.path(), &settings).output().unwrap().status.success());
    assert_eq!(records(dir.path()), before, "out of memory is final");
    let retry = [&settings[..], &["--retry", "oom"]].concat();
    let output = smoke(dir.path(), &retry).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let after = records(dir.path());
    assert_eq!(kinds(&after), ["finished", "finished"]);
    assert!(after.iter().all(|r| remarks(r).contains("replaces a record of") && remarks(r).contains(": oom, ")));
}

/// Two epochs of four steps, with a checkpoint after every step.
const STEPS: [&str; 8] =
    ["--epochs", "2", "--set", "train_images=256", "--set", "deconvolution.block=16", "--checkpoint-every", "0"];

#[test]
fn a_real_network_on_two_threads_goes_on_to_the_same_bits() {
    let dir = tempfile::tempdir().unwrap();
    let settings = [&STEPS[..], &["--only", "norm=nd", "--threads", "2"]].concat();
    let [whole, cut] = ["whole", "cut"].map(|name| dir.path().join(name));
    assert!(smoke(&whole, &settings).output().unwrap().status.success());
    interrupt_after_a_checkpoint(smoke(&cut, &settings).spawn().unwrap(), &cut);
    let interrupted = &records(&cut)[0];
    assert_eq!(interrupted["outcome"]["kind"], "interrupted");
    assert!(smoke(&cut, &settings).output().unwrap().status.success());
    let (whole, resumed) = (&records(&whole)[0], &records(&cut)[0]);
    assert_eq!(resumed["time_valid"], false);
    assert_eq!(untimed(resumed), untimed(whole));
    assert_eq!(resumed["remarks"], whole["remarks"]);
}

#[test]
fn a_resume_with_other_threads_and_a_damaged_checkpoint_are_remarked() {
    let dir = tempfile::tempdir().unwrap();
    let settings = |threads| [&STEPS[..], &["--only", "norm=bn", "--threads", threads]].concat();
    interrupt_after_a_checkpoint(smoke(dir.path(), &settings("1")).spawn().unwrap(), dir.path());
    let checkpoint = files(&dir.path().join("checkpoints")).remove(0);
    let mut content = fs::read(&checkpoint).unwrap();
    let other = dir.path().join("other");
    fs::create_dir_all(other.join("checkpoints")).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(other.join("checkpoints").join(checkpoint.file_name().unwrap()), content).unwrap();

    let output = smoke(dir.path(), &settings("2")).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let remark = "threads 1, now 2): bit-identity with a run in one go is not promised";
    assert!(remarks(&records(dir.path())[0]).contains(remark), "{}", records(dir.path())[0]["remarks"]);
    assert!(said(&output).contains(remark), "{}", said(&output));

    let output = smoke(&other, &settings("1")).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let record = &records(&other)[0];
    assert!(remarks(record).contains("cannot be used: its checksum"), "{}", record["remarks"]);
    assert_eq!(record["time_valid"], true, "it began anew");
}
