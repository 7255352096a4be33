//! The Rust face of `native/cuda.cpp`: CUDA's caching allocator, and events on its streams.

use super::{NativeError, checked};
use crate::units::{Bytes, Seconds};
use std::ffi::c_char;
use std::ptr::{NonNull, null_mut};
use tch::Tensor;
use torch_sys::C_tensor;

#[repr(C)]
#[derive(Default)]
struct RawAmount {
    now: i64,
    peak: i64,
}

#[repr(C)]
#[derive(Default)]
struct RawMemory {
    allocated: RawAmount,
    reserved: RawAmount,
    active: RawAmount,
    retries: i64,
    ooms: i64,
}

#[repr(C)]
struct RawEvent {
    _opaque: [u8; 0],
}

unsafe extern "C" {
    fn ndb_cuda_memory(index: i64, memory: *mut RawMemory) -> *mut c_char;
    safe fn ndb_cuda_memory_release() -> *mut c_char;
    fn ndb_pinned(sizes: *const i64, dimensions: usize, tensor: *mut *mut C_tensor) -> *mut c_char;
    safe fn ndb_cuda_memory_reset(index: i64) -> *mut c_char;
    fn ndb_event_record(index: i64, event: *mut *mut RawEvent) -> *mut c_char;
    fn ndb_event_milliseconds(from: *const RawEvent, to: *const RawEvent, milliseconds: *mut f64) -> *mut c_char;
    fn ndb_event_free(event: *mut RawEvent);
}

/// An amount of memory now, and the most since the last reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// Now.
    pub now: Bytes,
    /// The most since the last [`reset_cuda_memory`].
    pub peak: Bytes,
}

impl From<RawAmount> for Amount {
    fn from(raw: RawAmount) -> Self {
        let bytes = |n: i64| Bytes(n.max(0) as u64);
        Self { now: bytes(raw.now), peak: bytes(raw.peak) }
    }
}

/// What CUDA's caching allocator says of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// In live tensors.
    pub allocated: Amount,
    /// Reserved from the device.
    pub reserved: Amount,
    /// In blocks that are allocated or that a stream may still use.
    pub active: Amount,
    /// How often the cache was emptied to serve a request, since the process began.
    pub retries: u64,
    /// How often a request could not be served, since the process began.
    pub ooms: u64,
}

/// What the caching allocator says of device `index`.
///
/// # Errors
/// libtorch's, such as a device that does not exist.
pub(crate) fn cuda_memory(index: usize) -> Result<Memory, NativeError> {
    let mut raw = RawMemory::default();
    // SAFETY: it points to a live structure of the layout that the shim declares.
    checked(unsafe { ndb_cuda_memory(index as i64, &raw mut raw) })?;
    let RawMemory { allocated, reserved, active, retries, ooms } = raw;
    let count = |n: i64| n.max(0) as u64;
    Ok(Memory {
        allocated: allocated.into(),
        reserved: reserved.into(),
        active: active.into(),
        retries: count(retries),
        ooms: count(ooms),
    })
}

/// Gives the caching allocator's unused memory back to every device.
///
/// # Errors
/// libtorch's, such as no device at all.
pub(crate) fn release_cuda_memory() -> Result<(), NativeError> {
    checked(ndb_cuda_memory_release())
}

/// Starts new peaks on device `index`.
///
/// # Errors
/// libtorch's, such as a device that does not exist.
pub(crate) fn reset_cuda_memory(index: usize) -> Result<(), NativeError> {
    checked(ndb_cuda_memory_reset(index as i64))
}

/// Numbers in float32, not set, in memory of the host that a CUDA device reads by itself, while the host goes on.
///
/// # Errors
/// libtorch's, such as no device at all.
pub(crate) fn pinned(sizes: &[i64]) -> Result<Tensor, NativeError> {
    let mut tensor = null_mut();
    // SAFETY: the sizes live, and the shim fills the pointer on success.
    checked(unsafe { ndb_pinned(sizes.as_ptr(), sizes.len(), &raw mut tensor) })?;
    // SAFETY: a new tensor that nobody else owns.
    Ok(unsafe { Tensor::from_ptr(tensor) })
}

/// A mark on the current stream of a CUDA device, which keeps the time at which the device reached it.
#[derive(Debug)]
pub(crate) struct Event(NonNull<RawEvent>);

impl Event {
    /// Marks the end of what the current stream of device `index` has been asked to do so far. Does not wait.
    ///
    /// # Errors
    /// libtorch's, such as a device that does not exist.
    pub fn record(index: usize) -> Result<Self, NativeError> {
        let mut event = null_mut();
        // SAFETY: it points to a live pointer, which the shim fills on success.
        checked(unsafe { ndb_event_record(index as i64, &raw mut event) })?;
        NonNull::new(event).map(Self).ok_or_else(|| NativeError("an event without an address".into()))
    }

    /// The device's own time from this event to a `later` one; waits for that.
    ///
    /// # Errors
    /// libtorch's.
    pub fn until(&self, later: &Self) -> Result<Seconds, NativeError> {
        let mut milliseconds = 0.0;
        // SAFETY: both events live, and the number too.
        checked(unsafe { ndb_event_milliseconds(self.0.as_ptr(), later.0.as_ptr(), &raw mut milliseconds) })?;
        Ok(Seconds(milliseconds / 1e3))
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: made by the shim, freed once.
        unsafe { ndb_event_free(self.0.as_ptr()) }
    }
}

#[cfg(test)]
#[path = "cuda_tests.rs"]
mod tests;
