//! The arguments of `ndbench watch`.

use super::InstrumentArgs;
use crate::cli::live::ListenArgs;
use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;

/// `ndbench watch`.
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
    /// What is watched.
    #[command(flatten)]
    pub instruments: InstrumentArgs,
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

fn parse_interval(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.01..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("seconds from 0.01 to 3600 are expected".into()),
    }
}
