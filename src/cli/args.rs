//! The arguments of every command.

use super::exit;
use super::live::GuardArgs;
#[cfg(any(feature = "torch", target_os = "linux"))]
use super::live::ListenArgs;
#[cfg(feature = "torch")]
use super::publish::PublishArgs;
use super::report::Format;
use crate::http::Address;
use crate::report::Form;
#[cfg(feature = "torch")]
use crate::run::Retry;
#[cfg(feature = "torch")]
use crate::scenario::{Dataset, Implementation};
#[cfg(any(feature = "torch", target_os = "linux"))]
use crate::telemetry::Level;
use clap::{Args, Parser, Subcommand, ValueEnum};
#[cfg(target_os = "linux")]
use std::ffi::OsString;
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
    /// Also train again trials that ended so, say on a machine with more memory; their records are replaced
    #[arg(long, value_name = "OUTCOME,...", value_delimiter = ',')]
    pub retry: Vec<RetryArg>,
    /// How much to watch of the machine and the device: off, minimal or full
    #[arg(long, value_name = "LEVEL", default_value_t)]
    pub telemetry: Level,
    /// For tests: a library to ask in place of the NVIDIA driver's; its figures are marked as no measurement
    /// [default: NDBENCH_NVML_LIB]
    #[arg(long, value_name = "PATH")]
    pub nvml_lib: Option<PathBuf>,
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

/// `ndbench probe`.
#[cfg(feature = "torch")]
#[derive(Debug, Args)]
pub struct ProbeArgs {
    /// Which networks, data sets, norms and recipes; lengths and attempts do not matter.
    #[command(flatten)]
    pub selection: Selection,
    /// Implementations of the operator that take turns [default: all]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub implementation: Vec<Implementation>,
    /// How often each of BN and ND has its turn
    #[arg(long, value_name = "N", default_value = "6", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: u32,
    /// About how many seconds one network may take; slow steps take longer, since each turn has at least one
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    pub budget: u64,
    /// Where to compute, `cpu`, `cuda` or `cuda:1`, instead of the profile's
    #[arg(long, value_parser = parse_device)]
    pub device: Option<DeviceArg>,
    /// Threads of one operation, instead of the profile's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub threads: Option<u32>,
    /// Say nothing but warnings
    #[arg(short, long)]
    pub quiet: bool,
    /// Print the records as one JSON array instead of the table
    #[arg(long)]
    pub json: bool,
}

/// `ndbench report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Which trials.
    #[command(flatten)]
    pub selection: Selection,
    /// Print this form
    #[arg(long, value_enum, value_name = "FORM", default_value_t)]
    pub format: Format,
    /// Print JSON; short for `--format json`
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Print the short comparison of BN and ND instead of the tables
    #[arg(long, conflicts_with_all = ["format", "out"])]
    pub comparison: bool,
    /// Print why a cell, such as `vgg16/cifar10/nd/20`, has its verdict, instead of the tables
    #[arg(long, value_name = "CELL", conflicts_with_all = ["comparison", "out", "format"])]
    pub explain: Option<String>,
    /// Write everything into this folder, in every form, and print the names of the files
    #[arg(long, value_name = "DIR", conflicts_with_all = ["format", "json", "figure"])]
    pub out: Option<PathBuf>,
    /// How the study's figures are drawn in the folder
    #[arg(long, value_enum, value_name = "FORM", default_value_t, requires = "out")]
    pub form: FormArg,
    /// Also the study's tables and figures on data sets that the scenario does not use; always so where the scenario
    /// answers to the study
    #[arg(long, conflicts_with = "comparison")]
    pub all_tables: bool,
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

/// `ndbench export`.
#[derive(Debug, Args)]
#[command(after_long_help = forms())]
pub struct ExportArgs {
    /// Folder of the records; several make one history
    #[arg(long, value_name = "DIR", required = true)]
    pub store: Vec<PathBuf>,
    /// The form
    #[arg(long, value_enum)]
    pub format: ExportFormat,
    /// Where to write: a file instead of stdout; for otava, mllog and asv, which have several files, a folder
    #[arg(long, value_name = "PATH", required_if_eq_any = [("format", "otava"), ("format", "mllog"), ("format", "asv")])]
    pub out: Option<PathBuf>,
    /// Only these trials, such as `architecture=vgg16,norm=nd`; the same key twice means either
    #[arg(long, value_name = "KEY=VALUE,...")]
    pub only: Vec<String>,
    /// Only records of this environment, by its label as exports have it
    #[arg(long, value_name = "LABEL")]
    pub environment: Option<String>,
    /// Only records of this commit, or of commits that begin like this
    #[arg(long, value_name = "COMMIT")]
    pub commit: Option<String>,
    /// prometheus: put the results into the Pushgateway at this address instead, a group for each configuration
    #[arg(long, value_name = "URL", conflicts_with = "out")]
    pub push: Option<String>,
    /// What the Pushgateway calls the results [default: the name of the store's folder]
    #[arg(long, value_name = "NAME", requires = "push")]
    pub suite: Option<String>,
    /// asv: the checkout in which the commits are, by which asv places results
    #[arg(long, value_name = "DIR")]
    pub repo: Option<PathBuf>,
}

/// `ndbench watch`.
#[cfg(target_os = "linux")]
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// The program and its arguments
    #[arg(required = true, last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
    /// Seconds between two looks at the program's processes
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = parse_interval)]
    pub interval: f64,
    /// What the metrics call the program [default: the name of its file]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Also write the summary, as JSON, into this file
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
    /// How much to watch of the machine and its GPUs: off, minimal or full
    #[arg(long, value_name = "LEVEL", default_value_t)]
    pub telemetry: Level,
    /// For tests: a library to ask in place of the NVIDIA driver's; its figures are marked as no measurement
    /// [default: NDBENCH_NVML_LIB]
    #[arg(long, value_name = "PATH")]
    pub nvml_lib: Option<PathBuf>,
    /// Also write every reading into this file, at the level full
    #[arg(long, value_name = "FILE")]
    pub series: Option<PathBuf>,
    /// Say nothing
    #[arg(short, long)]
    pub quiet: bool,
    /// Metrics while it runs.
    #[command(flatten)]
    pub listen: ListenArgs,
}

#[cfg(target_os = "linux")]
fn parse_interval(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.01..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("seconds from 0.01 to 3600 are expected".into()),
    }
}

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

/// What the long help of `export` says about the forms.
fn forms() -> String {
    let mut text = String::from(
        "Environments are never pooled: bmf takes one, chosen by --environment; the other forms tell them apart. The \
         times of resumed trials are left out. Medians of the attempts stand in otava and asv, means with their 95 % \
         interval in bmf, single attempts in openmetrics, csv and mllog.\n\n\
         otava: in DIR, `otava analyze --config-file otava.yaml all`; a group of the yaml holds the files of a cell.\n\
         asv: in DIR, `asv publish`; accuracies stand as errors, since asv takes smaller for better.\n\n\
         Columns of csv, one row a trial and epoch; an empty cell means not measured, or not valid:\n",
    );
    for (name, what) in crate::export::COLUMNS {
        text += &format!("  {name:<21} {what}\n");
    }
    text
}

/// The forms of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportFormat {
    /// Bencher Metric Format: JSON of one environment
    Bmf,
    /// Apache Otava: CSV histories and otava.yaml
    Otava,
    /// OpenMetrics text with timestamps
    Openmetrics,
    /// MLPerf training logs, one a trial
    Mllog,
    /// Airspeed velocity results
    Asv,
    /// Prometheus' text without timestamps: the newest results, for node_exporter's textfile collector
    Prometheus,
    /// Tidy CSV: one row a trial and epoch
    Csv,
}

/// How the study's figures are drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum FormArg {
    /// A row a network, a panel a length
    #[default]
    Dots,
    /// Lines over the networks, as the study draws them
    Study,
}

impl From<FormArg> for Form {
    fn from(form: FormArg) -> Form {
        match form {
            FormArg::Dots => Form::Dots,
            FormArg::Study => Form::Study,
        }
    }
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

/// An outcome that is final and yet no result.
#[cfg(feature = "torch")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RetryArg {
    /// Out of memory.
    Oom,
    /// The loss ceased to be a finite number.
    Diverged,
}

#[cfg(feature = "torch")]
impl From<&[RetryArg]> for Retry {
    fn from(list: &[RetryArg]) -> Self {
        Self { oom: list.contains(&RetryArg::Oom), diverged: list.contains(&RetryArg::Diverged) }
    }
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
