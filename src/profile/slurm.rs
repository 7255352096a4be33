//! What a profile says of its cluster: the words that jobs are submitted with.

use super::Amount;
use serde::Deserialize;
use std::path::PathBuf;

/// How jobs are submitted to Slurm; what is absent is left to the cluster.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a table with partition, account, qos, constraint, gres, cpus, memory, exclusive, throttle, max_time, setup, options, report_options and metrics"
)]
pub struct Slurm {
    /// Partition.
    pub partition: Option<String>,
    /// Account that is charged.
    pub account: Option<String>,
    /// Quality of service.
    pub qos: Option<String>,
    /// Features that nodes must have.
    pub constraint: Option<String>,
    /// Generic resources of a task, `gpu:h200:1`; of a profile of a GPU `gpu:1`, where it does not say.
    pub gres: Option<String>,
    /// Cores of a task.
    pub cpus: Option<u32>,
    /// Main memory of a task.
    pub memory: Option<Amount>,
    /// No other job on the node: for times that are to be compared.
    pub exclusive: bool,
    /// Tasks of an array that run at a time.
    pub throttle: Option<u32>,
    /// The longest time limit to ask for, in Slurm's form, `1-00:00:00`.
    pub max_time: Option<String>,
    /// Lines of shell before the program starts, `module load cuda`.
    pub setup: Vec<String>,
    /// Further options of sbatch, `--mail-type=FAIL`.
    pub options: Vec<String>,
    /// Options of sbatch for the report, which goes before `options`: `--partition=cpu`, where the partition of the trainings takes
    /// no job without a GPU.
    pub report_options: Vec<String>,
    /// Live metrics of the tasks.
    pub metrics: Option<TaskMetrics>,
}

/// Where each task serves its metrics while it runs, and how Prometheus finds it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with targets, listen, web_config and insecure")]
pub struct TaskMetrics {
    /// Folder of Prometheus' file-based service discovery: a file a task.
    pub targets: PathBuf,
    /// As `--listen` takes it.
    #[serde(default = "any_port")]
    pub listen: String,
    /// TLS and basic auth, as `--web-config` takes it.
    pub web_config: Option<PathBuf>,
    /// Nothing protects the metrics.
    #[serde(default)]
    pub insecure: bool,
}

/// Each address of the node, whichever port is free.
fn any_port() -> String {
    "0.0.0.0:0".into()
}

impl Slurm {
    /// Asks for a GPU, which no other job has, unless it says something of GPUs itself.
    pub(super) fn ask_for_a_gpu(&mut self) {
        let says = |option: &String| {
            let names = |word: &str| word == "--gres" || word.starts_with("--gres=");
            option.split_whitespace().any(|word| names(word) || word.starts_with("--gpus") || word.starts_with("-G"))
        };
        if self.gres.is_none() && !self.options.iter().any(says) {
            self.gres = Some("gpu:1".into());
        }
    }

    /// [`Slurm::memory`] in MiB, as Slurm counts.
    pub fn memory_mib(&self) -> Option<u64> {
        self.memory.map(|memory| memory.0.0.div_ceil(1 << 20))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_is_asked_for_unless_something_else_is() {
        let asked = |text: &str| {
            let mut slurm: Slurm = toml::from_str(text).unwrap();
            slurm.ask_for_a_gpu();
            slurm.gres
        };
        assert_eq!(asked("").as_deref(), Some("gpu:1"));
        assert_eq!(asked("gres = \"gpu:h200:1\"").as_deref(), Some("gpu:h200:1"));
        for options in ["--gpus-per-task=1", "--nice --gpus=2", "--gres gpu:2", "--exclusive -G2"] {
            assert_eq!(asked(&format!("options = [\"{options}\"]")), None, "{options}");
        }
        assert_eq!(asked("options = [\"--gres-flags=enforce-binding\"]").as_deref(), Some("gpu:1"));
    }
}
