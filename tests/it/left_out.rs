//! `ndbench run` over a matrix of which not all can be trained: the rest is, a warning names each reason, and the exit
//! code tells.

use super::bench::{Bench, said, scenario};
use ndbench::plan::{Filter, Overrides, ResolvedTrial, expand};
use ndbench::profile::Profile;
use ndbench::record::Store;
use ndbench::scenario::Scenario;
use ndbench::telemetry::OomKills;
use std::fs;
use std::path::PathBuf;

/// BN and ND, an epoch of one step each; and a data folder that is empty.
fn bench(scenario: &str) -> Bench {
    let bench = Bench::new(scenario);
    fs::create_dir(bench.path("data")).unwrap();
    bench
}

fn store(bench: &Bench) -> Store {
    Store::open(bench.path("store")).unwrap()
}

fn trials(bench: &Bench) -> Vec<ResolvedTrial> {
    let scenario = Scenario::load(bench.path("scenario.toml").to_str().unwrap()).unwrap();
    let profile = Profile::load("cpu").unwrap();
    expand(&scenario, &profile, &Overrides::default(), &Filter::default()).unwrap()
}

/// The exit code, and what was said.
fn run(bench: &Bench, more: &[&str]) -> (Option<i32>, String) {
    let output = bench.command("run", "store", more).arg("--data").arg(bench.path("data")).output().unwrap();
    (output.status.code(), said(&output))
}

/// How many records there are.
fn recorded(bench: &Bench) -> usize {
    store(bench).records().0.len()
}

#[test]
fn a_record_of_a_newer_program_is_kept_and_its_trial_refused() {
    let bench = bench(&scenario(16, 1));
    let path = store(&bench).record_path(&trials(&bench)[0].trial);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let newer = "{\"schema\": \"ndbench.record/2\"}";
    fs::write(&path, newer).unwrap();
    fs::write(path.with_file_name("notes.txt"), "not ours").unwrap();

    let (code, said) = run(&bench, &["--dry-run"]);
    assert_eq!(code, Some(0), "{said}");
    for part in ["notes.txt is skipped", "is newer than `ndbench.record/1`"] {
        assert!(said.contains(part), "{said}");
    }
    let (code, said) = run(&bench, &["--quiet"]);
    assert_eq!(code, Some(5), "{said}");
    for part in ["notes.txt is skipped", "resnet18 bn", "is left out", "use the ndbench that wrote it", "1 trial(s)"] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), newer);
    let names = fs::read_dir(path.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().all(|name| !name.contains("unreadable")));
    assert_eq!(recorded(&bench), 1, "the other trial is done: {said}");
}

#[test]
fn a_trial_that_another_process_trains_has_an_exit_code_of_its_own() {
    let bench = bench(&scenario(16, 1));
    let lock = store(&bench).lock(&trials(&bench)[0].trial.id()).unwrap();
    let (code, said) = run(&bench, &[]);
    assert_eq!((code, recorded(&bench)), (Some(7), 1), "{said}");
    assert!(said.contains(&format!("is being trained by process {}", std::process::id())), "{said}");
    drop(lock);
    let (code, said) = run(&bench, &[]);
    assert_eq!((code, recorded(&bench)), (Some(0), 2), "{said}");
}

#[test]
fn a_data_set_that_is_missing_leaves_out_its_own_trials_only() {
    let both = scenario(16, 1).replace("[\"fashion-mini\"]", "[\"cifar10\", \"fashion-mini\"]");
    let bench = bench(&both);
    let (code, said) = run(&bench, &[]);
    assert_eq!((code, recorded(&bench)), (Some(4), 2), "{said}");
    assert_eq!(said.matches("warning: ").count(), 1, "one warning for both of its trials: {said}");
    assert!(said.contains("ndbench data fetch cifar10") && said.contains("2 trial(s) were left out"), "{said}");

    let (code, said) = run(&bench, &["--only", "dataset=cifar10"]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("ndbench: cifar10 not found") && !said.contains("warning: "), "{said}");
}

#[test]
fn another_content_of_an_image_folder_does_not_count_as_the_one_that_was_trained_on() {
    let bench = bench(&scenario(16, 1).replace("fashion-mini", "folder:dots"));
    let paint = |value: u8| {
        for (i, image) in (0..32).flat_map(|i| [("train", i), ("test", i)]) {
            let folder = bench.path(&format!("data/dots/{i}/{}", image % 2));
            fs::create_dir_all(&folder).unwrap();
            let pixel = image::Rgb([value, 8 * image as u8, 0]);
            image::RgbImage::from_pixel(32, 32, pixel).save(folder.join(format!("{image}.png"))).unwrap();
        }
    };
    paint(1);
    let (code, said) = run(&bench, &["--only", "norm=bn"]);
    assert_eq!((code, recorded(&bench)), (Some(0), 1), "{said}");
    let (code, said) = run(&bench, &["--only", "norm=bn"]);
    assert_eq!(code, Some(0), "the same images: {said}");
    paint(2);
    let (code, said) = run(&bench, &[]);
    assert_eq!((code, recorded(&bench)), (Some(4), 2), "ND is trained, BN is not: {said}");
    assert!(said.contains("resnet18 bn") && said.contains("trained with other images"), "{said}");
    fs::remove_dir_all(bench.path("data/dots")).unwrap();
    let (code, said) = run(&bench, &[]);
    assert_eq!(code, Some(0), "nothing is left to train, so nothing is missed: {said}");

    paint(1);
    let (code, said) = run(&bench, &["--set", "train_images=33", "--only", "norm=bn"]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("33 train images are asked for and 32 are there"), "{said}");
}

#[test]
fn what_a_killed_process_left_of_a_trial_is_removed_at_the_next_visit() {
    let bench = bench(&scenario(16, 1));
    let store = store(&bench);
    let trial = &trials(&bench)[0].trial;
    assert_eq!(run(&bench, &["--only", "norm=bn"]).0, Some(0));
    let temporary = |path: PathBuf| {
        let name = format!(".tmp-{}-x7Gq2b", path.file_name().unwrap().to_string_lossy());
        path.with_file_name(name)
    };
    let checkpoint = store.checkpoint_path(&trial.id());
    let ours = [checkpoint.clone(), temporary(checkpoint.clone()), temporary(store.record_path(trial))];
    let other = trials(&bench)[1].trial.id();
    let theirs = [store.checkpoint_path(&other), temporary(store.checkpoint_path(&other))];
    fs::create_dir(checkpoint.parent().unwrap()).unwrap();
    ours.iter().chain(&theirs).for_each(|path| fs::write(path, "half").unwrap());
    let lock = store.lock(&trial.id()).unwrap();
    assert_eq!(run(&bench, &["--only", "norm=bn"]).0, Some(0));
    assert!(ours.iter().all(|path| path.exists()), "another process holds the lock");
    drop(lock);
    let (code, said) = run(&bench, &["--only", "norm=bn"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(ours.iter().all(|path| !path.exists()) && theirs.iter().all(|path| path.exists()));
}

#[test]
#[cfg(target_os = "linux")]
fn a_trial_that_the_kernel_keeps_killing_for_want_of_memory_ends_and_the_matrix_goes_on() {
    let bench = bench(&scenario(16, 1));
    let id = trials(&bench)[0].trial.id();
    let here = OomKills::here();
    // Another count than the kernel's of now: it has killed since.
    let counts = here.clone().map(|here| OomKills { oom_kills: u64::MAX, ..here });
    let will = |killed: u32| {
        let mut will = counts.as_ref().map_or(serde_json::json!({}), |counts| serde_json::to_value(counts).unwrap());
        will["killed"] = killed.into();
        format!("process 1 on alpha\n{will}\n")
    };
    fs::create_dir_all(bench.path("store/locks")).unwrap();
    let lock = bench.path("store/locks").join(format!("{id}.lock"));

    fs::write(&lock, will(1)).unwrap();
    let (code, said) = run(&bench, &[]);
    assert_eq!((code, recorded(&bench)), (Some(0), 2), "{said}");
    if here.is_none() {
        // Where no group of the process counts, such as in the root of a machine, nobody knows who was killed.
        assert!(!said.contains("--retry oom"), "{said}");
        return;
    }
    assert!(said.contains("the process died 2 times") && said.contains("--retry oom"), "{said}");
    let outcome = |trial: usize| store(&bench).find(&trials(&bench)[trial].trial.id()).unwrap().unwrap().outcome.word();
    assert_eq!((outcome(0), outcome(1)), ("oom", "finished"));
    let told = |command: &str, more: &[&str]| {
        let output = bench.command(command, "store", more).env("PATH", "").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        [output.stdout, output.stderr].concat().iter().map(|byte| char::from(*byte)).collect::<String>()
    };
    let words = told("status", &[]);
    assert!(words.contains("ran out of memory: killed by the out-of-memory killer of "), "{words}");
    assert!(words.contains("slurm.memory"), "{words}");
    let words = told("submit", &["--dry-run"]);
    assert!(words.contains("2 done, 0 in the queue, 0 to submit"), "{words}");
    let words = told("submit", &["--dry-run", "--retry", "oom"]);
    assert!(words.contains("1 done, 0 in the queue, 1 to submit") && words.contains(" --retry oom\n"), "{words}");

    fs::write(&lock, will(0)).unwrap();
    let (code, said) = run(&bench, &["--retry", "oom"]);
    assert_eq!((code, outcome(0)), (Some(0), "finished"), "once is no proof: {said}");
    assert_eq!(fs::read_to_string(&lock).unwrap(), "", "nobody died");
}

#[test]
fn a_trial_whose_processes_die_without_a_word_is_told_and_given_up_in_the_end() {
    let bench = bench(&scenario(16, 1));
    let id = trials(&bench)[0].trial.id();
    fs::create_dir_all(bench.path("store/locks")).unwrap();
    let lock = bench.path("store/locks").join(format!("{id}.lock"));
    let dies = |died: u32| {
        // On another machine, of which nothing is known here.
        let will = serde_json::json!({"boot": "another", "oom_kills": 0, "node": "alpha", "died": died - 1});
        fs::write(&lock, format!("process 7 on alpha\n{will}\n")).unwrap();
    };
    let told = |command: &str, more: &[&str]| {
        let output = bench.command(command, "store", more).env("PATH", "").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };

    dies(10);
    let words = told("status", &[]);
    assert!(words.contains("process 7 on alpha died before its first checkpoint, the last of 10 in a row"), "{words}");
    assert!(words.contains("the trainers of 1 trial(s) died without a word"), "{words}");
    let json: serde_json::Value = serde_json::from_str(&told("status", &["--json"])).unwrap();
    let progress = &json["trials"][0]["progress"];
    assert_eq!((&progress["state"], &progress["deaths"]), (&"died".into(), &10.into()));
    let words = told("submit", &["--dry-run"]);
    assert!(
        words.contains("2 to submit") && words.contains("the trainers of 1 trial(s) died without a word"),
        "{words}"
    );

    let (code, said) = run(&bench, &[]);
    assert_eq!(code, Some(1), "{said}");
    let outcome = |trial: usize| store(&bench).find(&trials(&bench)[trial].trial.id()).unwrap().unwrap().outcome.word();
    assert_eq!((outcome(0), outcome(1)), ("failed", "finished"));
    let words = told("status", &[]);
    assert!(
        words.contains("failed: its process died 10 times without a word") && words.contains("on alpha"),
        "{words}"
    );
    assert!(!words.contains("the trainers of"), "{words}");

    dies(9);
    assert_eq!((run(&bench, &[]).0, outcome(0)), (Some(0), "finished"), "it is tried again");
}
