//! The arguments of `ndbench submit`.

use super::Selection;
use super::folder::existing_folder;
use clap::Args;
use std::path::PathBuf;

/// `ndbench submit`.
#[derive(Debug, Args)]
pub struct SubmitArgs {
    /// Which trials; the profile's table `slurm` says how they are submitted.
    #[command(flatten)]
    pub selection: Selection,
    /// Print the scripts and what does not fit the cluster; write and submit nothing
    #[arg(long)]
    pub dry_run: bool,
    /// What the tasks run, a path on every node [default: this program]
    #[arg(long, value_name = "FILE")]
    pub program: Option<PathBuf>,
    /// Folder with data sets, on every node [default: as `run` finds it]
    #[arg(long, value_name = "DIR", value_parser = existing_folder)]
    pub data: Option<PathBuf>,
}
