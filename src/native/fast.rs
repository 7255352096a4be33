//! The Rust face of `native/fast.cpp`: network deconvolution with hand-written gradients.

use super::{NativeError, checked};
use std::ffi::c_char;
use std::ptr::{null, null_mut};
use tch::Tensor;
use torch_sys::C_tensor;

/// How samples come from a tensor.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Samples {
    /// Side of a window of a convolution's input, `[N, C, H, W]`; 0 where the tensor is columns, `[F, n]`, already.
    pub kernel: i64,
    /// Pixels between windows in each direction; with a kernel of 1 every `stride^2`-th pixel of the batch is a sample.
    pub stride: i64,
    /// Zeros on each side.
    pub padding: i64,
    /// Distance between the pixels of a window.
    pub dilation: i64,
    /// Groups of channels, each with statistics of its own.
    pub groups: i64,
    /// Features of a group.
    pub features: i64,
}

unsafe extern "C" {
    fn ndb_fast_absorb(
        x: *const C_tensor,
        samples: *const Samples,
        weight: *const C_tensor,
        start: *const C_tensor,
        eps: f64,
        n_iter: i64,
        bf16: bool,
        results: *mut [*mut C_tensor; 5],
    ) -> *mut c_char;
    fn ndb_fast_inverse_sqrt(
        a: *const C_tensor,
        gradient: *const C_tensor,
        n_iter: i64,
        results: *mut [*mut C_tensor; 2],
    ) -> *mut c_char;
}

/// How the inverse square root of a covariance is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps<'a> {
    /// Added to the diagonal of the covariance.
    pub eps: f64,
    /// Newton-Schulz iterations.
    pub n_iter: i64,
    /// They compute in bfloat16.
    pub bf16: bool,
    /// From what they go on, `[.., F, F]`; absent: from the identity.
    pub start: Option<&'a Tensor>,
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
    /// The tensor that was whitened, to be read in its place: its gradients meet there.
    pub input: Tensor,
}

/// Whitens the samples of `x` into a weight `[.., r, F]`.
///
/// # Errors
/// libtorch's, out of memory among them.
pub(crate) fn absorb(x: &Tensor, samples: Samples, weight: &Tensor, steps: Steps) -> Result<Absorbed, NativeError> {
    let Steps { eps, n_iter, bf16, start } = steps;
    let start = start.map_or(null(), Tensor::as_ptr);
    let mut results = [null_mut(); 5];
    // SAFETY: tensors and samples live, and the shim fills the pointers on success.
    checked(unsafe {
        ndb_fast_absorb(x.as_ptr(), &raw const samples, weight.as_ptr(), start, eps, n_iter, bf16, &raw mut results)
    })?;
    // SAFETY: new tensors that nobody else owns.
    let [weight, shift, mean, deconv, input] = results.map(|pointer| unsafe { Tensor::from_ptr(pointer) });
    Ok(Absorbed { weight, shift, mean, deconv, input })
}

/// The inverse square root of `a`, `[.., F, F]`, and the gradient of `a`, where `gradient` is that of the result.
///
/// # Errors
/// libtorch's, out of memory among them.
pub(crate) fn inverse_sqrt(a: &Tensor, gradient: &Tensor, n_iter: i64) -> Result<(Tensor, Tensor), NativeError> {
    let mut results = [null_mut(); 2];
    // SAFETY: both tensors live, and the shim fills the pointers on success.
    checked(unsafe { ndb_fast_inverse_sqrt(a.as_ptr(), gradient.as_ptr(), n_iter, &raw mut results) })?;
    // SAFETY: new tensors that nobody else owns.
    let [root, d_a] = results.map(|pointer| unsafe { Tensor::from_ptr(pointer) });
    Ok((root, d_a))
}
