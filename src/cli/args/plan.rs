//! The arguments of `ndbench plan`.

use super::Selection;
use clap::Args;

/// `ndbench plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Which trials.
    #[command(flatten)]
    pub selection: Selection,
    /// Devices: profiles by name or path, or an amount of memory for a device of which nothing else is known, such as a slice
    /// of one (`9.5GiB`) [default: the built-in profiles of GPUs]
    #[arg(long, value_name = "DEVICE,...", value_delimiter = ',', conflicts_with = "profile")]
    pub gpu: Vec<String>,
    /// Print a JSON array
    #[arg(long)]
    pub json: bool,
}
