//! `ndbench submit --engine kubernetes`: what is printed, and what is refused.

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Submits `smoke` into a store in `folder`, which is the volume of the pods.
fn submit(folder: &Path, table: &str, more: &[&str]) -> Assert {
    submit_into(&folder.join("store"), folder, table, more)
}

fn submit_into(store: &Path, folder: &Path, table: &str, more: &[&str]) -> Assert {
    let mount = format!("[kubernetes]\nmount = \"{}\"\n", folder.display());
    let profile = folder.join("here.toml");
    fs::write(&profile, [include_str!("../../profiles/cpu.toml"), &mount, table].concat()).unwrap();
    let mut command = Command::cargo_bin("ndbench").unwrap();
    command.args(["submit", "smoke", "--engine", "kubernetes", "--profile"]).arg(profile);
    command.arg("--store").arg(store).args(more).assert()
}

/// What pods need.
const TABLE: &str = "image = \"a/b:1\"\nclaim = \"c\"\ncpus = 2\n";

fn said(done: &Assert) -> String {
    String::from_utf8(done.get_output().stderr.clone()).unwrap()
}

fn documents(done: &Assert) -> Vec<Value> {
    let text = String::from_utf8(done.get_output().stdout.clone()).unwrap();
    text.split("\n---\n").map(|document| serde_saphyr::from_str(document).unwrap()).collect()
}

fn script(job: &Value) -> &str {
    job["spec"]["template"]["spec"]["containers"][0]["command"][2].as_str().unwrap()
}

#[test]
fn a_manifest_is_printed_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let done = submit(folder.path(), TABLE, &["--dry-run", "--data", "/no/such folder"]).success();
    assert!(said(&done).contains("4 trials: 0 done, 4 to train in 2 block(s)"), "{}", said(&done));
    let [plan, job] = &documents(&done)[..] else { panic!("a plan and a job") };
    assert_eq!((&plan["kind"], &job["kind"]), (&"ConfigMap".into(), &"Job".into()));
    assert_eq!(job["spec"]["completions"], 2);
    let script = script(job);
    assert!(script.starts_with("set -- 1 2\n"), "{script}");
    assert!(script.ends_with(" --row \"$1\" --data '/no/such folder' --threads 2\n"), "{script}");
    assert!(script.contains(" 1500 ndbench run /etc/ndbench/"), "of half an hour, less five minutes: {script}");
    assert!(job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"].is_null());
    assert!(!folder.path().join("store").exists());
}

#[test]
fn what_pods_cannot_do_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (table, more, why) in [
        (TABLE, &[][..], "add --dry-run and give what it prints to `kubectl create -f -`"),
        ("image = \"a/b:1\"\n", &["--dry-run"], "profile cpu: kubernetes.claim is missing"),
        ("claim = \"c\"\n", &["--dry-run"], "profile cpu: kubernetes.image is missing"),
        ("imag = \"c\"\n", &["--dry-run"], "kubernetes.imag: unknown key `imag` (did you mean `image`?)"),
    ] {
        let said = said(&submit(folder.path(), table, more).code(3));
        assert!(said.contains(why), "no {why} in {said}");
    }
    for store in [Path::new("/elsewhere"), &folder.path().join("../elsewhere")] {
        let said = said(&submit_into(store, folder.path(), TABLE, &["--dry-run"]).code(3));
        assert!(said.contains("is not on the volume that pods see at"), "{said}");
    }
}

#[cfg(feature = "torch")]
#[test]
fn a_pod_trains_its_row_and_what_is_done_is_not_in_the_next_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let few = ["--dry-run", "--set", "train_images=64", "--set", "test_images=64"];
    let program = assert_cmd::cargo::cargo_bin("ndbench");
    let with_program = [&few[..], &["--program", program.to_str().unwrap()]].concat();
    let printed = documents(&submit(folder.path(), TABLE, &with_program).success());
    let (name, plan) = printed[0]["data"].as_object().unwrap().iter().next().unwrap();
    fs::write(folder.path().join(name), plan.as_str().unwrap()).unwrap();
    let script = script(&printed[1]).replace("/etc/ndbench", folder.path().to_str().unwrap());
    let mut pod = Command::new("/bin/sh");
    pod.args(["-c", &script]).env("JOB_COMPLETION_INDEX", "1").env("NDBENCH_NODE", "node7").assert().success();
    let record = fs::read_dir(folder.path().join("store/records")).unwrap().next().unwrap().unwrap();
    let record: Value = serde_json::from_slice(&fs::read(record.path()).unwrap()).unwrap();
    assert_eq!(record["environment"]["host"]["name"], "node7");
    let done = submit(folder.path(), TABLE, &few).success();
    assert!(said(&done).contains("4 trials: 2 done, 2 to train in 1 block(s)"), "{}", said(&done));
    assert_eq!(documents(&done)[1]["spec"]["completions"], 1);
}
