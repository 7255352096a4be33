//! The arguments of every command.

#[cfg(feature = "torch")]
mod compute;
#[cfg(feature = "torch")]
mod data;
mod export;
mod folder;
#[cfg(any(feature = "torch", target_os = "linux"))]
mod instruments;
mod plan;
#[cfg(feature = "torch")]
mod probe;
mod report;
mod retry;
#[cfg(feature = "torch")]
mod run;
mod serve;
mod status;
mod submit;
mod track;
#[cfg(target_os = "linux")]
mod watch;

#[cfg(feature = "torch")]
pub use compute::{ComputeArgs, DeviceArg};
#[cfg(feature = "torch")]
pub use data::{DataCommand, ImagenetArgs, PrepareCommand};
pub use export::{ExportArgs, ExportFormat};
#[cfg(any(feature = "torch", target_os = "linux"))]
pub use instruments::InstrumentArgs;
pub use plan::PlanArgs;
#[cfg(feature = "torch")]
pub use probe::ProbeArgs;
pub use report::{FormArg, ReportArgs};
pub use retry::RetryArg;
#[cfg(feature = "torch")]
pub use run::RunArgs;
pub use serve::ServeArgs;
pub use status::StatusArgs;
pub use submit::{EngineArg, SubmitArgs};
pub use track::{GateArgs, HistoryArgs, HistoryFormat, QualityArgs, TrackCommand, TurnArgs};
#[cfg(target_os = "linux")]
pub use watch::WatchArgs;

use super::exit;
use clap::{Args, Parser, Subcommand};
use folder::existing_folder;
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
    /// Time training steps of each network with BN and with ND side by side, in minutes
    #[cfg(feature = "torch")]
    Probe(ProbeArgs),
    /// Say what a matrix needs of devices in memory and time: what fits, the largest batches, GPU-hours
    Plan(PlanArgs),
    /// Train what is missing in a store on a cluster: job arrays of Slurm, or a manifest for Kubernetes
    Submit(SubmitArgs),
    /// Say how far a store is with a matrix: what is done, in training, interrupted, failed, in Slurm's hands, missing
    Status(StatusArgs),
    /// Make tables and figures from a store of records
    Report(ReportArgs),
    /// Recompute the published study from its own attempts and list what disagrees
    Audit {
        /// Folder with other tables of the form of `scenarios/published/`, instead of the program's own
        #[arg(long, value_name = "DIR")]
        published: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Write records in the forms that other tools read
    Export(ExportArgs),
    /// Keep the times of probes from commit to commit, and say whether something got slower
    #[command(subcommand)]
    Track(TrackCommand),
    /// Run any program under the telemetry of trainings; its exit code is passed on
    #[cfg(target_os = "linux")]
    Watch(WatchArgs),
    /// Serve the results of a store as metrics, and as a page, until a signal ends it
    Serve(ServeArgs),
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
        #[arg(long, value_name = "DIR", value_parser = existing_folder)]
        data: Option<PathBuf>,
    },
    /// Print a shell's completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Which trials.
#[derive(Debug, Args)]
pub struct Selection {
    /// A scenario: the name of a built-in one (demo, smoke, table1-cifar10, table1-cifar100, overhead-frontier) or the
    /// path of a file, or of a plan that `submit` wrote
    pub scenario: String,
    /// A profile: the name of a built-in one (cpu, v100-16gb, a100-40gb, a100-80gb, h200) or the path of a file [default:
    /// cpu]
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }
}
