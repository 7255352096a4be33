//! The neutral list: every measure of every finished record, with all that a form may want to know about it.

use super::name::{Cell, environment_label};
use crate::event::EpochTimes;
use crate::plan::Trial;
use crate::record::Record;
use crate::scenario::Norm;
use crate::units::Bytes;
use std::collections::{BTreeMap, HashMap};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Test top-1 after the last epoch, 0 to 1.
    TestTop1,
    /// Training top-1 of the last epoch, 0 to 1.
    TrainTop1,
    /// Training time of the trial by the `paper` definition.
    PaperSeconds,
    /// Training images by `paper` second.
    ImagesPerSecond,
    /// Mean time of the sampled steps.
    StepSeconds,
    /// Largest amount in live tensors, as the caching allocator counts.
    PeakAllocatedBytes,
    /// Largest amount the caching allocator had reserved.
    PeakReservedBytes,
    /// Largest resident set of the process.
    PeakResidentBytes,
    /// Energy of all devices over the training, by image seen.
    EnergyPerImageJoules,
    /// Training time of ND over that of BN, from the two trials of a block.
    NdOverhead,
}

/// Which direction is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// As for accuracies.
    Higher,
    /// As for times.
    Lower,
}

impl Measure {
    /// Every measure.
    pub const ALL: [Measure; 10] = [
        Self::TestTop1,
        Self::TrainTop1,
        Self::PaperSeconds,
        Self::ImagesPerSecond,
        Self::StepSeconds,
        Self::PeakAllocatedBytes,
        Self::PeakReservedBytes,
        Self::PeakResidentBytes,
        Self::EnergyPerImageJoules,
        Self::NdOverhead,
    ];

    /// `paper-seconds`.
    pub fn slug(self) -> &'static str {
        match self {
            Self::TestTop1 => "test-top1",
            Self::TrainTop1 => "train-top1",
            Self::PaperSeconds => "paper-seconds",
            Self::ImagesPerSecond => "images-per-second",
            Self::StepSeconds => "step-seconds",
            Self::PeakAllocatedBytes => "peak-allocated-bytes",
            Self::PeakReservedBytes => "peak-reserved-bytes",
            Self::PeakResidentBytes => "peak-resident-bytes",
            Self::EnergyPerImageJoules => "energy-per-image-joules",
            Self::NdOverhead => "nd-overhead",
        }
    }

    /// `paper_seconds`.
    pub fn snake(self) -> String {
        self.slug().replace('-', "_")
    }

    /// The name as a metric of Prometheus, and the unit that it ends in.
    pub(super) fn metric(self) -> (String, Option<&'static str>) {
        let (suffix, unit) = match self {
            Self::TestTop1 | Self::TrainTop1 | Self::NdOverhead => ("_ratio", Some("ratio")),
            Self::PaperSeconds | Self::StepSeconds => ("", Some("seconds")),
            Self::PeakAllocatedBytes | Self::PeakReservedBytes | Self::PeakResidentBytes => ("", Some("bytes")),
            Self::EnergyPerImageJoules => ("", Some("joules")),
            Self::ImagesPerSecond => ("", None),
        };
        (format!("ndbench_{}{suffix}", self.snake()), unit)
    }

    /// One line, for those who read the other tool's page.
    pub fn help(self) -> &'static str {
        match self {
            Self::TestTop1 => "Test top-1 after the last epoch, 0 to 1",
            Self::TrainTop1 => "Training top-1 of the last epoch, 0 to 1",
            Self::PaperSeconds => "Host time of the training loop, waiting for data included, evaluation excluded",
            Self::ImagesPerSecond => "Training images by second of the training loop, the first epoch included",
            Self::StepSeconds => "Mean host time of the sampled training steps",
            Self::PeakAllocatedBytes => "Largest amount in live tensors, as the caching allocator counts",
            Self::PeakReservedBytes => "Largest amount the caching allocator had reserved from the device",
            Self::PeakResidentBytes => "Largest resident set of the process",
            Self::EnergyPerImageJoules => "Energy of all devices over the training, by training image seen",
            Self::NdOverhead => "Training time of ND over that of BN, from the two trials of a block",
        }
    }

    /// Which direction is good.
    pub fn better(self) -> Better {
        match self {
            Self::TestTop1 | Self::TrainTop1 | Self::ImagesPerSecond => Better::Higher,
            _ => Better::Lower,
        }
    }

    /// The value of a finished record; `None` where it was not measured or does not count. Overheads belong to blocks.
    fn of(self, record: &Record) -> Option<f64> {
        let seconds = || record.is_timed().then(|| record.paper_seconds().0).filter(|&s| s > 0.0);
        let bytes = |b: Option<Bytes>| b.map(|b| b.0 as f64);
        match self {
            Self::TestTop1 => record.epochs.last().map(|e| e.test_top1),
            Self::TrainTop1 => record.epochs.last().map(|e| e.train_top1),
            Self::PaperSeconds => seconds(),
            Self::ImagesPerSecond => seconds().map(|s| record.images() as f64 / s),
            Self::StepSeconds => record.is_timed().then(|| step_seconds(record)).flatten(),
            Self::PeakAllocatedBytes => bytes(record.memory.allocated),
            Self::PeakReservedBytes => bytes(record.memory.reserved),
            Self::PeakResidentBytes => bytes(record.memory.resident),
            Self::EnergyPerImageJoules => record.energy().map(|joules| joules.0 / record.images() as f64),
            Self::NdOverhead => None,
        }
        .filter(|v| v.is_finite())
    }
}

/// Mean over every sampled step of the trial.
fn step_seconds(record: &Record) -> Option<f64> {
    let sampled = |s: &EpochTimes| {
        let split = s.step.filter(|_| s.sampled_steps > 0)?;
        let step = split.data + split.forward + split.backward + split.optimiser;
        Some((step.0 * s.sampled_steps as f64, s.sampled_steps as f64))
    };
    let (seconds, steps) = record
        .epochs
        .iter()
        .filter_map(|e| sampled(&e.seconds))
        .fold((0.0, 0.0), |(seconds, steps), (s, n)| (seconds + s, steps + n));
    (steps > 0.0).then(|| seconds / steps)
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What was measured.
    pub measure: Measure,
    /// The value, in the unit of the measure.
    pub value: f64,
    /// Of which trials.
    pub cell: Cell,
    /// Which repetition.
    pub attempt: u32,
    /// [`environment_label`] of where.
    pub environment: String,
    /// The commit of the program that measured; may be `unknown`, or end in `-dirty`.
    pub commit: String,
    /// When the record was finished.
    pub finished: jiff::Timestamp,
}

/// A record that a form has no place for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Of the trial.
    pub trial: String,
    /// Why, a sentence without a full stop.
    pub why: String,
}

/// All samples of a store.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples {
    /// Sorted by environment, cell, time and measure.
    pub samples: Vec<Sample>,
    /// Records without samples, or without some.
    pub left_out: Vec<LeftOut>,
}

impl Samples {
    /// The measures of `records` and of their blocks. Of several records of a trial from one environment and one commit
    /// that of the highest [`Record::rank`] counts.
    pub fn of(records: &[Record]) -> Samples {
        let mut all = Samples::default();
        let mut blocks: BTreeMap<(String, String, String), Vec<&Record>> = BTreeMap::new();
        for record in distinct(records) {
            if !record.is_finished() {
                let why = format!("is {}, so it has no result", record.outcome.word());
                all.left_out.push(LeftOut { trial: record.trial.to_string(), why });
                continue;
            }
            if !record.is_timed() {
                let flags: Vec<String> = record.flags().iter().map(ToString::to_string).collect();
                let why = format!("{}, so its accuracy counts and its times do not", flags.join(", "));
                all.left_out.push(LeftOut { trial: record.trial.to_string(), why });
            }
            let blank = blank(record);
            let with = |m: Measure| Some(Sample { measure: m, value: m.of(record)?, ..blank.clone() });
            all.samples.extend(Measure::ALL.into_iter().filter_map(with));
            let key = (blank.environment, blank.commit, pair(&record.trial));
            blocks.entry(key).or_default().push(record);
        }
        all.samples.extend(blocks.values().flat_map(|block| overheads(block)));
        all.samples.sort_by(|a, b| a.key().cmp(&b.key()));
        all
    }

    /// The environments, sorted.
    pub fn environments(&self) -> Vec<String> {
        self.samples.chunk_by(|a, b| a.environment == b.environment).map(|s| s[0].environment.clone()).collect()
    }
}

/// One record for each trial, environment and commit: a finished one, of these one with a valid time, then the latest.
pub fn distinct(records: &[Record]) -> Vec<&Record> {
    let mut best: HashMap<(&str, String, &str), &Record> = HashMap::new();
    for record in records {
        let environment = record.environment.fingerprint();
        let key = (record.trial_id.0.as_str(), environment, record.environment.software.commit.as_str());
        let known = best.entry(key).or_insert(record);
        if known.rank() < record.rank() {
            *known = record;
        }
    }
    let mut kept: Vec<&Record> = best.into_values().collect();
    kept.sort_by_cached_key(|r| (Cell::of(&r.trial), r.trial.attempt, r.finished, r.environment.fingerprint()));
    kept
}

impl Sample {
    /// The order of the list.
    fn key(&self) -> (&str, &Cell, jiff::Timestamp, u32, Measure) {
        (&self.environment, &self.cell, self.finished, self.attempt, self.measure)
    }
}

/// A sample of the record; measure and value are still to be set.
fn blank(record: &Record) -> Sample {
    Sample {
        measure: Measure::NdOverhead,
        value: 0.0,
        cell: Cell::of(&record.trial),
        attempt: record.trial.attempt,
        environment: environment_label(&record.environment),
        commit: record.environment.software.commit.clone(),
        finished: record.finished,
    }
}

/// What BN and ND of one block share.
fn pair(trial: &Trial) -> String {
    Trial { norm: Norm::Bn, deconvolution: None, ..trial.clone() }.id().0
}

/// The ratio of each ND trial of a block to its BN trial, where both times count.
fn overheads(block: &[&Record]) -> Vec<Sample> {
    let bn = block.iter().find(|r| r.trial.norm == Norm::Bn);
    let Some((bn, below)) = bn.and_then(|r| Some((r, Measure::PaperSeconds.of(r)?))) else { return Vec::new() };
    let of = |nd: &&&Record| {
        bn.side_by_side(nd).ok()?;
        let ratio = Measure::PaperSeconds.of(nd)? / below;
        let later = nd.finished.max(bn.finished);
        ratio.is_finite().then(|| Sample { value: ratio, finished: later, ..blank(nd) })
    };
    block.iter().filter(|r| r.trial.norm == Norm::Nd).filter_map(|nd| of(&nd)).collect()
}
