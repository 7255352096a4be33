//! The record of a probe: what turns were measured, where, and of what.

use super::sealed::{Form, open, seal};
use super::{RecordError, TelemetryOverhead};
use crate::event::{MemoryPeak, StepSplit};
use crate::plan::Trial;
use crate::scenario::{Architecture, Dataset, Deconvolution, Norm, Precision};
use crate::telemetry::snapshot::CallStats;
use crate::telemetry::{Environment, Level, TelemetrySummary};
use crate::units::{Bytes, Seconds};
use serde::{Deserialize, Serialize};

/// Name and version of the form.
pub const PROBE_SCHEMA: &str = "ndbench.probe/1";

const FORM: Form = Form { family: "ndbench.probe/", version: 1 };

/// One cell probed once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeRecord {
    /// [`PROBE_SCHEMA`].
    pub schema: String,
    /// What was measured.
    #[serde(flatten)]
    pub cell: ProbeCell,
    /// Where it ran.
    pub environment: Environment,
    /// What each kind of call to the driver cost, over all turns; empty without a device.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<CallCost>,
    /// When it began, RFC 3339.
    pub started: jiff::Timestamp,
    /// When it ended.
    pub finished: jiff::Timestamp,
}

/// The time of a step by parts of the computation, forward and back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct StepParts {
    /// Network and loss.
    pub forward: PartTimes,
    /// Gradients.
    pub backward: PartTimes,
}

/// Seconds of each part of the computation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct PartTimes {
    /// Windows become columns, with `fast` less their mean.
    pub samples: Seconds,
    /// Covariance, with `published` the mean as well.
    pub covariance: Seconds,
    /// The Newton-Schulz steps.
    pub newton_schulz: Seconds,
    /// The weight absorbs mean and deconvolution.
    pub weight: Seconds,
    /// Convolutions.
    pub convolution: Seconds,
    /// Sums of several gradients of one tensor, on the way back.
    #[serde(default)]
    pub sums: Seconds,
    /// Activations, pooling, normalisation, linear layers, the loss.
    pub other: Seconds,
}

/// The least time in which a step can whiten: what the products that it cannot do without take at the rate that the device
/// gives for products of their sizes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    /// The Newton-Schulz steps and their adjoint; of symmetric products half.
    pub newton_schulz: Seconds,
    /// Covariances, half, and their adjoint.
    pub covariance: Seconds,
    /// The weights that absorb them, and their adjoint.
    pub weight: Seconds,
    /// How many operations that is; absent in records from before they were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<Operations>,
}

/// Floating-point operations of a training step, two for each multiply-add: those that the mathematics needs, so of
/// symmetric products half, and of input gradients none for the images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Operations {
    /// Convolutions and linear layers, forward and back.
    pub convolution: f64,
    /// The Newton-Schulz steps and their adjoint.
    pub newton_schulz: f64,
    /// Covariances and their adjoint.
    pub covariance: f64,
    /// The weights that absorb them, and their adjoint.
    pub weight: f64,
}

impl Operations {
    /// All of them.
    pub fn total(&self) -> f64 {
        self.convolution + self.newton_schulz + self.covariance + self.weight
    }
}

impl Floor {
    /// All of them.
    pub fn total(&self) -> Seconds {
        self.newton_schulz + self.covariance + self.weight
    }
}

/// What one kind of call to the driver cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallCost {
    /// Which.
    pub call: String,
    /// How often it was made.
    pub count: u64,
    /// Time of all of them.
    pub seconds: Seconds,
    /// How many took no longer than 10, 30, 100, 300 µs, 1, 3, 10, 30, 100 ms, and longer than the bound before; the last
    /// entry is for all longer ones.
    pub buckets: Vec<u64>,
    /// How many failed.
    pub failed: u64,
}

impl From<&CallStats> for CallCost {
    fn from(stats: &CallStats) -> Self {
        Self {
            call: stats.call.word().into(),
            count: stats.count(),
            seconds: stats.sum,
            buckets: stats.buckets.to_vec(),
            failed: stats.errors.values().sum(),
        }
    }
}

/// The arms of a network on a data set's shapes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeCell {
    /// The network.
    pub architecture: Architecture,
    /// Whose number of classes and size of images it has; the images are noise.
    pub dataset: Dataset,
    /// What took turns, in the order of the first round. All have the same number of turns.
    pub arms: Vec<ProbeArm>,
}

impl ProbeCell {
    /// Batches' worth of images that there are; turns go through them again and again.
    pub const BATCHES: u64 = 4;

    /// What the images of steps of so many hold between steps: their pixels, a byte each, and of each its label, its
    /// place in the order, the corner of its crop, and whether it is mirrored.
    pub fn images(&self, batch: u64) -> Bytes {
        let pixels = 3 * u64::from(self.dataset.side()).pow(2);
        Bytes(Self::BATCHES * batch * (pixels + 8 + 8 + 16 + 1))
    }
}

/// One network in training, among others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeArm {
    /// BN, ND or plain.
    pub norm: Norm,
    /// Settings of the operator, with ND.
    pub deconvolution: Option<Deconvolution>,
    /// Images in a step.
    pub batch_size: u32,
    /// Of its numbers.
    pub precision: Precision,
    /// Whether steps were CUDA graphs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cuda_graph: bool,
    /// Whether images lay in memory pixel by pixel.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub channels_last: bool,
    /// Bytes in parameters, running statistics and momentum: what lives between steps.
    pub resident: Option<Bytes>,
    /// Peaks over its turns. Allocated: what it holds itself and the images, without other arms. Reserved: by all of the
    /// process.
    pub memory: MemoryPeak,
    /// The floor of what it whitens, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<Floor>,
    /// What the instruments say of its turns, first and last steps included; absent where they were off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telemetry: Option<Box<TelemetrySummary>>,
    /// What the instruments cost it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telemetry_overhead: Option<TelemetryOverhead>,
    /// Its turns, one a round.
    pub turns: Vec<Turn>,
}

impl ProbeArm {
    /// How much was watched in its turns.
    pub fn level(&self) -> Level {
        self.telemetry.as_ref().map_or(Level::Off, |telemetry| telemetry.level)
    }
}

/// The steps of an arm in a round, in a row or in pieces that alternate with those of other arms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// `device` time of each step: between events on its stream; on the CPU, the host's.
    pub steps: Vec<Seconds>,
    /// `step` time: of the host, for all of them, until the device had ended.
    pub host: Seconds,
    /// Where the time of one more step went, which waits for the device after each part of it and of the computation: on a
    /// GPU it takes longer than other steps.
    pub split: StepSplit,
    /// The parts of the computation in that step, which waits for the device after each of them too; absent in records
    /// from before they were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<StepParts>,
    /// Peaks of the turn.
    pub memory: MemoryPeak,
}

impl Turn {
    /// The turn of which this is the beginning and `rest` the rest.
    pub fn joined(mut self, rest: Self) -> Self {
        self.steps.extend(rest.steps);
        let (host, memory) = (self.host + rest.host, self.memory.max(rest.memory));
        Self { host, memory, steps: self.steps, ..rest }
    }

    /// Host time of one step.
    pub fn step(&self) -> Seconds {
        Seconds(self.host.0 / self.steps.len() as f64)
    }
}

impl ProbeRecord {
    /// The record as indented JSON with its checksum.
    ///
    /// # Errors
    /// [`RecordError::NotReadBack`] where a number is infinite or not a number.
    pub fn to_json(&self) -> Result<String, RecordError> {
        seal(self, &format!("of the probe {}", self.name()))
    }

    /// Reads what [`ProbeRecord::to_json`] wrote.
    ///
    /// # Errors
    /// One variant of [`RecordError`] for each way in which a text is not a record that can be trusted.
    pub fn parse(text: &[u8]) -> Result<Self, RecordError> {
        open(text, FORM)
    }

    /// The file's name without its ending: `vgg16-cifar10-20261126T150000123Z`.
    pub fn name(&self) -> String {
        name(self.cell.architecture, &self.cell.dataset, self.started)
    }

    /// Its arms are one network that was watched more in some turns than in others.
    pub fn compares_levels(&self) -> bool {
        self.cell.arms.windows(2).any(|pair| pair[0].level() != pair[1].level())
    }
}

/// The name of the record of a probe of `trial`'s network that began at `started`.
pub fn probe_name(trial: &Trial, started: jiff::Timestamp) -> String {
    name(trial.architecture, &trial.dataset, started)
}

fn name(architecture: Architecture, dataset: &Dataset, started: jiff::Timestamp) -> String {
    let time = started.strftime("%Y%m%dT%H%M%S%3fZ");
    format!("{architecture}-{}-{time}", dataset.to_string().replace([':', '/'], "-"))
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;
    use crate::telemetry::GpuSummary;

    fn record() -> ProbeRecord {
        made_up::probe(&[&[1.0, 1.5], &[3.0, 3.25]])
    }

    #[test]
    fn a_probe_reads_back_and_a_changed_one_does_not() {
        let text = record().to_json().unwrap();
        assert_eq!(ProbeRecord::parse(text.as_bytes()).unwrap(), record());
        let changed = text.replace("3.25", "2.25");
        assert_ne!(changed, text);
        assert!(matches!(ProbeRecord::parse(changed.as_bytes()), Err(RecordError::Checksum { .. })));
        let newer = text.replace(PROBE_SCHEMA, "ndbench.probe/2");
        assert!(ProbeRecord::parse(newer.as_bytes()).unwrap_err().to_string().contains("newer than `ndbench.probe/1`"));
        assert_eq!(record().name(), "vgg16-cifar10-19700101T000000000Z");
    }

    #[test]
    fn the_drivers_errors_read_back_under_their_numbers() {
        let mut probe = made_up::telemetry_probe(&[&[1.0], &[1.0], &[1.0]]);
        let gpu = GpuSummary { xids: [(31, 2), (79, 1)].into(), ..GpuSummary::default() };
        probe.cell.arms[2].telemetry.as_mut().unwrap().gpus = vec![gpu];
        assert_eq!(ProbeRecord::parse(probe.to_json().unwrap().as_bytes()).unwrap(), probe);
        let text = probe.to_json().unwrap().replace("\"31\"", "\"x\"");
        assert!(ProbeRecord::parse(text.as_bytes()).is_err());
    }

    #[test]
    fn images_are_as_large_as_those_of_the_data_set() {
        let of = |dataset: &str| ProbeCell { dataset: dataset.parse().unwrap(), ..record().cell }.images(2).0;
        assert_eq!([of("cifar10"), of("imagenet")], [8 * (3 * 32 * 32 + 33), 8 * (3 * 224 * 224 + 33)]);
    }

    #[test]
    fn a_step_takes_its_share_of_the_turn() {
        let mut turn = record().cell.arms[0].turns[0].clone();
        turn.host = Seconds(3.6);
        assert!((turn.step().0 - 1.2).abs() < 1e-12);
    }
}
