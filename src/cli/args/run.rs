//! The arguments of `ndbench run`.

use super::compute::parse_device;
use super::folder::existing_folder;
use super::{ComputeArgs, DeviceArg, InstrumentArgs, RetryArg, Selection};
use crate::cli::live::ListenArgs;
use crate::cli::publish::PublishArgs;
use clap::Args;
use std::path::PathBuf;

/// `ndbench run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Which trials.
    #[command(flatten)]
    pub selection: Selection,
    /// Train only this row of a plan that `submit` wrote, from 1
    #[arg(long, value_name = "N")]
    pub row: Option<usize>,
    /// Print what would be trained, what is done, and the estimated time and memory; train nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Folder with data sets [default: NDBENCH_DATA, else ./data, else ndbench in the user's data folder]
    #[arg(long, value_name = "DIR", value_parser = existing_folder)]
    pub data: Option<PathBuf>,
    /// Where to compute.
    #[command(flatten)]
    pub compute: ComputeArgs,
    /// Train on several devices at a time, a process a device, each one block after the other: `cuda:0,cuda:1`. A GPU is
    /// named once; `cpu,cpu` are two processes on the host, which disturb each other, so that their times do not count.
    /// Of --listen each process has a port of its own, counted up from the one that is given
    #[arg(long, value_name = "DEVICE,...", value_delimiter = ',', value_parser = parse_device)]
    #[arg(conflicts_with_all = ["device", "row"])]
    pub devices: Vec<DeviceArg>,
    /// What `--devices` tells its processes: how many others train on the same device
    #[arg(long, hide = true, default_value = "0")]
    pub sharers: u32,
    /// Seconds between two checkpoints of a trial
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    pub checkpoint_every: u64,
    /// Also train again trials that ended so, say on a machine with more memory; their records are replaced
    #[arg(long, value_name = "OUTCOME,...", value_delimiter = ',')]
    pub retry: Vec<RetryArg>,
    /// What is watched.
    #[command(flatten)]
    pub instruments: InstrumentArgs,
    /// Say nothing but warnings
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more: where the time of a step goes, checkpoints
    #[arg(short, long)]
    pub verbose: bool,
    /// Print one JSON object a line on stdout for every epoch and trial
    #[arg(long)]
    pub json: bool,
    /// Metrics while it runs.
    #[command(flatten)]
    pub listen: ListenArgs,
    /// Metrics at the end.
    #[command(flatten)]
    pub publish: PublishArgs,
}
