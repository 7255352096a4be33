//! The Slurm job that a program runs in.

/// What Slurm tells its jobs; empty outside of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlurmJob {
    /// `SLURM_CLUSTER_NAME`.
    pub cluster: String,
    /// `SLURM_JOB_ID`.
    pub id: String,
    /// `SLURM_ARRAY_TASK_ID`.
    pub array_task: String,
}

impl SlurmJob {
    /// By `lookup`, such as that of the process's environment.
    pub fn of(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let [cluster, id, array_task] =
            ["SLURM_CLUSTER_NAME", "SLURM_JOB_ID", "SLURM_ARRAY_TASK_ID"].map(|key| lookup(key).unwrap_or_default());
        Self { cluster, id, array_task }
    }
}
