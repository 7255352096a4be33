//! The Rust face of `native/shim.cpp`: what libtorch offers and `tch` does not.

use crate::units::Bytes;
use std::ffi::{CStr, c_char};
use tch::Tensor;
use torch_sys::C_tensor;

unsafe extern "C" {
    safe fn ndb_libtorch_version() -> *const c_char;
    fn ndb_sgd_step(
        parameters: *const *mut C_tensor,
        buffers: *const *mut C_tensor,
        count: usize,
        rate: f64,
        momentum: f64,
        weight_decay: f64,
        nesterov: bool,
    ) -> *mut c_char;
    safe fn ndb_allow_tf32(allow: bool) -> *mut c_char;
    fn ndb_cuda_memory_now(index: i64, allocated: *mut i64, reserved: *mut i64) -> *mut c_char;
    fn ndb_cuda_memory_peak(index: i64, allocated: *mut i64, reserved: *mut i64) -> *mut c_char;
    safe fn ndb_cuda_memory_reset(index: i64) -> *mut c_char;
}

/// libtorch's own words about what went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("libtorch: {0}")]
pub struct NativeError(pub String);

/// Takes the message that a function of the shim returned; null means success.
fn checked(message: *mut c_char) -> Result<(), NativeError> {
    if message.is_null() {
        return Ok(());
    }
    // SAFETY: the shim returns a C string from malloc and keeps no pointer to it.
    let text = unsafe {
        let text = CStr::from_ptr(message).to_string_lossy().into_owned();
        libc::free(message.cast());
        text
    };
    Err(NativeError(text))
}

/// The version of libtorch, `2.11.0`.
pub fn libtorch_version() -> String {
    // SAFETY: a string literal of the shim.
    unsafe { CStr::from_ptr(ndb_libtorch_version()) }.to_string_lossy().into_owned()
}

/// Coefficients of one step of SGD.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SgdStep {
    pub rate: f64,
    pub momentum: f64,
    pub weight_decay: f64,
    pub nesterov: bool,
}

/// Updates each of `parameters` that has a gradient and drops the gradients. `buffers`, one a parameter, are undefined
/// tensors until the first step fills them.
///
/// # Errors
/// libtorch's, out of memory among them.
///
/// # Panics
/// When the lists differ in length.
pub(super) fn sgd_step(parameters: &mut [Tensor], buffers: &mut [Tensor], step: SgdStep) -> Result<(), NativeError> {
    assert_eq!(parameters.len(), buffers.len(), "one buffer a parameter");
    let pointers = |tensors: &mut [Tensor]| tensors.iter_mut().map(Tensor::as_mut_ptr).collect::<Vec<_>>();
    let (p, b) = (pointers(parameters), pointers(buffers));
    let SgdStep { rate, momentum, weight_decay, nesterov } = step;
    // SAFETY: both lists hold `p.len()` pointers to tensors that outlive the call and that nothing else borrows.
    checked(unsafe { ndb_sgd_step(p.as_ptr(), b.as_ptr(), p.len(), rate, momentum, weight_decay, nesterov) })
}

/// Allows or forbids TF32 in CUDA's matrix products and convolutions; without effect on the CPU.
///
/// # Errors
/// libtorch's.
pub(super) fn allow_tf32(allow: bool) -> Result<(), NativeError> {
    checked(ndb_allow_tf32(allow))
}

/// The largest amounts (in live tensors, reserved from the device) that CUDA's allocator held since the last
/// [`reset_cuda_memory`].
///
/// # Errors
/// libtorch's, such as a device that does not exist.
pub(super) fn cuda_memory_peak(index: usize) -> Result<(Bytes, Bytes), NativeError> {
    let (mut allocated, mut reserved) = (0, 0);
    // SAFETY: both point to live integers.
    checked(unsafe { ndb_cuda_memory_peak(index as i64, &mut allocated, &mut reserved) })?;
    Ok((Bytes(allocated.max(0) as u64), Bytes(reserved.max(0) as u64)))
}

/// What CUDA's allocator holds now: in live tensors, reserved from the device. May be asked from any thread.
///
/// # Errors
/// libtorch's, such as a device that does not exist.
pub(super) fn cuda_memory_now(index: usize) -> Result<(Bytes, Bytes), NativeError> {
    let (mut allocated, mut reserved) = (0, 0);
    // SAFETY: both point to live integers.
    checked(unsafe { ndb_cuda_memory_now(index as i64, &mut allocated, &mut reserved) })?;
    Ok((Bytes(allocated.max(0) as u64), Bytes(reserved.max(0) as u64)))
}

/// Gives the allocator's unused memory back to the device and starts a new peak.
///
/// # Errors
/// libtorch's, such as a device that does not exist.
pub(super) fn reset_cuda_memory(index: usize) -> Result<(), NativeError> {
    checked(ndb_cuda_memory_reset(index as i64))
}
