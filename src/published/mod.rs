//! The published numbers that reports compare with: the original (Ye et al., 2020) and the study (Obadage et al., 2024).
//!
//! `scenarios/published/README.md` says where they come from. The program carries them in itself; another folder of the
//! same files can be read in their place.

mod claims;
mod extras;
mod imagenet;
mod read;

pub use claims::{Claim, ClaimKey, Remark};
pub use imagenet::{IMAGENET_EPOCHS, ImagenetFigures, ImagenetNetwork, Scores, seconds_of};
pub use read::PublishedError;

use crate::scenario::{Architecture, Dataset, Norm};
use crate::stats::Summary;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A cell of the published CIFAR tables.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cell {
    /// The data.
    pub dataset: Dataset,
    /// The network.
    pub architecture: Architecture,
    /// BN or ND.
    pub norm: Norm,
    /// Length of the training.
    pub epochs: u32,
}

/// What was published about one cell. Accuracies in percent, times in seconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Test top-1 that Ye et al. report in their Table 1.
    pub original_percent: Option<f64>,
    /// Each of the study's attempts, in their order.
    pub attempts: Vec<Attempt>,
    /// The original value as the study prints it, Tables 4 and 5.
    pub printed_original_percent: Option<f64>,
    /// Mean accuracy as the study prints it, Tables 4 and 5.
    pub printed_percent: Option<f64>,
    /// Mean training time as the study prints it, Tables 8 and 9.
    pub printed_seconds: Option<f64>,
}

/// One training of the study, as its spreadsheet has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: u32,
    /// Accuracy, percent.
    pub accuracy_percent: f64,
    /// Training time.
    pub train_seconds: f64,
    /// Testing time.
    pub test_seconds: f64,
}

/// All published figures.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Published {
    cells: BTreeMap<Cell, Figures>,
    imagenet: Vec<ImagenetFigures>,
    imagenet_cells: BTreeMap<Cell, Figures>,
    claims: Vec<Claim>,
    remarks: Vec<Remark>,
}

impl Published {
    /// What was published about a cell of the CIFAR tables.
    pub fn figures(&self, cell: &Cell) -> Option<&Figures> {
        self.cells.get(cell)
    }

    /// Every cell of the CIFAR tables.
    pub fn cells(&self) -> &BTreeMap<Cell, Figures> {
        &self.cells
    }

    /// The trainings on ImageNet, in the order of the file.
    pub fn imagenet(&self) -> &[ImagenetFigures] {
        &self.imagenet
    }

    /// What was published about a training on ImageNet, its top-1 accuracy and its time.
    pub fn imagenet_figures(&self, cell: &Cell) -> Option<&Figures> {
        self.imagenet_cells.get(cell)
    }

    /// What the study states in prose, in the order of the file.
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// The number of a statement; absent where the file does not have it.
    pub fn stated(&self, key: ClaimKey) -> Option<f64> {
        self.claims.iter().find(|c| c.key == key).map(|c| c.value)
    }

    /// What bears on comparability, in the order of the file.
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }
}

impl Figures {
    /// The accuracies of the study's attempts, percent.
    pub fn accuracy(&self) -> Option<Summary> {
        Summary::of(&self.each(|a| a.accuracy_percent))
    }

    /// The training times of the study's attempts, seconds.
    pub fn seconds(&self) -> Option<Summary> {
        Summary::of(&self.each(|a| a.train_seconds))
    }

    /// A value of every attempt.
    pub fn each(&self, of: impl Fn(&Attempt) -> f64) -> Vec<f64> {
        self.attempts.iter().map(of).collect()
    }
}
