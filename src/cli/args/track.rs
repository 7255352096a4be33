//! The arguments of `ndbench track`.

use clap::{Args, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

/// `ndbench track`.
#[derive(Debug, Subcommand)]
pub enum TrackCommand {
    /// Add the probes of a store to a history; what is there already stays as it is
    Add {
        /// Folder of the records
        #[arg(long, value_name = "DIR", required = true)]
        store: Vec<PathBuf>,
        /// Folder of the history
        #[arg(long, value_name = "DIR")]
        history: PathBuf,
    },
    /// Show a history, and where the level of a series became another one
    History(HistoryArgs),
    /// Say whether this program is slower than another build, by turns of both on this machine
    Gate(GateArgs),
    /// Compare a program with itself again and again, and keep in a history how often the gate fails and how it spreads
    Aa {
        /// How many comparisons
        #[arg(long, value_name = "N", default_value_t = 10)]
        times: usize,
        /// Where to keep what is found
        #[arg(long, value_name = "DIR")]
        history: PathBuf,
        /// What takes turns.
        #[command(flatten)]
        turns: TurnArgs,
    },
    /// Measure on made-up histories how often each rule is wrong, and how often it finds a step
    Quality(QualityArgs),
}

/// `ndbench track history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Folder of the history
    #[arg(long, value_name = "DIR")]
    pub history: PathBuf,
    /// Only these series, such as `architecture=vgg16,norm=nd`; the same key twice means either
    #[arg(long, value_name = "KEY=VALUE,...")]
    pub only: Vec<String>,
    /// Only series of this environment, by its label
    #[arg(long, value_name = "LABEL")]
    pub environment: Option<String>,
    /// The form
    #[arg(long, value_enum, default_value_t)]
    pub format: HistoryFormat,
    /// Where to write: a file instead of stdout; for otava, which has several files, a folder
    #[arg(long, value_name = "PATH", required_if_eq("format", "otava"))]
    pub out: Option<PathBuf>,
    /// bencher: only the points of this commit, or of commits that begin like this; a report is on one
    #[arg(long, value_name = "COMMIT")]
    pub commit: Option<String>,
}

/// The forms of a history.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum HistoryFormat {
    /// A table for the terminal
    #[default]
    Table,
    /// JSON
    Json,
    /// A figure
    Svg,
    /// A page that stands alone
    Html,
    /// Bencher Metric Format, of one environment
    Bencher,
    /// Apache Otava: CSV histories and otava.yaml
    Otava,
    /// OpenMetrics text with timestamps, under the names of the dashboards
    Openmetrics,
}

/// `ndbench track gate`.
#[derive(Debug, Args)]
pub struct GateArgs {
    /// The other build: an ndbench program, or a git revision of the checkout around the current folder, which is built once
    /// by `make build` and kept in the cache
    #[arg(long, value_name = "PROGRAM|REVISION")]
    pub baseline: String,
    /// A history that knows how often alarms are false on this machine
    #[arg(long, value_name = "DIR")]
    pub history: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// What takes turns.
    #[command(flatten)]
    pub turns: TurnArgs,
}

/// What takes turns, and how often.
#[derive(Debug, Args)]
pub struct TurnArgs {
    /// The program that is judged [default: this one]
    #[arg(long, value_name = "PROGRAM")]
    pub program: Option<PathBuf>,
    /// A change of time up to so many per cent does not matter
    #[arg(long, value_name = "PERCENT", default_value_t = 3.0, value_parser = percent)]
    pub tolerance: f64,
    /// Pairs of turns; twice as many follow where these do not tell
    #[arg(long, value_name = "N", default_value = "6", value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub rounds: u32,
    /// How often at most, in per cent, a comparison may fail though nothing is slower than the tolerance
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, value_parser = percent)]
    pub rate: f64,
    /// The arguments of `probe` for each turn, such as `smoke --only architecture=vgg16 --rounds 1 --budget 10`
    #[arg(required = true, last = true, value_name = "PROBE ARGUMENTS")]
    pub probe: Vec<OsString>,
}

/// `ndbench track quality`.
#[derive(Debug, Args)]
pub struct QualityArgs {
    /// Histories without, and as many with a step, for each kind of noise
    #[arg(long, value_name = "N", default_value = "2000", value_parser = clap::value_parser!(u32).range(10..=100_000))]
    pub count: u32,
    /// Another seed makes other histories
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// A history whose comparisons of a program with itself are one more kind of noise
    #[arg(long, value_name = "DIR")]
    pub history: Option<PathBuf>,
    /// Also write the histories, for other tools to find the steps, as JSON into this file
    #[arg(long, value_name = "FILE")]
    pub made: Option<PathBuf>,
    /// Rows of other tools on the same histories, which `scripts/check-tracking` writes
    #[arg(long, value_name = "FILE")]
    pub others: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

fn percent(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(percent) if percent > 0.0 && percent < 50.0 => Ok(percent),
        _ => Err("per cent above 0 and below 50 are expected".into()),
    }
}
