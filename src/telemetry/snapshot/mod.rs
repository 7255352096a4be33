//! Everything the instruments say at one moment, as plain values: what the sampler publishes and readers take.
//!
//! Missing is never zero: an `Option` without a value means that this machine does not say, or that it failed; of a
//! device's readings that are off for good, [`GpuSnapshot::off`] has the reason. Counters never fall: the sampler bridges
//! resets of the driver.

mod calls;
mod gpu;
mod host;
mod latest;

pub use calls::{CALL_BOUNDS, Call, CallStats, Code};
pub use gpu::{
    Activities, Attribution, Ecc, GpuIdentity, GpuSnapshot, GpuState, Memory, MigSlice, Off, Peaks, ProcessMemory,
    ThrottleReason, Traffic, Xid,
};
pub use host::{AllocatorSnapshot, HostSnapshot, ProcessSnapshot};
pub use latest::{Latest, Publisher};

use super::Level;
use crate::units::Seconds;

/// Everything the instruments say at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// When it was made: seconds since 1970, by the system's clock. Zero before the first one.
    pub at: Seconds,
    /// How much is watched.
    pub level: Level,
    /// The devices watched; none on a machine without, or with telemetry off.
    pub gpus: Vec<GpuSnapshot>,
    /// The machine.
    pub host: HostSnapshot,
    /// This process, or the tree of processes watched.
    pub process: ProcessSnapshot,
    /// libtorch's CUDA allocator in this process, where it was asked.
    pub allocator: Option<AllocatorSnapshot>,
    /// What the calls to the driver cost and how they failed, over all devices, in the order of [`Call`]; only those made.
    pub calls: Vec<CallStats>,
    /// The sampler itself.
    pub health: Health,
}

/// How the sampler is doing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Health {
    /// Ticks of the fastest lane that brought readings.
    pub samples: u64,
    /// Ticks that brought none: the driver was still busy with an earlier call, or the tick came too late.
    pub missed: u64,
    /// When a call to a device's driver, or without a device a look at the host, last succeeded: seconds since 1970.
    pub last_success: Option<Seconds>,
    /// CPU time of the sampler's threads.
    pub cpu: Seconds,
    /// Time between two samples of each lane now, stretched where calls are slow.
    pub intervals: Vec<(&'static str, Seconds)>,
    /// What a user should know, each once: "device lost", "no permission for …".
    pub notices: Vec<String>,
}
