//! What a history keeps of a probe: the time of a step of each arm, and where.

use super::super::sealed::{Form, open, seal};
use super::super::{ProbeArm, ProbeRecord, RecordError};
use crate::files::sha256_hex;
use crate::scenario::{Architecture, Dataset, Deconvolution, Norm, Precision};
use crate::stats::median;
use crate::telemetry::Environment;
use crate::units::Seconds;
use serde::{Deserialize, Serialize};

/// Name and version of the form.
pub const HISTORY_SCHEMA: &str = "ndbench.history/1";

const FORM: Form = Form { family: "ndbench.history/", version: 1 };

/// One probe in a history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// [`HISTORY_SCHEMA`].
    pub schema: String,
    /// The probe: the name of its record, without the ending.
    pub probe: String,
    /// Where it ran, and by which commit.
    pub environment: Environment,
    /// When it began.
    pub started: jiff::Timestamp,
    /// Its arms whose times count.
    pub steps: Vec<StepTime>,
}

/// How long an arm's step took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepTime {
    /// The network.
    pub architecture: Architecture,
    /// Whose shapes it trained on.
    pub dataset: Dataset,
    /// BN, ND or plain.
    pub norm: Norm,
    /// Settings of the operator, with ND.
    pub deconvolution: Option<Deconvolution>,
    /// Images in a step.
    pub batch_size: u32,
    /// Of its numbers.
    pub precision: Precision,
    /// Whether steps were CUDA graphs.
    pub cuda_graph: bool,
    /// Whether images lay in memory pixel by pixel.
    pub channels_last: bool,
    /// Host time of a step: median over the turns.
    pub seconds: Seconds,
    /// How many turns.
    pub turns: usize,
}

impl StepTime {
    /// The arm's time; `None` where it does not count.
    fn of(probe: &ProbeRecord, arm: &ProbeArm) -> Option<Self> {
        let turns: Vec<f64> = arm.turns.iter().map(|turn| turn.step().0).collect();
        let seconds = median(&turns).filter(|&s| s > 0.0 && arm.flags().is_empty())?;
        Some(Self {
            architecture: probe.cell.architecture,
            dataset: probe.cell.dataset.clone(),
            norm: arm.norm,
            deconvolution: arm.deconvolution,
            batch_size: arm.batch_size,
            precision: arm.precision,
            cuda_graph: arm.cuda_graph,
            channels_last: arm.channels_last,
            seconds: Seconds(seconds),
            turns: turns.len(),
        })
    }

    /// `nd-fast`; a hash of the operator's settings stands after it where they are not the study's.
    pub fn norm_name(&self) -> String {
        let Some(settings) = self.deconvolution else { return self.norm.to_string() };
        let plain = Deconvolution { implementation: settings.implementation, ..Deconvolution::default() };
        let name = format!("{}-{}", self.norm, settings.implementation);
        if settings == plain {
            return name;
        }
        let text = serde_json::to_string(&settings).expect("settings are plain data");
        format!("{name}~{}", &sha256_hex(text.as_bytes())[..6])
    }

    /// `b128-fp32`, then `-graph` where steps were CUDA graphs, `-nhwc` where images lay pixel by pixel.
    pub fn form_name(&self) -> String {
        let graph = if self.cuda_graph { "-graph" } else { "" };
        let layout = if self.channels_last { "-nhwc" } else { "" };
        format!("b{}-{}{graph}{layout}", self.batch_size, self.precision.key())
    }

    /// What is measured again and again: `vgg16/cifar10/nd-fast/b128-fp32`.
    pub fn name(&self) -> String {
        format!("{}/{}/{}/{}", self.architecture, self.dataset, self.norm_name(), self.form_name())
    }
}

impl Entry {
    /// What a history keeps of `probe`; `None` where none of its times counts, or where its arms differ in what was watched
    /// alone.
    pub fn of(probe: &ProbeRecord) -> Option<Self> {
        let steps: Vec<StepTime> = probe.cell.arms.iter().filter_map(|arm| StepTime::of(probe, arm)).collect();
        (!steps.is_empty() && !probe.compares_levels()).then(|| Self {
            schema: HISTORY_SCHEMA.into(),
            probe: probe.name(),
            environment: probe.environment.clone(),
            started: probe.started,
            steps,
        })
    }

    /// The label of the environment in which times may be compared: that of any version of this program, since versions are
    /// what a history compares.
    pub fn environment_label(&self) -> String {
        let mut environment = self.environment.clone();
        environment.software.ndbench = String::new();
        environment.label()
    }

    /// As indented JSON with its checksum.
    ///
    /// # Errors
    /// [`RecordError::NotReadBack`].
    pub fn to_json(&self) -> Result<String, RecordError> {
        seal(self, &format!("of the probe {}", self.probe))
    }

    /// Reads what [`Entry::to_json`] wrote.
    ///
    /// # Errors
    /// One variant of [`RecordError`] for each way in which a text cannot be trusted.
    pub fn parse(text: &[u8]) -> Result<Self, RecordError> {
        open(text, FORM)
    }
}
