//! The arguments of `ndbench status`.

use super::Selection;
use clap::Args;

/// `ndbench status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Which trials.
    #[command(flatten)]
    pub selection: Selection,
    /// Print a JSON object
    #[arg(long)]
    pub json: bool,
    /// Print again every so many seconds (60), until nothing is left to train, or nobody has in hand what is left (exit
    /// code 10)
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "60", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub watch: Option<u64>,
}
