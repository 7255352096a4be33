//! The arguments of every command.

use super::exit;
#[cfg(feature = "torch")]
use crate::scenario::Dataset;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Measures what network deconvolution costs, and buys, against batch normalisation.
#[derive(Debug, Parser)]
#[command(name = "ndbench", version, about, after_help = exit::TABLE, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train what is missing in a store, block by block
    #[cfg(feature = "torch")]
    Run(RunArgs),
    /// Print tables, and draw a figure, from a store of records
    Report(ReportArgs),
    /// List the networks with their parameters and multiply-accumulates
    #[cfg(feature = "torch")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Fetch data sets, or check what is there
    #[cfg(feature = "torch")]
    #[command(subcommand)]
    Data(DataCommand),
    /// Say what this machine can do, and what to do about what it cannot
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Folder with data sets
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Print a shell's completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// `ndbench data`.
#[cfg(feature = "torch")]
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Download the official files of a data set, by size and checksum; a download that was cut off continues
    Fetch {
        /// The data set: cifar10, cifar100, mnist, fashion-mnist
        dataset: Dataset,
        /// Where to put them [default: NDBENCH_DATA, else ./data, else ndbench in the user's data folder]
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// No progress
        #[arg(short, long)]
        quiet: bool,
    },
    /// Read data sets, count their images, and check the official files' checksums
    Verify {
        /// The data sets; none: every one that is found
        datasets: Vec<Dataset>,
        /// Where they lie
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Which trials.
#[derive(Debug, Args)]
pub struct Selection {
    /// A scenario: the name of a built-in one (demo, smoke, table1-cifar10, table1-cifar100) or the path of a file
    pub scenario: String,
    /// A profile: the name of a built-in one (cpu, v100-16gb, a100-80gb, h200) or the path of a file
    #[arg(long, default_value = "cpu", value_name = "NAME")]
    pub profile: String,
    /// Only these trials, such as `architecture=vgg16,norm=nd`; the same key twice means either
    #[arg(long, value_name = "KEY=VALUE,...")]
    pub only: Vec<String>,
    /// Attempts of each cell, instead of the scenario's
    #[arg(long, value_name = "N")]
    pub attempts: Option<u32>,
    /// Lengths of training in epochs, instead of the scenario's
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    pub epochs: Vec<u32>,
    /// Any other value of the scenario, such as `recipe.lr=0.05`
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Folder of the records [default: results/SCENARIO]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
}

/// `ndbench run`.
#[cfg(feature = "torch")]
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Which trials.
    #[command(flatten)]
    pub selection: Selection,
    /// Print what would be trained, what is done, and the estimated time and memory; train nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Folder with data sets [default: NDBENCH_DATA, else ./data, else ndbench in the user's data folder]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where to compute, `cpu`, `cuda` or `cuda:1`, instead of the profile's
    #[arg(long, value_parser = parse_device)]
    pub device: Option<DeviceArg>,
    /// Threads of one operation, instead of the profile's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub threads: Option<u32>,
    /// Seconds between two checkpoints of a trial
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    pub checkpoint_every: u64,
    /// Say nothing but warnings
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more: where the time of a step goes, checkpoints
    #[arg(short, long)]
    pub verbose: bool,
    /// Print one JSON object a line on stdout for every epoch and trial
    #[arg(long)]
    pub json: bool,
}

/// `ndbench report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Which trials.
    #[command(flatten)]
    pub selection: Selection,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Print the short comparison of BN and ND instead of the tables
    #[arg(long)]
    pub comparison: bool,
    /// Also best epochs, top-5 and unfinished trials
    #[arg(short, long)]
    pub verbose: bool,
    /// Also draw a figure, as SVG, into this file
    #[arg(long, value_name = "FILE")]
    pub figure: Option<PathBuf>,
    /// Read every file of the store, and keep no index of them in it or in the user's cache folder
    #[arg(long)]
    pub no_index: bool,
}

/// Where to compute.
#[cfg(feature = "torch")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceArg {
    /// The host.
    Cpu,
    /// A CUDA device by number.
    Cuda(usize),
}

#[cfg(feature = "torch")]
fn parse_device(text: &str) -> Result<DeviceArg, String> {
    match text.split_once(':') {
        None if text == "cpu" => Ok(DeviceArg::Cpu),
        None if text == "cuda" => Ok(DeviceArg::Cuda(0)),
        Some(("cuda", index)) => index.parse().map(DeviceArg::Cuda).map_err(|e| format!("{index}: {e}")),
        _ => Err("`cpu`, `cuda` or `cuda:1` is expected".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }
}
