//! The Rust face of `native/`: what libtorch offers and `tch` does not.

mod autocast;
mod cuda;
mod fast;
mod graph;
mod host_memory;
mod parts;
mod product;
#[cfg(all(test, target_arch = "x86_64"))]
mod tile_tests;

pub(crate) use autocast::Autocast;
pub(crate) use cuda::{Event, cuda_memory, pinned, release_cuda_memory, reset_cuda_memory};
pub(crate) use fast::{Absorbed, Samples, Steps, absorb, inverse_sqrt};
pub(crate) use graph::{Graph, OwnStream, Pool};
pub(crate) use host_memory::{
    bound_host_memory, count_host_memory, host_memory_live, host_memory_peak, reset_host_memory,
};

pub(crate) use parts::{Part, Parts, measure_parts, part};
pub(crate) use product::{product_kernel, use_product_kernel};

use std::ffi::{CStr, c_char};
use tch::Tensor;
use torch_sys::C_tensor;

unsafe extern "C" {
    safe fn ndb_libtorch_version() -> *const c_char;
    safe fn ndb_cpu_capability() -> *const c_char;
    fn ndb_sgd_step(
        parameters: *const *mut C_tensor,
        buffers: *const *mut C_tensor,
        count: usize,
        rate: f64,
        rate_on_device: *const C_tensor,
        momentum: f64,
        weight_decay: f64,
        nesterov: bool,
    ) -> *mut c_char;
    safe fn ndb_allow_tf32(allow: bool) -> *mut c_char;
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

/// The vector instructions that libtorch's kernels use on this CPU: `AVX512`, `DEFAULT`.
pub fn cpu_capability() -> String {
    // SAFETY: a string of the shim that lives as long as the program.
    unsafe { CStr::from_ptr(ndb_cpu_capability()) }.to_string_lossy().into_owned()
}

/// The version of libtorch, `2.11.0`.
pub fn libtorch_version() -> String {
    // SAFETY: a string literal of the shim.
    unsafe { CStr::from_ptr(ndb_libtorch_version()) }.to_string_lossy().into_owned()
}

/// A learning rate.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rate<'a> {
    /// A number.
    Number(f64),
    /// A scalar of type float, read when the device takes the step.
    OnDevice(&'a Tensor),
}

/// Coefficients of one step of SGD.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SgdStep<'a> {
    pub rate: Rate<'a>,
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
pub(crate) fn sgd_step(parameters: &mut [Tensor], buffers: &mut [Tensor], step: SgdStep) -> Result<(), NativeError> {
    assert_eq!(parameters.len(), buffers.len(), "one buffer a parameter");
    let pointers = |tensors: &mut [Tensor]| tensors.iter_mut().map(Tensor::as_mut_ptr).collect::<Vec<_>>();
    let (p, b) = (pointers(parameters), pointers(buffers));
    let SgdStep { rate, momentum, weight_decay, nesterov } = step;
    let (rate, on_device) = match rate {
        Rate::Number(rate) => (rate, std::ptr::null()),
        Rate::OnDevice(rate) => (f64::NAN, rate.as_ptr()),
    };
    // SAFETY: both lists hold `p.len()` pointers to tensors that outlive the call and that nothing else borrows, and so does the
    // rate.
    checked(unsafe { ndb_sgd_step(p.as_ptr(), b.as_ptr(), p.len(), rate, on_device, momentum, weight_decay, nesterov) })
}

/// Allows or forbids TF32 in CUDA's matrix products and convolutions; without effect on the CPU.
///
/// # Errors
/// libtorch's.
pub(crate) fn allow_tf32(allow: bool) -> Result<(), NativeError> {
    checked(ndb_allow_tf32(allow))
}
