//! The arguments of `ndbench plan`.

use super::Selection;
use super::existing_folder;
use clap::Args;
use std::path::PathBuf;

/// `ndbench plan`.
#[derive(Debug, Args)]
#[command(mut_arg("scenario", |arg| arg.required(false).default_value("table1-cifar10")))]
pub struct PlanArgs {
    /// Which trials.
    #[command(flatten)]
    pub selection: Selection,
    /// Devices: profiles by name or path, slices of a GPU (`mig:1g.10gb`), or an amount of memory for a device of which
    /// nothing else is known (`9.5GiB`) [default: the built-in profiles of GPUs]
    #[arg(long, value_name = "DEVICE,...", value_delimiter = ',', conflicts_with = "profile")]
    pub gpu: Vec<String>,
    /// Also draw memory over batch with the devices' limits, as SVG, into this file
    #[arg(long, value_name = "FILE")]
    pub figure: Option<PathBuf>,
    /// Instead, hold the memory that was planned against what the records and probes of this store measured
    #[arg(long, value_name = "STORE", value_parser = existing_folder)]
    pub accuracy: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
