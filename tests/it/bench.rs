//! A folder with a scenario as small as they get, stores beside it, and the program run on them.

use serde_json::Value;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// BN and ND of one network, `epochs` epochs of `images` images in steps of 16.
pub fn scenario(images: u32, epochs: u32) -> String {
    format!(
        r#"
name = "bench"
description = "as small as trainings get"
train_images = {images}
test_images = 16

[matrix]
architectures = ["resnet18"]
datasets = ["fashion-mini"]
norms = ["bn", "nd"]
epochs = [{epochs}]
attempts = 1

[recipe]
batch_size = 16

[deconvolution]
block = 16
"#
    )
}

pub struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    /// A folder with this scenario.
    pub fn new(scenario: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("scenario.toml"), scenario).unwrap();
        Self { dir }
    }

    /// A file or folder in it, such as a store.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The program's `command` on the scenario and a store. One thread: the other tests need theirs.
    pub fn command(&self, command: &str, store: &str, arguments: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_ndbench"));
        program.current_dir(env!("CARGO_MANIFEST_DIR")).arg(command).arg(self.path("scenario.toml"));
        program.arg("--store").arg(self.path(store)).args(arguments);
        if !matches!(command, "report" | "status" | "submit") {
            program.args(["--threads", "1"]);
        }
        program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).env_remove("NDBENCH_NVML_LIB");
        hears_signals(&mut program);
        program
    }
}

/// Tests that run in the background of a shell ignore SIGINT, and so would what they start.
pub fn hears_signals(program: &mut Command) {
    // SAFETY: `signal` may be called between fork and exec.
    unsafe {
        program.pre_exec(|| {
            for signal in [libc::SIGINT, libc::SIGHUP] {
                libc::signal(signal, libc::SIG_DFL);
            }
            Ok(())
        });
    }
}

/// What a program said on stderr.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The files in a folder, sorted; none where there is no folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The records of a store in the order of their file names: BN before ND.
pub fn records(store: &Path) -> Vec<Value> {
    files(&store.join("records")).iter().map(|path| json(path)).collect()
}

pub fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// What a trial brought, epoch by epoch, without its times.
pub fn untimed(record: &Value) -> Vec<Value> {
    let mut epochs = record["epochs"].as_array().unwrap().clone();
    epochs.iter_mut().for_each(|e| drop(e.as_object_mut().unwrap().remove("seconds").unwrap()));
    epochs
}
