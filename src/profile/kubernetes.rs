//! What a profile says of its Kubernetes cluster.

use super::{Amount, time_minutes};
use crate::settings::Checker;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Component, Path};

/// How pods train; what is absent is left to the cluster.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a table with image, pull_secret, namespace, claim, mount, gpu, gpus, cpus, memory, user, node_selector, tolerations, labels, throttle and max_time"
)]
pub struct Kubernetes {
    /// The image of the program.
    pub image: Option<String>,
    /// The secret that it is pulled with.
    pub pull_secret: Option<String>,
    /// Namespace.
    pub namespace: Option<String>,
    /// The claim of the volume with the store.
    pub claim: Option<String>,
    /// Where pods see that volume, [`Kubernetes::mount`].
    pub mount: Option<String>,
    /// The resource that is a GPU, [`Kubernetes::gpu`].
    pub gpu: Option<String>,
    /// GPUs of a pod, one where this is absent; a row computes on one.
    pub gpus: Option<u32>,
    /// Cores of a pod.
    pub cpus: Option<u32>,
    /// Main memory of a pod.
    pub memory: Option<Amount>,
    /// Number of the user and group that the program runs as, and that the volume belongs to; absent: the image's.
    pub user: Option<u32>,
    /// Labels that nodes must have.
    pub node_selector: BTreeMap<String, String>,
    /// Keys of taints that do not keep pods away.
    pub tolerations: Vec<String>,
    /// Labels of the jobs, such as the name of a queue.
    pub labels: BTreeMap<String, String>,
    /// Pods of a job that run at a time.
    pub throttle: Option<u32>,
    /// The longest time limit, in Slurm's form, `1-00:00:00`.
    pub max_time: Option<String>,
}

impl Kubernetes {
    /// Where pods see the volume with the store.
    pub fn mount(&self) -> &Path {
        Path::new(self.mount.as_deref().unwrap_or("/ndbench"))
    }

    /// The resource that is a GPU.
    pub fn gpu(&self) -> &str {
        self.gpu.as_deref().unwrap_or("nvidia.com/gpu")
    }
}

/// Where pods see the plan.
pub const PLAN_FOLDER: &str = "/etc/ndbench";

const MOST: u32 = 4096;

/// Holds every value against its rule; the main memory is checked beside that of other tables.
pub(super) fn check(kubernetes: &Kubernetes, on_cpu: bool, c: &mut Checker<'_>) {
    let Kubernetes { image, pull_secret, namespace, claim, gpu, .. } = kubernetes;
    let key = |name: &str| format!("kubernetes.{name}");
    let is_word = image.as_ref().is_none_or(|image| !image.is_empty() && !image.contains(char::is_whitespace));
    c.rule(is_word, &key("image"), "must be the name of an image, without spaces");
    let rule = "must be a name of lower-case letters, digits, `-` and `.`, as Kubernetes has them";
    for (name, value) in [("pull_secret", pull_secret), ("claim", claim)] {
        c.rule(value.as_deref().is_none_or(is_domain), &key(name), rule);
    }
    let is_namespace = namespace.as_deref().is_none_or(|name| is_domain(name) && !name.contains('.'));
    c.rule(is_namespace, &key("namespace"), "must be a name of lower-case letters, digits and `-`");
    let mount = kubernetes.mount();
    let is_plain = mount.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    let is_mount = mount.is_absolute() && mount != Path::new("/") && is_plain && !mount.to_string_lossy().contains(':');
    c.rule(is_mount, &key("mount"), "must be an absolute path without `..` and `:`, such as \"/ndbench\"");
    let is_free = mount != Path::new(PLAN_FOLDER);
    c.rule(is_free, &key("mount"), "must be another folder than /etc/ndbench, which holds the plan");
    for (name, is_set) in [("gpu", gpu.is_some()), ("gpus", kubernetes.gpus.is_some())] {
        c.rule(!(on_cpu && is_set), &key(name), "is for device.kind = \"cuda\" only");
    }
    let is_resource = kubernetes.gpu().contains('/') && is_label(kubernetes.gpu());
    c.rule(is_resource, &key("gpu"), "must be a resource, such as \"nvidia.com/gpu\"");
    for (name, number) in [("gpus", kubernetes.gpus), ("cpus", kubernetes.cpus), ("throttle", kubernetes.throttle)] {
        c.count(&key(name), number.unwrap_or(1), 1..=MOST);
    }
    c.count(&key("user"), kubernetes.user.unwrap_or(1), 1..=i32::MAX as u32);
    for (name, labels) in [("node_selector", &kubernetes.node_selector), ("labels", &kubernetes.labels)] {
        let hold = labels.iter().all(|(label, value)| is_label(label) && (value.is_empty() || is_name(value)));
        c.rule(hold, &key(name), "must have labels of Kubernetes, such as \"example.org/kind\" = \"h200\"");
    }
    let taints = kubernetes.tolerations.iter().all(|taint| is_label(taint));
    c.rule(taints, &key("tolerations"), "must have keys of taints, such as \"nvidia.com/gpu\"");
    let time = kubernetes.max_time.as_deref().map(|text| time_minutes(text).unwrap_or(0));
    c.rule(time != Some(0), &key("max_time"), "must be a time of Slurm's form, such as \"1-00:00:00\"");
}

/// At most 63 letters, digits, `-`, `_` and `.`, letters or digits at both ends.
fn is_name(text: &str) -> bool {
    let ends = [text.chars().next(), text.chars().last()];
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    text.len() <= 63
        && text.chars().all(is_plain)
        && ends.iter().flatten().all(char::is_ascii_alphanumeric)
        && !text.is_empty()
}

/// Names in lower case with points between them, at most 253 characters.
fn is_domain(text: &str) -> bool {
    let is_lower = |c: char| !c.is_ascii_uppercase() && c != '_';
    text.len() <= 253 && text.split('.').all(|part| is_name(part) && part.chars().all(is_lower))
}

/// A name, perhaps with a domain and a slash before it.
fn is_label(text: &str) -> bool {
    match text.split_once('/') {
        Some((domain, name)) => is_domain(domain) && is_name(name),
        None => is_name(text),
    }
}
