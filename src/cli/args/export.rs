//! The arguments of `ndbench export`.

use clap::Args;
use std::path::PathBuf;

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

/// The forms of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportFormat {
    /// Bencher Metric Format: JSON of one environment
    #[value(alias = "bencher")]
    Bmf,
    /// Apache Otava: CSV histories and otava.yaml
    Otava,
    /// OpenMetrics text with timestamps
    Openmetrics,
    /// OpenMetrics text of every reading of the trials' telemetry, under the names of live metrics
    Readings,
    /// MLPerf training logs, one a trial
    #[value(alias = "mlperf")]
    Mllog,
    /// Airspeed velocity results
    Asv,
    /// Prometheus' text without timestamps: the newest results, for node_exporter's textfile collector
    Prometheus,
    /// Tidy CSV: one row a trial and epoch
    Csv,
}

/// What the long help of `export` says about the forms.
fn forms() -> String {
    let mut text = String::from(
        "Environments are never pooled: bmf takes one, chosen by --environment; the other forms tell them apart. The \
         times of paused trials are left out. Medians of the attempts stand in otava and asv, means with their 95 % \
         interval in bmf, single attempts in openmetrics, csv and mllog.\n\n\
         otava: in DIR, `otava analyze --config-file otava.yaml all`; a group of the yaml holds the files of a cell.\n\
         openmetrics and readings: `promtool tsdb create-blocks-from openmetrics FILE DIR` makes a history of them for \
         Prometheus.\n\
         asv: in DIR, `asv publish`; accuracies stand as errors, since asv takes smaller for better.\n\n\
         Columns of csv, one row a trial and epoch; an empty cell means not measured, or not valid:\n",
    );
    for (name, what) in crate::export::COLUMNS {
        text += &format!("  {name:<21} {what}\n");
    }
    text
}
