//! What telemetry says of a trial, as its record keeps it. Base units throughout; what could not be read is absent.

use crate::telemetry::Level;
use crate::telemetry::snapshot::GpuIdentity;
use crate::units::{Bytes, Celsius, Hertz, Joules, Ratio, Seconds, Watts};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// What telemetry says of a trial: from its first step to its end, evaluations and checkpoints included.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TelemetrySummary {
    /// How much was watched.
    pub level: Level,
    /// Executions of the trial that are summed here. What a killed one did after its last checkpoint is in none of them.
    pub executions: u32,
    /// Time watched, over all executions.
    pub seconds: Seconds,
    /// Training images in that time.
    pub images: u64,
    /// Samples of the fastest lane.
    pub samples: u64,
    /// Samples that are missing: the driver was busy, or the machine.
    pub missed: u64,
    /// CPU time of the instruments' own threads.
    #[serde(default)]
    pub own_cpu: Option<Seconds>,
    /// The machine and the process.
    pub host: HostSummary,
    /// Bytes in live tensors, as CUDA's caching allocator counts them.
    pub allocated: Option<Spread<Bytes>>,
    /// Bytes that the caching allocator had reserved from the device.
    pub reserved: Option<Spread<Bytes>>,
    /// Bytes in blocks of the caching allocator that are allocated or that a stream may still use.
    pub active: Option<Spread<Bytes>>,
    /// How often the caching allocator emptied its cache to serve a request: more than none says that memory was tight.
    pub retries: Option<u64>,
    /// How often a request to the caching allocator could not be served.
    pub ooms: Option<u64>,
    /// The devices that were watched; none on the CPU.
    pub gpus: Vec<GpuSummary>,
    /// The readings themselves, where they were kept.
    pub series: Option<SeriesFile>,
}

/// The machine and the process.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HostSummary {
    /// CPU time of the process, user and system.
    pub cpu: Option<Seconds>,
    /// Resident set of the process.
    pub resident: Option<Spread<Bytes>>,
    /// Share of all cores at work, by all processes.
    pub cpu_share: Option<Spread<Ratio>>,
    /// Main memory in use by all processes.
    pub memory_used: Option<Spread<Bytes>>,
}

/// A device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GpuSummary {
    /// Which.
    pub device: DeviceSummary,
    /// Its memory.
    pub memory: MemorySpreads,
    /// The driver's utilisation: the share of its last sample period in which a kernel ran.
    pub utilisation: Option<Spread<Ratio>>,
    /// Time in which a kernel ran.
    pub busy: Option<Seconds>,
    /// Time in which device memory was read or written.
    pub memory_busy: Option<Seconds>,
    /// Multiprocessors with at least one warp.
    pub sm_active: Option<Spread<Ratio>>,
    /// Warps of those that a multiprocessor can hold.
    pub sm_occupancy: Option<Spread<Ratio>>,
    /// Tensor cores at work.
    pub tensor_active: Option<Spread<Ratio>>,
    /// Memory bandwidth.
    pub dram_active: Option<Spread<Ratio>>,
    /// Power.
    pub power: Option<Spread<Watts>>,
    /// Energy; absent where the device tells neither it nor its power, or for less than nine tenths of the time.
    pub energy: Option<Energy>,
    /// Time for which each reason held clocks down, as far as it was watched.
    pub throttle: BTreeMap<String, Seconds>,
    /// Temperature of the die.
    pub temperature: Option<Range<Celsius>>,
    /// Temperature of the memory.
    pub memory_temperature: Option<Range<Celsius>>,
    /// Clock of the multiprocessors.
    pub sm_clock: Option<Range<Hertz>>,
    /// Clock of the memory.
    pub memory_clock: Option<Range<Hertz>>,
    /// Over PCIe, from the device.
    pub pcie_transmitted: Option<Bytes>,
    /// Over PCIe, to the device.
    pub pcie_received: Option<Bytes>,
    /// Over all NVLinks, from the device.
    pub nvlink_transmitted: Option<Bytes>,
    /// Over all NVLinks, to the device.
    pub nvlink_received: Option<Bytes>,
    /// Memory errors that the device put right.
    pub ecc_corrected: Option<u64>,
    /// Those that it did not.
    pub ecc_uncorrected: Option<u64>,
    /// Errors of the driver (XID) by their number.
    #[serde(deserialize_with = "by_number")]
    pub xids: BTreeMap<u32, u64>,
    /// The time in which these were awaited; where it is less than was watched, some may not have been seen.
    #[serde(default)]
    pub xids_awaited: Seconds,
    /// The most other processes that computed on the device at a time.
    pub foreign_processes: Option<u32>,
    /// Times that the device was lost: then the trial's figures are not to be trusted.
    pub lost: u64,
}

/// Which device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceSummary {
    /// `GPU-…`, or `MIG-…` of a slice; empty where the device was never found.
    pub uuid: String,
    /// Model.
    pub name: String,
    /// Driver version.
    pub driver: String,
    /// The figures come from a library that the user named, not from the driver's: they are no measurement.
    pub stub: bool,
}

impl From<&GpuIdentity> for DeviceSummary {
    fn from(identity: &GpuIdentity) -> Self {
        let GpuIdentity { uuid, name, driver, stub, .. } = identity.clone();
        Self { uuid, name, driver, stub }
    }
}

/// Memory of a device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MemorySpreads {
    /// All processes together, without what the driver keeps for itself.
    pub device: Option<Spread<Bytes>>,
    /// This process, as the driver counts.
    pub process: Option<Spread<Bytes>>,
    /// How the process was recognised: `pid`, `outer-pid` or `sole-process`.
    pub process_known_by: Option<String>,
}

/// Energy of a trial: of the whole board.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Energy {
    /// How much.
    pub joules: Joules,
    /// How it was measured.
    pub source: EnergySource,
    /// The time over which it was measured.
    pub seconds: Seconds,
    /// The integral of the power, beside the counter.
    pub integrated: Option<Joules>,
    /// Energy of a training image: of the whole trial, evaluations and checkpoints included, over the images.
    pub joules_per_image: Option<f64>,
}

impl Energy {
    /// Energy of a trial of so many seconds: of the time that nobody watched as much as of the rest.
    pub fn over(&self, trial: Seconds) -> Joules {
        let watched = self.seconds.0;
        Joules(if watched > 0.0 { self.joules.0 * (trial.0 / watched).max(1.0) } else { self.joules.0 })
    }
}

/// How energy was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnergySource {
    /// The device's own counter.
    Counter,
    /// The integral of its power, sampled; short peaks may be missed.
    IntegratedPower,
}

/// How a quantity is distributed over its samples; percentiles by rank, within half a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread<T> {
    /// The least.
    pub min: T,
    /// The mean.
    pub mean: T,
    /// The median.
    pub p50: T,
    /// 95 % are no larger.
    pub p95: T,
    /// 99 % are no larger.
    pub p99: T,
    /// The largest.
    pub peak: T,
    /// How many samples.
    pub samples: u64,
}

/// The range of a quantity over its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range<T> {
    /// The least.
    pub min: T,
    /// The mean.
    pub mean: T,
    /// The largest.
    pub max: T,
}

/// A file with every reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesFile {
    /// Its name, in the folder `telemetry` of the store.
    pub file: String,
    /// Rows that the last execution wrote.
    pub rows: u64,
    /// Rows that it could not write: the disk was too slow, or full.
    pub lost: u64,
    /// Executions of the trial that are in it: more than those summed where one was killed between two checkpoints, fewer
    /// where one kept none.
    pub executions: u32,
}

/// Keys of JSON are texts, and serde leaves them so in what is flattened into a record.
fn by_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<u32, u64>, D::Error> {
    let named = BTreeMap::<String, u64>::deserialize(deserializer)?;
    named.into_iter().map(|(number, count)| Ok((number.parse().map_err(D::Error::custom)?, count))).collect()
}
