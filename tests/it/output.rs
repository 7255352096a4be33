//! Where the program writes to: full disks, readers that went away, places that refuse, the umask.

use std::fs::{self, File};
#[cfg(feature = "torch")]
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
#[cfg(feature = "torch")]
use std::path::Path;
use std::process::{Command, Stdio};

fn ndbench(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ndbench"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Every write to it fails, as on a full disk.
#[cfg(target_os = "linux")]
fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

/// A pipe whose reader has gone away.
fn gone() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// A `run` of two epochs in all, with one thread.
#[cfg(feature = "torch")]
fn tiny(store: &Path) -> Command {
    let mut command = ndbench(&["run", "smoke", "--threads", "1", "--only", "architecture=resnet18", "--store"]);
    command.arg(store);
    for setting in ["matrix.architectures=[\"resnet18\"]", "train_images=16", "test_images=16", "recipe.batch_size=16"]
    {
        command.args(["--set", setting]);
    }
    command.args(["--epochs", "1", "--attempts", "1"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// The outcomes in a store.
#[cfg(feature = "torch")]
fn outcomes(store: &Path) -> Vec<String> {
    let (records, skipped) = ndbench::record::Store::open(store).unwrap().records();
    assert!(skipped.is_empty(), "{skipped:?}");
    records.iter().map(|(_, record)| record.outcome.word().into()).collect()
}

#[cfg(all(feature = "torch", target_os = "linux"))]
#[test]
fn a_full_disk_under_stderr_or_stdout_stops_no_training_and_fails_the_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let stderr = dir.path().join("stderr");
    assert_eq!(tiny(&stderr).stderr(full()).status().unwrap().code(), Some(1));
    assert_eq!(outcomes(&stderr), ["finished", "finished"]);
    let stdout = dir.path().join("stdout");
    assert_eq!(tiny(&stdout).arg("--json").stdout(full()).status().unwrap().code(), Some(1));
    assert_eq!(outcomes(&stdout), ["finished", "finished"]);
}

#[cfg(feature = "torch")]
#[test]
fn a_reader_that_goes_away_neither_stops_a_training_nor_fails_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = tiny(dir.path()).arg("--json").stdout(Stdio::piped()).stderr(gone()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap(); // and away
    assert!(first.contains("\"run\""), "{first}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(outcomes(dir.path()), ["finished", "finished"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_failure_that_cannot_be_told_keeps_its_exit_code() {
    assert_eq!(ndbench(&["report", "nosuch"]).stderr(full()).status().unwrap().code(), Some(3));
    assert_eq!(ndbench(&["report", "nosuch"]).stderr(gone()).status().unwrap().code(), Some(3));
}

#[cfg(target_os = "linux")]
#[test]
fn completions_are_written_or_fail_without_a_panic() {
    assert_eq!(ndbench(&["completions", "bash"]).stdout(gone()).status().unwrap().code(), Some(0));
    assert_eq!(ndbench(&["completions", "bash"]).stdout(full()).status().unwrap().code(), Some(1));
    let output = ndbench(&["completions", "bash"]).stdout(Stdio::piped()).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("--dry-run") || cfg!(not(feature = "torch")));
}

#[test]
fn a_figure_that_cannot_be_written_is_named() {
    let store = tempfile::tempdir().unwrap();
    let mut command = ndbench(&["report", "smoke", "--figure", "/proc/x.svg", "--store"]);
    let output = command.arg(store.path()).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("ndbench: cannot write /proc/x.svg: "), "{said}");
}

#[test]
fn the_umask_decides_who_may_read_a_result() {
    let store = tempfile::tempdir().unwrap();
    for (umask, mode) in [(0o077, 0o600), (0o002, 0o664), (0o022, 0o644)] {
        let figure = store.path().join("figure.svg");
        let mut command = ndbench(&["report", "smoke", "--store"]);
        command.arg(store.path()).arg("--figure").arg(&figure);
        // SAFETY: umask is one system call, which may be made between fork and exec.
        let command = unsafe {
            command.pre_exec(move || {
                libc::umask(umask);
                Ok(())
            })
        };
        assert!(command.status().unwrap().success());
        assert_eq!(fs::metadata(&figure).unwrap().permissions().mode() & 0o777, mode, "umask {umask:o}");
    }
}

#[test]
fn a_comparison_warns_of_files_that_are_not_used() {
    let store = tempfile::tempdir().unwrap();
    fs::create_dir(store.path().join("records")).unwrap();
    fs::write(store.path().join("records/half.json"), "{\"schema\":").unwrap();
    let mut command = ndbench(&["report", "smoke", "--comparison", "--store"]);
    let output = command.arg(store.path()).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && said.starts_with("warning: ") && said.contains("half.json is skipped"),
        "{said}"
    );
}
