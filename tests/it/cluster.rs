//! A cluster of shell scripts in Slurm's place.

use assert_cmd::Command;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A cluster of shell scripts: what is submitted lies in `jobs`.
pub struct Cluster {
    folder: tempfile::TempDir,
    /// Variables that programs inherit from the job within which one submits.
    pub inherits: std::cell::Cell<&'static [(&'static str, &'static str)]>,
}

impl Cluster {
    pub fn new() -> Self {
        let cluster = Self { folder: tempfile::tempdir().unwrap(), inherits: std::cell::Cell::default() };
        fs::create_dir_all(cluster.path("jobs")).unwrap();
        let jobs = cluster.path("jobs");
        let jobs = jobs.display();
        cluster.program(
            "scontrol",
            &format!(
                "case $* in *config*) echo 'MaxArraySize = 1001';; release*) echo \"$2\" >> {jobs}/released;; \
                 *) echo 'PartitionName=gpu Default=YES MaxTime=1-00:00:00';; esac"
            ),
        );
        cluster.program("sinfo", "echo 'gpu*|gpu:h200:8|96|1000000'");
        cluster.program("squeue", &format!("cat {jobs}/queue 2>/dev/null; true"));
        cluster.program(
            "sbatch",
            &format!(
                "n=$(ls {jobs} | grep -c args); echo \"$@\" > {jobs}/$n.args; cat > {jobs}/$n.sh; echo $((100 + n))"
            ),
        );
        cluster
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn program(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn submit(&self, profile: &str, more: &[&str]) -> assert_cmd::assert::Assert {
        self.submit_to("store", profile, more)
    }

    pub fn submit_to(&self, store: &str, profile: &str, more: &[&str]) -> assert_cmd::assert::Assert {
        fs::write(self.path("here.toml"), [include_str!("../../profiles/cpu.toml"), profile].concat()).unwrap();
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let mut command = Command::cargo_bin("ndbench").unwrap();
        command.env("PATH", path).envs(self.inherits.get().iter().copied());
        command.args(["submit", "smoke", "--profile"]).arg(self.path("here.toml"));
        command.arg("--store").arg(self.path(store)).args(more).assert()
    }

    pub fn status(&self, plan: &Path, more: &[&str]) -> String {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let mut command = Command::cargo_bin("ndbench").unwrap();
        let done = command.env("PATH", path).arg("status").arg(plan).args(more).assert().success();
        String::from_utf8(done.get_output().stdout.clone()).unwrap()
    }

    pub fn job(&self, name: &str) -> String {
        fs::read_to_string(self.path("jobs").join(name)).unwrap_or_default()
    }
}

pub fn said(done: &assert_cmd::assert::Assert) -> String {
    String::from_utf8(done.get_output().stderr.clone()).unwrap()
}

/// What `squeue` says of a row of a plan: where it runs, or why it waits.
pub fn row(plan: &str, row: u32, node: &str, reason: &str) -> String {
    let state = if node.is_empty() { "PENDING" } else { "RUNNING" };
    format!("ndbench-{plan}-0-30|{row}|77|{state}|{node}|{reason}|\n")
}

/// What it says of its report.
pub fn report(plan: &str) -> String {
    format!("ndbench-{plan}-report|N/A|78|PENDING||Dependency|\n")
}

/// The name of a plan.
pub fn name(plan: &Path) -> String {
    plan.file_name().unwrap().to_str().unwrap().split('.').next().unwrap().to_owned()
}

/// The only file of a folder.
pub fn only(folder: &Path) -> PathBuf {
    let mut files = fs::read_dir(folder).unwrap();
    let file = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none());
    file
}
