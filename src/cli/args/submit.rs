//! The arguments of `ndbench submit`.

use super::{RetryArg, Selection};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `ndbench submit`.
#[derive(Debug, Args)]
pub struct SubmitArgs {
    /// Which trials; the profile's table `slurm` or `kubernetes` says how they are submitted.
    #[command(flatten)]
    pub selection: Selection,
    /// What the trials are submitted to; for Kubernetes a manifest is printed, with --dry-run alone
    #[arg(long, value_enum, default_value = "slurm")]
    pub engine: EngineArg,
    /// Print the scripts and what does not fit the cluster; write and submit nothing
    #[arg(long)]
    pub dry_run: bool,
    /// What the tasks run, a path on every node or in the image [default: this program; in an image, ndbench]
    #[arg(long, value_name = "FILE")]
    pub program: Option<PathBuf>,
    /// Folder with data sets, on every node or in the pods [default: as `run` finds it]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Also train again trials that ended so, say with more memory; their records are replaced
    #[arg(long, value_name = "OUTCOME,...", value_delimiter = ',')]
    pub retry: Vec<RetryArg>,
}

impl SubmitArgs {
    /// What each task's command line has of it.
    pub fn retry_words(&self) -> Vec<String> {
        self.retry.iter().flat_map(|outcome| ["--retry".into(), outcome.to_string()]).collect()
    }
}

/// What trials are submitted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineArg {
    /// Job arrays of a Slurm cluster
    Slurm,
    /// Indexed Jobs of a Kubernetes cluster
    Kubernetes,
}
