//! What a device says.

use crate::units::{Bytes, Celsius, Hertz, Joules, Ratio, Seconds, Watts};
use std::collections::BTreeMap;
use std::time::Duration;

use super::{Call, Code};

/// A device at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GpuSnapshot {
    /// Which; absent until it was found once.
    pub identity: Option<GpuIdentity>,
    /// Whether it answers. The readings of a device that does not are absent; counters stay.
    pub state: GpuState,
    /// Counter: times that it was lost since the sampler began.
    pub lost: u64,
    /// Memory of the device, all processes together.
    pub memory: Option<Memory>,
    /// The largest `memory.used`.
    pub memory_peak: Peaks<Bytes>,
    /// Memory of this process on the device, as the driver counts it.
    pub process_memory: Option<ProcessMemory>,
    /// Other processes that compute on the device.
    pub foreign_processes: Option<u32>,
    /// Share of the driver's last sample period in which a kernel ran.
    pub utilisation: Option<Ratio>,
    /// Share of that period in which device memory was read or written.
    pub memory_utilisation: Option<Ratio>,
    /// Counter: time in which a kernel ran, integrated over the driver's own samples.
    pub busy: Option<Seconds>,
    /// Counter: time in which device memory was read or written.
    pub memory_busy: Option<Seconds>,
    /// Power now.
    pub power: Option<Watts>,
    /// Power, mean of the last second.
    pub power_average: Option<Watts>,
    /// Power of the device's memory alone.
    pub memory_power: Option<Watts>,
    /// The limit that is enforced.
    pub power_limit: Option<Watts>,
    /// The largest `power`.
    pub power_peak: Peaks<Watts>,
    /// Counter: energy by the device's own counter, since the sampler began; absent at the look that saw that counter begin
    /// anew.
    pub energy: Option<Joules>,
    /// Counter: energy as the integral of `power`, since the sampler began.
    pub energy_estimated: Option<Joules>,
    /// Temperature of the die.
    pub temperature: Option<Celsius>,
    /// Temperature of the memory.
    pub memory_temperature: Option<Celsius>,
    /// Clock of the multiprocessors.
    pub sm_clock: Option<Hertz>,
    /// Clock of the memory.
    pub memory_clock: Option<Hertz>,
    /// Counters: time for which each reason held clocks down; where the device has no counter for one, the ticks that
    /// saw it.
    pub throttle: BTreeMap<ThrottleReason, Seconds>,
    /// Shares of the device in use between the last two samples (GPM, Hopper and later).
    pub activities: Option<Activities>,
    /// Counters: bytes over PCIe since the sampler began.
    pub pcie: Option<Traffic>,
    /// Counters: bytes over all NVLinks since the sampler began.
    pub nvlink: Option<Traffic>,
    /// Counters: memory errors since the sampler began.
    pub ecc: Option<Ecc>,
    /// Errors of the driver (XID) since the sampler began, by their number.
    pub xids: BTreeMap<u32, Xid>,
    /// What is off for good on this device.
    pub off: Vec<Off>,
}

/// Which device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GpuIdentity {
    /// `GPU-…`, or `MIG-…` of a slice.
    pub uuid: String,
    /// Number among all devices of the machine, in the order of the PCI bus; of a slice, its parent's.
    pub index: u32,
    /// Model; begins with `stub` where the library is the test stub, so that no figure of it is taken for a measurement.
    pub name: String,
    /// Driver version.
    pub driver: String,
    /// CUDA version that the driver supports, `13.0`.
    pub cuda: String,
    /// `00000000:3B:00.0`.
    pub pci_bus_id: String,
    /// Where it is a slice of a device.
    pub mig: Option<MigSlice>,
    /// The readings come from a library that was named by the user, not the driver's.
    pub stub: bool,
}

/// A slice of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MigSlice {
    /// `GPU-…` of the whole device.
    pub parent: String,
    /// `1g.10gb`, the end of the slice's name, where it says.
    pub profile: String,
    /// Number of the GPU instance.
    pub gpu_instance: u32,
    /// Number of the compute instance.
    pub compute_instance: u32,
}

/// Whether a device answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum GpuState {
    /// Not asked yet.
    #[default]
    Starting,
    /// It answers.
    Up,
    /// It answered once and is gone, or does not answer any more; it is looked for again.
    Lost {
        /// In the driver's words.
        why: String,
    },
    /// There is nothing to ask, and it is not looked for again.
    Absent {
        /// What is missing, and what to do about it.
        why: String,
    },
}

impl GpuState {
    /// The device answers.
    pub fn is_up(&self) -> bool {
        *self == Self::Up
    }
}

/// Memory of a device: `total` is the sum of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Taken by processes.
    pub used: Bytes,
    /// Left.
    pub free: Bytes,
    /// Kept by the driver for itself; not in `used`.
    pub reserved: Bytes,
    /// All of it.
    pub total: Bytes,
}

/// The largest value that was seen; absent before the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Peaks<T> {
    /// Within the last 30 s: slides, and is not reset by those who read it.
    pub last_30s: Option<T>,
    /// Since the sampler began.
    pub run: Option<T>,
}

/// Memory of this process on a device, as the driver counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessMemory {
    /// How much.
    pub used: Bytes,
    /// How the process was recognised.
    pub attribution: Attribution,
}

/// How a process was recognised among those that the driver lists by the numbers of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribution {
    /// By its own number.
    Own,
    /// By its number outside its name space of processes.
    OuterNamespace,
    /// It is the only process that computes on the device.
    SoleProcess,
}

impl Attribution {
    /// The word used in records: `pid`, `outer-pid`, `sole-process`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Own => "pid",
            Self::OuterNamespace => "outer-pid",
            Self::SoleProcess => "sole-process",
        }
    }
}

/// Shares of a device in use.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Activities {
    /// Multiprocessors with at least one warp.
    pub sm: Option<Ratio>,
    /// Warps of those that a multiprocessor can hold.
    pub occupancy: Option<Ratio>,
    /// Tensor cores at work.
    pub tensor: Option<Ratio>,
    /// Memory bandwidth.
    pub dram: Option<Ratio>,
    /// The time that they are of, which has just ended.
    pub span: Duration,
}

/// Bytes over a link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// From the device.
    pub transmitted: Bytes,
    /// To the device.
    pub received: Bytes,
}

/// Memory errors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ecc {
    /// Put right by the device.
    pub corrected: u64,
    /// Not.
    pub uncorrected: u64,
}

/// One kind of driver error.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Xid {
    /// How often.
    pub count: u64,
    /// The last time: seconds since 1970.
    pub last: Seconds,
}

/// A reading that is off for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Off {
    /// Which.
    pub call: Call,
    /// What the driver said.
    pub code: Code,
}

/// Why clocks are held down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ThrottleReason {
    /// Nothing to do; no throttling.
    GpuIdle,
    /// Clocks set by the user.
    ApplicationClocks,
    /// The power limit.
    PowerCap,
    /// The hardware protects itself: one of the following, or a power supply.
    HwSlowdown,
    /// Clocks kept equal with other devices.
    SyncBoost,
    /// The driver keeps temperature down.
    SwThermal,
    /// The hardware keeps temperature down.
    HwThermal,
    /// The power supply asks for less.
    PowerBrake,
    /// A display.
    Display,
    /// One that this program does not know.
    Unknown,
}

impl ThrottleReason {
    /// Every one.
    pub const ALL: [Self; 10] = [
        Self::GpuIdle,
        Self::ApplicationClocks,
        Self::PowerCap,
        Self::HwSlowdown,
        Self::SyncBoost,
        Self::SwThermal,
        Self::HwThermal,
        Self::PowerBrake,
        Self::Display,
        Self::Unknown,
    ];

    /// The word used in labels and records: `power_cap`.
    pub fn word(self) -> &'static str {
        match self {
            Self::GpuIdle => "gpu_idle",
            Self::ApplicationClocks => "application_clocks",
            Self::PowerCap => "power_cap",
            Self::HwSlowdown => "hw_slowdown",
            Self::SyncBoost => "sync_boost",
            Self::SwThermal => "sw_thermal",
            Self::HwThermal => "hw_thermal",
            Self::PowerBrake => "power_brake",
            Self::Display => "display",
            Self::Unknown => "unknown",
        }
    }
}
