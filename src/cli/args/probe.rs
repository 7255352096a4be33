//! The arguments of `ndbench probe`.

use super::{ComputeArgs, InstrumentArgs, Selection};
use crate::scenario::Implementation;
use clap::Args;

/// `ndbench probe`.
#[derive(Debug, Args)]
pub struct ProbeArgs {
    /// Which networks, data sets, norms and recipes; lengths and attempts do not matter.
    #[command(flatten)]
    pub selection: Selection,
    /// Implementations of the operator that take turns [default: all]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub implementation: Vec<Implementation>,
    /// Also with plain convolutions in place of whitening ones, and the least time that the products of whitening take on
    /// this device: what ND adds, and how far above its floor it is
    #[arg(long, conflicts_with = "telemetry_ab")]
    pub floor: bool,
    /// Each arm a second time, its steps by CUDA graphs (`recipe.cuda_graph`); needs a CUDA device
    #[arg(long, conflicts_with_all = ["floor", "telemetry_ab"])]
    pub graphs: bool,
    /// How often each arm, such as BN and ND, has its turn
    #[arg(long, value_name = "N", default_value = "6", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: u32,
    /// About how many seconds one network may take; slow steps take longer, since each turn has at least one
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    pub budget: u64,
    /// Where to compute.
    #[command(flatten)]
    pub compute: ComputeArgs,
    /// What is watched.
    #[command(flatten)]
    pub instruments: InstrumentArgs,
    /// Instead of BN and ND, let telemetry off, minimal and full take turns, with each of the networks alone
    #[arg(long, conflicts_with = "telemetry")]
    pub telemetry_ab: bool,
    /// Say nothing but warnings
    #[arg(short, long)]
    pub quiet: bool,
    /// Print the records as one JSON array instead of the table
    #[arg(long)]
    pub json: bool,
}
