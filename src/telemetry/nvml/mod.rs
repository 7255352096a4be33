//! NVIDIA's management library. The only place that speaks to it.

mod activities;
mod devices;
mod errors;
mod events;
mod fields;
mod library;
mod readings;
mod session;
mod source;

pub use devices::{Gpu, Gpus, gpus, visible_gpus};
pub(super) use source::NvmlSource;
