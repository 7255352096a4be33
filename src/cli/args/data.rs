//! The arguments of `ndbench data`.

use super::folder::{existing_folder, folder};
use crate::scenario::Dataset;
use clap::{Args, Subcommand};
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
    /// Read and decode every picture of a large data set once, and write an index for training; an interruption loses little
    #[command(subcommand)]
    Prepare(PrepareCommand),
}

/// `ndbench data prepare`.
#[derive(Debug, Subcommand)]
pub enum PrepareCommand {
    /// ImageNet (ILSVRC 2012), as in Kaggle's archive, or as folders of classes in `train` and `val`
    Imagenet(ImagenetArgs),
}

/// `ndbench data prepare imagenet`.
#[derive(Debug, Args)]
pub struct ImagenetArgs {
    /// The folder that holds `ILSVRC`, or `train` and `val`
    #[arg(value_name = "DIR", value_parser = existing_folder)]
    pub folder: PathBuf,
    /// Where the index goes [default: ndbench-imagenet in DIR]
    #[arg(long, value_name = "DIR", value_parser = folder)]
    pub out: Option<PathBuf>,
    /// Also copy the pictures into a few large files, which some file systems read faster
    #[arg(long)]
    pub pack: bool,
    /// Pack smaller pictures, of so many pixels along the shorter side: read faster, and not what the study trained on
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(224..=2048), conflicts_with = "pack")]
    pub pack_scaled: Option<u16>,
    /// Leave out up to so many pictures that cannot be decoded
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub max_bad: usize,
    /// Read all files, also those that were read before
    #[arg(long)]
    pub again: bool,
    /// Threads that read and decode [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// No progress
    #[arg(short, long)]
    pub quiet: bool,
}
