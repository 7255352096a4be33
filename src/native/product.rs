//! The Rust face of `native/product.cpp`: whitening's products on a GPU by a kernel of our own.

use super::{NativeError, checked};
use std::ffi::c_char;

unsafe extern "C" {
    safe fn ndb_product_kernel(index: i64) -> *mut c_char;
    safe fn ndb_use_product_kernel(use_it: bool);
}

/// Whether CUDA device `index` has the kernel; it is made where it was not yet.
///
/// # Errors
/// Why it cannot be made.
pub(crate) fn product_kernel(index: usize) -> Result<(), NativeError> {
    checked(ndb_product_kernel(index as i64))
}

/// From now on `fast` multiplies by the kernel where that can take the matrices, or by libtorch alone.
pub(crate) fn use_product_kernel(use_it: bool) {
    ndb_use_product_kernel(use_it);
}

#[cfg(test)]
#[path = "product_tests.rs"]
mod tests;
