//! The arguments of `ndbench serve`.

use crate::cli::live::GuardArgs;
use crate::http::Address;
use clap::Args;
use std::path::PathBuf;

/// `ndbench serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Folder of the records
    pub store: PathBuf,
    /// Where to serve: a port of this machine (0: any), HOST:PORT, or unix:PATH
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9784")]
    pub listen: Address,
    /// What surrounds the endpoint.
    #[command(flatten)]
    pub guard: GuardArgs,
    /// Seconds between two looks for new records
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    pub refresh: u64,
}
