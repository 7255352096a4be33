//! A report as values: what the tables, the figure and the JSON show.

use super::differences::Setting;
use super::like_study::Standing;
use super::verdict::{CellVerdict, Direction};
use super::watching::Watching;
use crate::event::{MemoryPeak, StepSplit};
use crate::plan::TrialId;
use crate::record::Skipped;
use crate::scenario::{Architecture, Dataset, Norm};
use crate::stats::{Interval, Pooled, Ratio, Summary};
use crate::telemetry::Environment;
use crate::units::{Bytes, Seconds};
use serde::Serialize;

/// Name and version of the JSON form.
pub const SCHEMA: &str = "ndbench.report/1";

/// Everything that can be said about a matrix of trials from its records. Accuracies are percent, times seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// What it reports on; a title.
    pub scenario: String,
    /// What is there and what is missing.
    pub coverage: Coverage,
    /// What its trials set otherwise than the study.
    pub settings: Vec<Setting>,
    /// Where the records were produced; rows name them by label.
    pub environments: Vec<EnvironmentEntry>,
    /// One row a network, length, norm and environment.
    pub accuracy: Vec<AccuracyRow>,
    /// One row a network, length and environment.
    pub time: Vec<TimeRow>,
    /// One row a network, length, norm and environment.
    pub resources: Vec<ResourceRow>,
    /// The ratios of several networks taken together.
    pub overall: Vec<Overall>,
    /// What the accuracies say about the published ones, one a row of `accuracy`.
    pub verdicts: Vec<CellVerdict>,
    /// Whether ND is better than BN, one a data set, length and environment.
    pub directions: Vec<Direction>,
    /// What the reader should know about the published figures shown.
    pub notes: Vec<String>,
    /// Why times do not count, though the accuracies of the same records do.
    pub invalid: Vec<Remark>,
    /// What the records remark, and what attempts that are taken together do not share.
    pub remarks: Vec<Remark>,
    /// Files of the store that were not used.
    pub skipped: Vec<Skipped>,
}

/// How much of the matrix is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Trials of the matrix.
    pub trials: usize,
    /// Of these, trials with a finished record.
    pub finished: usize,
    /// The others, in the order of the matrix.
    pub unfinished: Vec<Unfinished>,
    /// Records of the store that belong to no trial of the matrix.
    pub other_records: usize,
}

/// A trial without a finished record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unfinished {
    /// Its hash.
    pub trial_id: TrialId,
    /// Its description.
    pub trial: String,
    /// `missing`, or the word of its outcome.
    pub state: String,
}

/// An environment and how it is called in the tables.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EnvironmentEntry {
    /// `A`, `B`, …
    pub label: String,
    /// [`Environment::class`].
    pub class: String,
    /// The first record's; the others differ in host name, commit and GPU of the same model at most.
    pub environment: Environment,
    /// Names of the hosts.
    pub hosts: Vec<String>,
    /// Identifiers of the GPUs.
    pub gpus: Vec<String>,
    /// Commits of the program.
    pub commits: Vec<String>,
    /// How many of the matrix's trials have a record from it.
    pub trials: usize,
    /// What watching these cost, by level.
    pub watching: Vec<Watching>,
}

/// Accuracy of one network, length and norm in one environment, over its attempts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AccuracyRow {
    /// The data.
    pub dataset: Dataset,
    /// The network.
    pub architecture: Architecture,
    /// BN or ND.
    pub norm: Norm,
    /// Length of the training.
    pub epochs: u32,
    /// Hash of the trial's settings without the attempt.
    pub cell: TrialId,
    /// Label of the environment; absent where there is no record.
    pub environment: Option<String>,
    /// Attempts that the matrix asks for.
    pub planned: usize,
    /// `missing` or the word of the outcome, for each attempt that is not finished.
    pub unfinished: Vec<String>,
    /// Test top-1 after the last epoch.
    pub test_top1: Option<Summary>,
    /// Test top-1 of each attempt's best epoch.
    pub best_test_top1: Option<Summary>,
    /// Test top-5 after the last epoch.
    pub test_top5: Option<Summary>,
    /// Training top-1 of the last epoch.
    pub train_top1: Option<Summary>,
    /// Training top-5 of the last epoch.
    pub train_top5: Option<Summary>,
    /// What Ye et al. report.
    pub original: Option<f64>,
    /// The study's attempts.
    pub study: Option<Summary>,
    /// The study's mean exceeds the original by more than [`IMPLAUSIBLE_POINTS`].
    pub study_implausible: bool,
    /// Test top-1 after each epoch, one list an attempt.
    pub curves: Vec<Vec<f64>>,
    /// Training top-1 of each epoch, one list an attempt.
    pub train_curves: Vec<Vec<f64>>,
    /// The finished attempts.
    pub attempts: Vec<AttemptAccuracy>,
    /// The study's attempts.
    pub study_attempts: Vec<AttemptAccuracy>,
    /// How a network for ImageNet is trained beside the study; absent for other networks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imagenet: Option<Standing>,
}

/// Accuracy of one attempt after its last epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AttemptAccuracy {
    /// Its number, from 1.
    pub attempt: u32,
    /// Test top-1.
    pub test_top1: f64,
    /// Training top-1 of the last epoch; absent where it was not published.
    pub train_top1: Option<f64>,
}

/// Percentage points by which a reproduced mean may exceed the original before it is called implausible.
pub const IMPLAUSIBLE_POINTS: f64 = 5.0;

/// Training time and memory of BN and ND in one environment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimeRow {
    /// The data.
    pub dataset: Dataset,
    /// The network.
    pub architecture: Architecture,
    /// Length of the training.
    pub epochs: u32,
    /// Label of the environment; absent where there is no record.
    pub environment: Option<String>,
    /// Batch normalisation.
    pub bn: Side,
    /// Network deconvolution.
    pub nd: Side,
    /// ND/BN over the blocks that count.
    pub ratio: Option<Ratio>,
    /// ND/BN of the sampled steps, over those of the blocks that have some, interrupted ones among them.
    pub steady_ratio: Option<Ratio>,
    /// The blocks that count.
    pub blocks: Vec<BlockTimes>,
    /// Blocks with a record that do not count.
    pub left_out: Vec<LeftOut>,
    /// Which memory the sides' `memory` is.
    pub memory_kind: Option<MemoryKind>,
    /// ND/BN of the peaks.
    pub memory_ratio: Option<f64>,
    /// ND/BN of the study's mean times.
    pub study_ratio: Option<f64>,
}

/// BN or ND in a [`TimeRow`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    /// Hash of the trial's settings without the attempt; absent where the matrix has no such trial.
    pub cell: Option<TrialId>,
    /// Training time of a trial by the `paper` definition, over the attempts with a valid time.
    pub seconds: Option<Summary>,
    /// Training images per second, over the same attempts: without the first epoch, which warms up, where there are more.
    pub images_per_second: Option<Summary>,
    /// Why there is no time: states of the attempts.
    pub unfinished: Vec<String>,
    /// The largest peak of the attempts.
    pub memory: Option<Bytes>,
    /// The study's mean training time.
    pub study_seconds: Option<f64>,
}

/// What the trainings of one network, length and norm use in one environment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResourceRow {
    /// The data.
    pub dataset: Dataset,
    /// The network.
    pub architecture: Architecture,
    /// BN or ND.
    pub norm: Norm,
    /// Length of the training.
    pub epochs: u32,
    /// Hash of the trial's settings without the attempt.
    pub cell: TrialId,
    /// Label of the environment; absent where there is no record.
    pub environment: Option<String>,
    /// Attempts that the matrix asks for.
    pub planned: usize,
    /// Finished records.
    pub records: usize,
    /// `missing` or the word of the outcome, for each attempt that is not finished.
    pub unfinished: Vec<String>,
    /// Where the time of a step goes; absent where no step was sampled.
    pub step: Option<StepMeans>,
    /// Training time of a trial by the `paper` definition, over the attempts whose time counts.
    pub seconds: Option<Summary>,
    /// Training time by the `paper` definition over the number of steps; absent where no time counts.
    pub paper_step: Option<Seconds>,
    /// The largest peak of the attempts, of each kind.
    pub memory: MemoryPeak,
    /// The peak of live tensors, or of the resident set where those were not counted, over the images of a batch.
    pub memory_per_image: Option<Bytes>,
    /// What the device used, evaluation included; absent where no record carries it.
    pub energy: Option<EnergyMeans>,
}

/// Energy of the device, joules; means over the attempts that carry it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EnergyMeans {
    /// Over the training images seen.
    pub per_image: f64,
    /// Over the epochs.
    pub per_epoch: f64,
    /// How many attempts.
    pub records: usize,
}

/// Means over sampled steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StepMeans {
    /// Its parts.
    pub split: StepSplit,
    /// How many steps were sampled.
    pub sampled: u64,
    /// Steps of a first epoch are among them, since a training has no other.
    pub first_epoch: bool,
}

impl StepMeans {
    /// The whole step.
    pub fn total(&self) -> Seconds {
        self.split.total()
    }
}

/// A kind of memory; different kinds are never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemoryKind {
    /// Bytes in live tensors on the CUDA device.
    Allocated,
    /// Resident set of the process.
    Resident,
}

/// Training times of a block, seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BlockTimes {
    /// The block.
    pub block: String,
    /// Of the BN trial.
    pub bn_seconds: f64,
    /// Of the ND trial.
    pub nd_seconds: f64,
    /// Mean sampled step of the BN and of the ND trial, the first epoch left out where there are more.
    pub steps: Option<(f64, f64)>,
    /// From the end of one training to the beginning of the other.
    pub gap: Seconds,
}

impl BlockTimes {
    /// ND/BN.
    pub fn ratio(&self) -> f64 {
        self.nd_seconds / self.bn_seconds
    }

    /// ND/BN of the sampled steps.
    pub fn steady_ratio(&self) -> Option<f64> {
        self.steps.map(|(bn, nd)| nd / bn)
    }
}

/// A block that does not count in a ratio of times.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeftOut {
    /// The block.
    pub block: String,
    /// Why.
    pub why: String,
    /// Sampled step of the BN and of the ND trial, where nothing speaks against their times but that they did not run through:
    /// medians over the epochs, since one that was stopped for a while has a long step.
    pub steps: Option<(f64, f64)>,
}

/// The ratios of several networks taken together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overall {
    /// The data.
    pub dataset: Dataset,
    /// Length of the trainings.
    pub epochs: u32,
    /// Label of the environment.
    pub environment: String,
    /// Geometric mean over the networks of the geometric mean of their blocks' ratios.
    pub ratio: f64,
    /// Its interval by bootstrap, networks drawn first and blocks within them; absent for fewer than three networks.
    pub interval: Option<Interval>,
    /// The same of the sampled steps, where there are some.
    pub steady: Option<Pooled>,
    /// How many rows.
    pub rows: usize,
}

/// A remark and the trials whose records make it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// The remark.
    pub text: String,
    /// Descriptions of the trials.
    pub trials: Vec<String>,
}
