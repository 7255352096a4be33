//! `ndbench run` over a matrix of which not all can be trained: the rest is, a warning names each reason, and the exit
//! code tells.

use ndbench::plan::{Filter, Overrides, ResolvedTrial, expand};
use ndbench::profile::Profile;
use ndbench::record::Store;
use ndbench::scenario::Scenario;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

/// BN and ND, an epoch of one step each.
const SCENARIO: &str = r#"
name = "left-out"
description = "as small as trainings get"
train_images = 16
test_images = 16

[matrix]
architectures = ["resnet18"]
datasets = ["fashion-mini"]
norms = ["bn", "nd"]
epochs = [1]
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
    fn new(scenario: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("scenario.toml"), scenario).unwrap();
        fs::create_dir(dir.path().join("data")).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn store(&self) -> Store {
        Store::open(self.path("store")).unwrap()
    }

    fn trials(&self) -> Vec<ResolvedTrial> {
        let scenario = Scenario::load(self.path("scenario.toml").to_str().unwrap()).unwrap();
        let profile = Profile::load("cpu").unwrap();
        expand(&scenario, &profile, &Overrides::default(), &Filter::default()).unwrap()
    }

    /// The command with a data folder that is empty. One thread: the other tests need theirs.
    fn run(&self, more: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ndbench"));
        command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("run").arg(self.path("scenario.toml"));
        command.arg("--store").arg(self.path("store")).arg("--data").arg(self.path("data"));
        let Output { status, stderr, .. } = command.args(["--threads", "1"]).args(more).output().unwrap();
        (status.code(), String::from_utf8(stderr).unwrap())
    }

    /// How many records there are.
    fn recorded(&self) -> usize {
        self.store().records().0.len()
    }
}

#[test]
fn a_record_of_a_newer_program_is_kept_and_its_trial_refused() {
    let bench = Bench::new(SCENARIO);
    let path = bench.store().record_path(&bench.trials()[0].trial);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let newer = "{\"schema\": \"ndbench.record/2\"}";
    fs::write(&path, newer).unwrap();
    fs::write(path.with_file_name("notes.txt"), "not ours").unwrap();

    let (code, said) = bench.run(&["--dry-run"]);
    assert_eq!(code, Some(0), "{said}");
    for part in ["notes.txt is skipped", "is newer than `ndbench.record/1`"] {
        assert!(said.contains(part), "{said}");
    }
    let (code, said) = bench.run(&["--quiet"]);
    assert_eq!(code, Some(5), "{said}");
    for part in ["notes.txt is skipped", "resnet18 bn", "is left out", "use the ndbench that wrote it", "1 trial(s)"] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), newer);
    let names = fs::read_dir(path.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().all(|name| !name.contains("unreadable")));
    assert_eq!(bench.recorded(), 1, "the other trial is done: {said}");
}

#[test]
fn a_trial_that_another_process_trains_has_an_exit_code_of_its_own() {
    let bench = Bench::new(SCENARIO);
    let lock = bench.store().lock(&bench.trials()[0].trial.id()).unwrap();
    let (code, said) = bench.run(&[]);
    assert_eq!((code, bench.recorded()), (Some(7), 1), "{said}");
    assert!(said.contains(&format!("is being trained by process {}", std::process::id())), "{said}");
    drop(lock);
    let (code, said) = bench.run(&[]);
    assert_eq!((code, bench.recorded()), (Some(0), 2), "{said}");
}

#[test]
fn a_data_set_that_is_missing_leaves_out_its_own_trials_only() {
    let both = SCENARIO.replace("[\"fashion-mini\"]", "[\"cifar10\", \"fashion-mini\"]");
    let bench = Bench::new(&both);
    let (code, said) = bench.run(&[]);
    assert_eq!((code, bench.recorded()), (Some(4), 2), "{said}");
    assert_eq!(said.matches("warning: ").count(), 1, "one warning for both of its trials: {said}");
    assert!(said.contains("ndbench data fetch cifar10") && said.contains("2 trial(s) were left out"), "{said}");

    let (code, said) = bench.run(&["--only", "dataset=cifar10"]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("ndbench: cifar10 not found") && !said.contains("warning: "), "{said}");
}

#[test]
fn what_a_killed_process_left_of_a_trial_is_removed_at_the_next_visit() {
    let bench = Bench::new(SCENARIO);
    let store = bench.store();
    let trial = &bench.trials()[0].trial;
    assert_eq!(bench.run(&["--only", "norm=bn"]).0, Some(0));
    let temporary = |path: PathBuf| {
        let name = format!(".tmp-{}-x7Gq2b", path.file_name().unwrap().to_string_lossy());
        path.with_file_name(name)
    };
    let checkpoint = store.checkpoint_path(&trial.id());
    let ours = [checkpoint.clone(), temporary(checkpoint.clone()), temporary(store.record_path(trial))];
    let other = bench.trials()[1].trial.id();
    let theirs = [store.checkpoint_path(&other), temporary(store.checkpoint_path(&other))];
    fs::create_dir(checkpoint.parent().unwrap()).unwrap();
    ours.iter().chain(&theirs).for_each(|path| fs::write(path, "half").unwrap());
    let lock = store.lock(&trial.id()).unwrap();
    assert_eq!(bench.run(&["--only", "norm=bn"]).0, Some(0));
    assert!(ours.iter().all(|path| path.exists()), "another process holds the lock");
    drop(lock);
    let (code, said) = bench.run(&["--only", "norm=bn"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(ours.iter().all(|path| !path.exists()) && theirs.iter().all(|path| path.exists()));
}
