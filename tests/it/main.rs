//! The one integration test binary.

#[cfg(feature = "torch")]
mod bad_inputs;
#[cfg(feature = "torch")]
mod costs;
#[cfg(feature = "torch")]
mod data_fetch;
#[cfg(feature = "torch")]
mod data_folders;
#[cfg(feature = "torch")]
mod data_incomplete;
mod floors;
#[cfg(feature = "torch")]
mod golden;
#[cfg(feature = "torch")]
mod gpu;
#[cfg(feature = "torch")]
mod interruption;
