//! A profile: one kind of machine, checked.

use super::{Amount, Kubernetes, Slurm};
use crate::settings::{Document, SettingsError, find};
use crate::units::Bytes;
use serde::Deserialize;
use std::fmt;

/// The profiles that the binary carries, by name.
pub const BUILT_IN: [(&str, &str); 5] = [
    ("cpu", include_str!("../../profiles/cpu.toml")),
    ("v100-16gb", include_str!("../../profiles/v100-16gb.toml")),
    ("a100-40gb", include_str!("../../profiles/a100-40gb.toml")),
    ("a100-80gb", include_str!("../../profiles/a100-80gb.toml")),
    ("h200", include_str!("../../profiles/h200.toml")),
];

/// Where the tensors live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    /// The host.
    Cpu,
    /// One NVIDIA GPU.
    Cuda,
}

/// What a device has of an arithmetic with fewer digits than single precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arithmetic {
    /// The device has none.
    Absent,
    /// The device has it, and a scenario must ask for it.
    Off,
    /// Used unless the scenario says otherwise.
    On,
}

/// Constants for estimates where nothing was measured. They are assumptions, good to a factor of two or three, unless
/// the profile's comments say otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Estimates {
    /// Floating-point operations that BN training gets done in a second; a multiply-accumulate is two.
    pub flops_per_second: f64,
    /// How many times longer ND takes.
    pub nd_factor: f64,
    /// How many times faster than the study's V100 the device is; absent: its seconds say nothing of this device.
    pub study_speed: Option<f64>,
    /// How many times faster than two cores of a server a CPU is; absent: their steps say nothing of this device.
    pub step_speed: Option<f64>,
    /// Memory before the first tensor.
    pub base_memory: Bytes,
    /// Memory taken for each byte of live tensors: what the allocator rounds up and keeps, and buffers beside it.
    pub memory_factor: f64,
}

/// The raw form: what a file may say. Required values are options here, so that all that is missing is said at once.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) device: RawDevice,
    pub(super) precision: RawPrecision,
    pub(super) sampling: RawSampling,
    pub(super) estimate: RawEstimate,
    pub(super) slurm: Slurm,
    pub(super) kubernetes: Kubernetes,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table with kind, memory, host_memory, threads and channels_last")]
pub(super) struct RawDevice {
    pub(super) kind: Option<Device>,
    pub(super) model: Option<String>,
    pub(super) memory: Amount,
    pub(super) host_memory: Amount,
    pub(super) threads: Option<u32>,
    pub(super) channels_last: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table with tf32 and bf16")]
pub(super) struct RawPrecision {
    pub(super) tf32: Option<Arithmetic>,
    pub(super) bf16: Option<Arithmetic>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table with step_every")]
pub(super) struct RawSampling {
    pub(super) step_every: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a table with flops_per_second, nd_factor, study_speed, step_speed, base_memory and memory_factor"
)]
pub(super) struct RawEstimate {
    pub(super) flops_per_second: f64,
    pub(super) nd_factor: f64,
    pub(super) study_speed: Option<f64>,
    pub(super) step_speed: Option<f64>,
    pub(super) base_memory: Amount,
    pub(super) memory_factor: f64,
}

/// A checked profile; made by [`Profile::load`] and [`Profile::parse`] only.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    raw: Raw,
    document: Document,
    device: Device,
    tf32: Arithmetic,
    context: Bytes,
}

/// What a process takes of a GPU beside what its allocator reserves, where nobody has measured it: as on an H200, whose records
/// are in `profiles/h200`.
const CONTEXT: Bytes = Bytes(832 << 20);

impl Profile {
    /// The profile of a file, given by its path, or the built-in of that name.
    ///
    /// # Errors
    /// A file that is not there, cannot be read, or breaks a rule: with file, line, column, key and rule.
    pub fn load(name_or_path: &str) -> Result<Self, SettingsError> {
        let (label, text) = find("profile", name_or_path, &BUILT_IN)?;
        Self::parse(&label, &text)
    }

    /// The profile written in `text`; `label` names it in messages and sources.
    ///
    /// # Errors
    /// Text that breaks a rule: with line, column, key and rule.
    pub fn parse(label: &str, text: &str) -> Result<Self, SettingsError> {
        let document = Document::from_file::<Raw>(label, text)?;
        let mut raw: Raw = document.value()?;
        let (device, tf32) = super::check::check(&raw, &document)?;
        if device == Device::Cuda {
            raw.slurm.ask_for_a_gpu();
        }
        let context = if device == Device::Cuda { CONTEXT } else { Bytes(0) };
        Ok(Self { raw, document, device, tf32, context })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.raw.name
    }

    /// A sentence for people.
    pub fn description(&self) -> &str {
        &self.raw.description
    }

    /// Where the tensors live.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Words that the name of the device has in it, `A100 80GB`; absent: any device of its kind.
    pub fn model(&self) -> Option<&str> {
        self.raw.device.model.as_deref()
    }

    /// What one trial may use of the device's memory (of the host's, on a CPU).
    pub fn memory(&self) -> Bytes {
        self.raw.device.memory.0
    }

    /// The same machine with so much memory on its device.
    pub fn with_memory(mut self, memory: Bytes) -> Self {
        self.raw.device.memory = Amount(memory);
        self
    }

    /// The same machine, of whose device processes may use `memory`, and each takes `beside` of it beside its allocator, as was
    /// measured there.
    pub fn with_context(self, memory: Bytes, beside: Bytes) -> Self {
        let mut measured = self.with_memory(memory);
        measured.raw.estimate.base_memory.0.0 += beside.0;
        measured.context = Bytes(0);
        measured
    }

    /// What each process but the first takes of the device beside [`Estimates::base_memory`]: [`Profile::memory`] leaves room for
    /// that of one. An assumption.
    pub fn context(&self) -> Bytes {
        self.context
    }

    /// The memory of the host.
    pub fn host_memory(&self) -> Bytes {
        self.raw.device.host_memory.0
    }

    /// Whether images lie in memory pixel by pixel (NHWC) where the scenario does not say.
    pub fn channels_last(&self) -> bool {
        self.raw.device.channels_last
    }

    /// Threads of the CPU; absent: as many as there are.
    pub fn threads(&self) -> Option<u32> {
        self.raw.device.threads
    }

    /// What the device has of TF32, for convolutions and matrix products in single precision.
    pub fn tf32(&self) -> Arithmetic {
        self.tf32
    }

    /// What the device has of bfloat16, for autocast. Where the profile leaves it out, a GPU without TF32 has none either:
    /// NVIDIA's have had both from the same generation on.
    pub fn bf16(&self) -> Arithmetic {
        let without = self.device == Device::Cuda && self.tf32 == Arithmetic::Absent;
        self.raw.precision.bf16.unwrap_or(if without { Arithmetic::Absent } else { Arithmetic::Off })
    }

    /// Every so many training steps on such a device the time of one step is split into its parts: the profile's number
    /// where the device is of its kind, else the usual one of the kind.
    pub fn step_every(&self, device: Device) -> u32 {
        match device {
            device if device == self.device => self.raw.sampling.step_every,
            Device::Cpu => 10,
            Device::Cuda => 50,
        }
    }

    /// Constants for estimates.
    pub fn estimates(&self) -> Estimates {
        let RawEstimate { flops_per_second, nd_factor, study_speed, step_speed, base_memory, memory_factor } =
            self.raw.estimate;
        Estimates { flops_per_second, nd_factor, study_speed, step_speed, base_memory: base_memory.0, memory_factor }
    }

    /// How jobs are submitted to the machine's cluster.
    pub fn slurm(&self) -> &Slurm {
        &self.raw.slurm
    }

    /// How pods train on such machines.
    pub fn kubernetes(&self) -> &Kubernetes {
        &self.raw.kubernetes
    }

    /// Where the value of a dotted key was written, `cpu.toml:12`; absent when the profile leaves it out.
    pub fn source(&self, key: &str) -> Option<String> {
        self.document.source(key)
    }
}

/// The name.
impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
