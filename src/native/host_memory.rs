//! The Rust face of `native/host_memory.cpp`: what libtorch's tensors hold of the host's memory.

use crate::units::Bytes;

unsafe extern "C" {
    safe fn ndb_count_host_memory();
    safe fn ndb_bound_host_memory(data: u64, address_space: u64);
    safe fn ndb_host_memory_live() -> i64;
    safe fn ndb_host_memory_peak() -> i64;
    safe fn ndb_host_memory_reset();
}

/// From now on libtorch's tensors on the CPU are counted, and [`bound_host_memory`] works. Call it before the first tensor.
pub(crate) fn count_host_memory() {
    ndb_count_host_memory();
}

/// From now on a tensor of 1 MiB or more on the CPU is an error where it would raise the process's private memory above
/// `data` bytes or its address space above `address_space` bytes; `u64::MAX`: no bound.
pub(crate) fn bound_host_memory(data: u64, address_space: u64) {
    ndb_bound_host_memory(data, address_space);
}

/// Bytes in live tensors on the CPU, once they are counted.
pub(crate) fn host_memory_live() -> Bytes {
    Bytes(ndb_host_memory_live().max(0) as u64)
}

/// The largest number of bytes in live tensors on the CPU since the last [`reset_host_memory`].
pub(crate) fn host_memory_peak() -> Bytes {
    Bytes(ndb_host_memory_peak().max(0) as u64)
}

/// Starts a new peak.
pub(crate) fn reset_host_memory() {
    ndb_host_memory_reset();
}
