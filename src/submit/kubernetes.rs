//! The manifest for Kubernetes: the frozen plan as a ConfigMap, and an Indexed Job for each wall-time class, whose pods
//! train a row each. It needs Kubernetes 1.29, where `backoffLimitPerIndex` is on.

use super::script::{Array, quoted, warning};
use super::training::RETRIES;
use super::{ELSEWHERE, INTERRUPTED, NO_DATA, NO_DEVICE, NO_STORE, WARNED, arrays};
use crate::plan::{Frozen, PLAN_FILE};
use crate::profile::{Kubernetes, PLAN_FOLDER, time_minutes};
use crate::telemetry::NODE_VARIABLE;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Rows of a Job: with more, Kubernetes has other rules for their failures.
const MOST_ROWS: usize = 10_000;

/// Bytes that a ConfigMap holds.
const MOST_BYTES: usize = 1 << 20;

/// The longest time limit in minutes where the profile says none: a week.
const WEEK: u64 = 10_080;

/// The name of the container and of the volumes.
const NAME: &str = "ndbench";

/// How a container ends whose program does not run on its node.
const NOT_RUN: u8 = 126;

/// Exit codes with which a row goes on in another pod: its node cannot train it or lacks something, and others may; others
/// train its trials, as they do while an unreachable node has not given up yet; its time ended; a signal ended it, which is
/// 128 and the signal's number where the program did not see it. All of these are counted: a failure that is ignored has no
/// bound. Rising, as Kubernetes wants them.
const GO_ON: [u8; 9] = [NO_DATA, NO_STORE, NO_DEVICE, ELSEWHERE, WARNED, NOT_RUN, INTERRUPTED, 128 + 9, 128 + 15];

/// What is to be trained in pods.
pub struct Pods<'a> {
    /// The frozen matrix with its rows.
    pub frozen: &'a Frozen,
    /// How pods train.
    pub kubernetes: &'a Kubernetes,
    /// The image.
    pub image: &'a str,
    /// The claim of the volume with the store.
    pub claim: &'a str,
    /// A pod asks for a GPU.
    pub on_gpu: bool,
    /// The program in the image.
    pub program: &'a Path,
    /// What each pod's command line has besides the row.
    pub more: &'a [String],
}

/// A plan that is larger than what a ConfigMap holds.
#[derive(Debug, thiserror::Error)]
#[error(
    "the plan has {bytes} bytes, and a ConfigMap of Kubernetes holds {MOST_BYTES}; submit fewer blocks with --only"
)]
pub struct TooLarge {
    bytes: usize,
}

impl Pods<'_> {
    /// The manifest, as YAML: the plan, and the Jobs, the longest first.
    ///
    /// # Errors
    /// The plan is too large.
    pub fn manifest(&self) -> Result<String, TooLarge> {
        let longest = self.kubernetes.max_time.as_deref().and_then(time_minutes).unwrap_or(WEEK);
        let mut text = yaml(&self.plan()?);
        for array in arrays(&self.frozen.rows, longest, MOST_ROWS) {
            text += "---\n";
            text += &yaml(&self.job(&array));
        }
        Ok(text)
    }

    fn plan(&self) -> Result<Value, TooLarge> {
        let text = self.frozen.json();
        match text.len() {
            bytes if bytes > MOST_BYTES => Err(TooLarge { bytes }),
            _ => Ok(json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": self.metadata(&self.plan_name()),
                "immutable": true,
                "data": { self.file(): text },
            })),
        }
    }

    fn job(&self, array: &Array) -> Value {
        let rows = array.rows.len();
        let tasks = self.kubernetes.throttle.map_or(rows, |tasks| rows.min(tasks as usize));
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": self.metadata(&array.name(&self.frozen.name())),
            "spec": {
                "completionMode": "Indexed",
                "completions": rows,
                "parallelism": tasks,
                // The others go on, however many fail.
                "maxFailedIndexes": rows,
                "backoffLimitPerIndex": RETRIES,
                // Never two pods of a row at a time.
                "podReplacementPolicy": "Failed",
                "podFailurePolicy": { "rules": [
                    { "action": "Ignore", "onPodConditions": [{ "type": "DisruptionTarget", "status": "True" }] },
                    { "action": "FailIndex",
                      "onExitCodes": { "containerName": NAME, "operator": "NotIn", "values": GO_ON } },
                ] },
                "template": { "metadata": { "labels": self.labels() }, "spec": self.pod(array) },
            },
        })
    }

    fn pod(&self, array: &Array) -> Value {
        let Kubernetes { pull_secret, user, node_selector, tolerations, .. } = self.kubernetes;
        let mut pod = json!({
            // As the policy of failures asks for.
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": warning(array.minutes),
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [self.container(array)],
            "volumes": [
                { "name": "plan", "configMap": { "name": self.plan_name() } },
                { "name": "store", "persistentVolumeClaim": { "claimName": self.claim } },
            ],
        });
        if let Some(user) = user {
            for key in ["runAsUser", "runAsGroup", "fsGroup"] {
                pod["securityContext"][key] = json!(user);
            }
            pod["securityContext"]["fsGroupChangePolicy"] = json!("OnRootMismatch");
        }
        if let Some(secret) = pull_secret {
            pod["imagePullSecrets"] = json!([{ "name": secret }]);
        }
        if !node_selector.is_empty() {
            pod["nodeSelector"] = json!(node_selector);
        }
        if !tolerations.is_empty() {
            pod["tolerations"] = tolerations.iter().map(|key| json!({ "key": key, "operator": "Exists" })).collect();
        }
        pod
    }

    fn container(&self, array: &Array) -> Value {
        let mut container = json!({
            "name": NAME,
            "image": self.image,
            "command": ["/bin/sh", "-c", self.script(array)],
            "env": [{ "name": NODE_VARIABLE, "valueFrom": { "fieldRef": { "fieldPath": "spec.nodeName" } } }],
            "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
            "volumeMounts": [
                { "name": "plan", "mountPath": PLAN_FOLDER, "readOnly": true },
                { "name": "store", "mountPath": self.kubernetes.mount().to_string_lossy() },
            ],
        });
        let limits = self.limits();
        if !limits.is_empty() {
            container["resources"] = json!({ "limits": limits });
        }
        container
    }

    /// What a pod has of its node; it asks for as much, since it does not say otherwise.
    fn limits(&self) -> Map<String, Value> {
        let Kubernetes { gpus, cpus, memory, .. } = self.kubernetes;
        let gpu = self.on_gpu.then(|| (self.kubernetes.gpu().to_owned(), json!(gpus.unwrap_or(1).to_string())));
        let cpus = cpus.map(|cpus| ("cpu".to_owned(), json!(cpus.to_string())));
        let memory = memory.map(|memory| ("memory".to_owned(), json!(memory.0.0.to_string())));
        gpu.into_iter().chain(cpus).chain(memory).collect()
    }

    /// What a pod runs: the row of its index, and, as in a batch script, a warning before its time ends.
    fn script(&self, array: &Array) -> String {
        let rows: Vec<String> = array.rows.iter().map(usize::to_string).collect();
        let plan = format!("{PLAN_FOLDER}/{}", self.file());
        let words = [self.program, Path::new("run"), Path::new(&plan)].map(quoted).join(" ");
        let more: String = self.more.iter().map(|word| format!(" {}", quoted(Path::new(word)))).collect();
        let (warning, seconds) = (warning(array.minutes), array.minutes * 60);
        // Kubernetes puts variables in place of `$(NAME)`, and takes `$$` for `$`.
        let [words, more] = [words, more].map(|words| words.replace('$', "$$"));
        format!(
            "set -- {}\n\
             shift \"$JOB_COMPLETION_INDEX\"\n\
             exec timeout --preserve-status --signal=USR2 --kill-after={warning} {} {words} --row \"$1\"{more}\n",
            rows.join(" "),
            seconds - warning,
        )
    }

    fn metadata(&self, name: &str) -> Value {
        let mut metadata = json!({ "name": name, "labels": self.labels() });
        if let Some(namespace) = &self.kubernetes.namespace {
            metadata["namespace"] = json!(namespace);
        }
        for (label, value) in &self.kubernetes.labels {
            metadata["labels"][label] = json!(value);
        }
        metadata
    }

    /// By which all that belongs to a plan is found.
    fn labels(&self) -> Value {
        json!({ "app.kubernetes.io/name": NAME, "app.kubernetes.io/instance": self.frozen.name() })
    }

    fn plan_name(&self) -> String {
        format!("{NAME}-{}", self.frozen.name())
    }

    fn file(&self) -> String {
        self.frozen.name() + PLAN_FILE
    }
}

fn yaml(document: &Value) -> String {
    // Long lines stay lines: only texts with line breaks become blocks.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(document, options).expect("plain data becomes YAML")
}
