//! The arguments of `ndbench report`.

use super::Selection;
use crate::cli::report::Format;
use crate::report::Form;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

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
    /// Print what the store's probes measured instead of the tables
    #[arg(long, conflicts_with_all = ["comparison", "format", "out", "explain", "verbose", "all_tables", "no_index"])]
    pub probes: bool,
    /// Print what variants of ND cost and bring, beside BN and ND, instead of the tables; with `--figure` draw it
    #[arg(long, conflicts_with_all = ["comparison", "probes", "format", "out", "explain", "verbose", "all_tables"])]
    pub frontier: bool,
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
