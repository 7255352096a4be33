//! Manifests: their form, and what their pods run.

use super::{Pods, TooLarge};
use crate::plan::{Frozen, Overrides, Row, Text, TrialId};
use crate::profile::Kubernetes;
use crate::units::Seconds;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Odd in every way that the rules of profiles let through.
const ODD: &str = r#"
image = "registry.example.org:5000/a/b@sha256:0"
pull_secret = "on"
namespace = "null"
claim = "1e3"
mount = "/it's a \"mount\""
gpu = "example.org/gpu.shared"
gpus = 2
cpus = 16
memory = "64 GiB"
user = 1000
node_selector = { "example.org/kind" = "yes", zone = "0x1F", empty = "" }
tolerations = ["nvidia.com/gpu", "true"]
labels = { "kueue.x-k8s.io/queue-name" = "1.0" }
throttle = 2
max_time = "4:00:00"
"#;

/// Seven rows in two classes, in turns.
fn frozen() -> Frozen {
    let text = |label: &str| Text { label: label.into(), text: "a = \"\\t$(B)\"\n\n  # ---\n".into() };
    let mut frozen = Frozen::new(text("it's: odd"), text("x"), Overrides::default(), vec![], "/it's".into());
    let row = |n: u32| {
        let seconds = Some(Seconds(if n.is_multiple_of(2) { 3600.0 } else { 60.0 }));
        Row { block: n.to_string(), trials: vec![TrialId(n.to_string())], seconds }
    };
    frozen.rows = (1..=7).map(row).collect();
    frozen
}

fn manifest(frozen: &Frozen, kubernetes: &Kubernetes, program: &Path, more: &[&str]) -> Result<String, TooLarge> {
    let more: Vec<String> = more.iter().map(|&word| word.into()).collect();
    let (image, claim) = (kubernetes.image.as_deref().unwrap(), kubernetes.claim.as_deref().unwrap());
    Pods { frozen, kubernetes, image, claim, on_gpu: true, program, more: &more }.manifest()
}

fn odd() -> Kubernetes {
    toml::from_str(ODD).unwrap()
}

/// Words for which shells and Kubernetes have other meanings.
const WORDS: [&str; 2] = ["--data", "/$HOME/$$(A)/$(B) \"it's\"\\"];

#[test]
fn manifests_have_what_the_profile_says() {
    let frozen = frozen();
    let text = manifest(&frozen, &odd(), Path::new("/it's the $(PROGRAM)"), &WORDS).unwrap();
    // The version is in the plan, and so in its name.
    let text = text.replace(&frozen.name(), "3f2a9c1b").replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::assert_snapshot!("odd", text);
}

#[test]
fn each_row_has_one_pod_which_runs_the_program_with_the_words_as_they_are() {
    let (frozen, folder) = (frozen(), tempfile::tempdir().unwrap());
    let program = folder.path().join("it's the $(PROGRAM)");
    fs::write(&program, "#!/bin/sh\nfor word; do printf '%s\\n' \"$word\"; done\nexit 75\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let text = manifest(&frozen, &odd(), &program, &WORDS).unwrap();
    let documents: Vec<Value> = text.split("\n---\n").map(|text| serde_saphyr::from_str(text).unwrap()).collect();
    let plan = format!("{}.plan.json", frozen.name());
    assert_eq!(documents[0]["data"][&plan], frozen.json());

    let mut rows = BTreeSet::new();
    for job in &documents[1..] {
        let words = job["spec"]["template"]["spec"]["containers"][0]["command"].as_array().unwrap();
        // As Kubernetes does: of two `$` it leaves one, and names of variables that it does not know stay.
        let words: Vec<String> = words.iter().map(|word| word.as_str().unwrap().replace("$$", "$")).collect();
        for index in 0..job["spec"]["completions"].as_u64().unwrap() {
            let pod = Command::new(&words[0]).args(&words[1..]).env("JOB_COMPLETION_INDEX", index.to_string()).output();
            let pod = pod.unwrap();
            assert_eq!(pod.status.code(), Some(75), "the program's exit code is the pod's");
            let said = String::from_utf8(pod.stdout).unwrap();
            let row = said.lines().nth(3).unwrap().to_owned();
            assert_eq!(said, format!("run\n/etc/ndbench/{plan}\n--row\n{row}\n{}\n{}\n", WORDS[0], WORDS[1]));
            assert!(rows.insert(row.parse::<usize>().unwrap()), "{rows:?}, then {row}");
        }
    }
    assert_eq!(rows, (1..=7).collect());
}

#[test]
fn a_plan_that_no_config_map_holds_is_refused() {
    let mut frozen = frozen();
    frozen.scenario.text = "#".repeat(1 << 20);
    let why = manifest(&frozen, &odd(), Path::new("x"), &[]).unwrap_err().to_string();
    assert!(why.contains("a ConfigMap of Kubernetes holds 1048576"), "{why}");
}
