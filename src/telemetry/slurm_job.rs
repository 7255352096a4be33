//! The Slurm job that a program runs in.

use serde::{Deserialize, Serialize};

/// What Slurm tells its jobs; texts are empty where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SlurmJob {
    /// `SLURM_CLUSTER_NAME`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster: String,
    /// `SLURM_JOB_ID`: of the task alone.
    pub id: String,
    /// `SLURM_ARRAY_JOB_ID`: of the array.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub array_job: String,
    /// `SLURM_ARRAY_TASK_ID`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub array_task: String,
    /// `SLURMD_NODENAME`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub node: String,
    /// `SLURM_STEP_GPUS` or `SLURM_JOB_GPUS`: the node's numbers of its GPUs.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub gpus: String,
    /// `SLURM_RESTART_COUNT`: how often the job was started again, for whatever reason.
    pub restarts: u32,
}

impl SlurmJob {
    /// Of this process.
    pub fn here() -> Self {
        Self::of(|key| std::env::var(key).ok())
    }

    /// By `lookup`, such as that of a process's environment.
    pub fn of(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let text = |key| lookup(key).unwrap_or_default();
        Self {
            cluster: text("SLURM_CLUSTER_NAME"),
            id: text("SLURM_JOB_ID"),
            array_job: text("SLURM_ARRAY_JOB_ID"),
            array_task: text("SLURM_ARRAY_TASK_ID"),
            node: text("SLURMD_NODENAME"),
            gpus: Some(text("SLURM_STEP_GPUS"))
                .filter(|gpus| !gpus.is_empty())
                .unwrap_or_else(|| text("SLURM_JOB_GPUS")),
            restarts: text("SLURM_RESTART_COUNT").parse().unwrap_or(0),
        }
    }

    /// The job, if this is one.
    pub fn some(self) -> Option<Self> {
        (!self.id.is_empty()).then_some(self)
    }

    /// Both are starts of one task of an array, the same one or a later one.
    pub fn is_of_the_task(&self, other: &Self) -> bool {
        !self.array_job.is_empty() && self.cluster == other.cluster && self.name() == other.name()
    }

    /// As `squeue` and `scontrol` name it: `17_3` in an array, else `17`.
    pub fn name(&self) -> String {
        if self.array_job.is_empty() { self.id.clone() } else { format!("{}_{}", self.array_job, self.array_task) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_what_its_environment_says() {
        let environment = |key: &str| match key {
            "SLURM_JOB_ID" => Some("18".into()),
            "SLURM_ARRAY_JOB_ID" => Some("17".into()),
            "SLURM_ARRAY_TASK_ID" => Some("3".into()),
            "SLURM_RESTART_COUNT" => Some("2".into()),
            _ => None,
        };
        let job = SlurmJob::of(environment);
        assert_eq!((job.name().as_str(), job.restarts, job.cluster.as_str()), ("17_3", 2, ""));
        assert_eq!(SlurmJob { id: "18".into(), ..SlurmJob::default() }.name(), "18");
        assert_eq!(SlurmJob::of(|_| None).some(), None);
        let later = SlurmJob { restarts: 3, id: "19".into(), ..job.clone() };
        assert!(job.is_of_the_task(&later) && !job.is_of_the_task(&SlurmJob { array_task: "4".into(), ..later }));
        let single = SlurmJob { id: "18".into(), ..SlurmJob::default() };
        assert!(!single.is_of_the_task(&single), "by hand a job may try again what it did");
        let text = serde_json::to_string(&job).unwrap();
        assert_eq!(text, r#"{"id":"18","array_job":"17","array_task":"3","restarts":2}"#);
        assert_eq!(serde_json::from_str::<SlurmJob>(&text).unwrap(), job);
    }
}
