//! The Rust face of `native/fast.cpp`: network deconvolution with hand-written gradients.

use super::{NativeError, checked};
use std::ffi::c_char;
use std::ptr::null_mut;
use tch::Tensor;
use torch_sys::C_tensor;

unsafe extern "C" {
    fn ndb_fast_gather(
        x: *const C_tensor,
        kernel: i64,
        stride: i64,
        padding: i64,
        dilation: i64,
        columns: *mut *mut C_tensor,
    ) -> *mut c_char;
    fn ndb_fast_absorb(
        columns: *const C_tensor,
        weight: *const C_tensor,
        eps: f64,
        n_iter: i64,
        results: *mut [*mut C_tensor; 4],
    ) -> *mut c_char;
}

/// Samples of `x`, `[N, C, H, W]`, as columns `[C k k, n]`: windows in the order of image, row and column; with a kernel of
/// 1 every `stride^2`-th pixel of the batch.
///
/// # Errors
/// libtorch's, out of memory among them.
pub(crate) fn gather(x: &Tensor, kernel: i64, stride: i64, padding: i64, dilation: i64) -> Result<Tensor, NativeError> {
    let mut columns = null_mut();
    // SAFETY: `x` lives, and the shim fills the pointer on success.
    checked(unsafe { ndb_fast_gather(x.as_ptr(), kernel, stride, padding, dilation, &raw mut columns) })?;
    // SAFETY: a new tensor that nobody else owns.
    Ok(unsafe { Tensor::from_ptr(columns) })
}

/// What a weight that absorbs the whitening of its input becomes.
#[derive(Debug)]
pub(crate) struct Absorbed {
    /// The weight times the deconvolution, `[.., r, F]`.
    pub weight: Tensor,
    /// That times the mean, `[.., r, 1]`.
    pub shift: Tensor,
    /// `[.., F, 1]`, without gradient.
    pub mean: Tensor,
    /// `[.., F, F]`, without gradient.
    pub deconv: Tensor,
}

/// Whitens columns `[.., F, n]` into a weight `[.., r, F]`.
///
/// # Errors
/// libtorch's, out of memory among them.
pub(crate) fn absorb(columns: &Tensor, weight: &Tensor, eps: f64, n_iter: i64) -> Result<Absorbed, NativeError> {
    let mut results = [null_mut(); 4];
    // SAFETY: both tensors live, and the shim fills the pointers on success.
    checked(unsafe { ndb_fast_absorb(columns.as_ptr(), weight.as_ptr(), eps, n_iter, &raw mut results) })?;
    // SAFETY: new tensors that nobody else owns.
    let [weight, shift, mean, deconv] = results.map(|pointer| unsafe { Tensor::from_ptr(pointer) });
    Ok(Absorbed { weight, shift, mean, deconv })
}
