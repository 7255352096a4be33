//! What the machine and this process say.

use crate::units::{Bytes, Ratio, Seconds};

/// The machine.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct HostSnapshot {
    /// Share of all cores at work since the last look, by all processes.
    pub cpu: Option<Ratio>,
    /// Main memory in use.
    pub memory_used: Option<Bytes>,
    /// Main memory that could be taken without swapping.
    pub memory_available: Option<Bytes>,
    /// Main memory.
    pub memory_total: Option<Bytes>,
    /// Memory that the tightest control group above this process counts.
    pub cgroup_used: Option<Bytes>,
    /// Its limit.
    pub cgroup_limit: Option<Bytes>,
}

/// A process, or a tree of processes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ProcessSnapshot {
    /// Counter: CPU time, user and system.
    pub cpu: Option<Seconds>,
    /// Resident set.
    pub resident: Option<Bytes>,
    /// The largest `resident` that was seen.
    pub resident_peak: Option<Bytes>,
}

/// libtorch's CUDA allocator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AllocatorSnapshot {
    /// In live tensors.
    pub allocated: Bytes,
    /// Taken from the device.
    pub reserved: Bytes,
    /// In blocks that are allocated or that a stream may still use.
    pub active: Bytes,
    /// Counter: how often its cache was emptied to serve a request.
    pub retries: u64,
    /// Counter: how often a request could not be served.
    pub ooms: u64,
}
