//! The arguments of `ndbench data`.

use super::folder::{existing_folder, folder};
use crate::scenario::Dataset;
use clap::Subcommand;
use std::path::PathBuf;

/// `ndbench data`.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Download the official files of a data set, by size and checksum; a download that was cut off continues
    Fetch {
        /// The data set: cifar10, cifar100, mnist, fashion-mnist
        dataset: Dataset,
        /// Where to put them [default: NDBENCH_DATA, else ./data, else ndbench in the user's data folder]
        #[arg(long, value_name = "DIR", value_parser = folder)]
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
        #[arg(long, value_name = "DIR", value_parser = existing_folder)]
        data: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}
