//! Network deconvolution (Ye et al., ICLR 2020, Algorithm 1): layers that whiten their input.
//!
//! A layer measures mean and covariance of its input's patches, takes the covariance's inverse square root `D` by a fixed
//! number of Newton-Schulz steps, and lets its weight absorb both: `W' = W D`, `b' = b - W' mean`. What follows is an
//! ordinary convolution or linear map of the unchanged input. Under autocast that map computes in bfloat16, and what
//! leads to
//! `W'` and `b'` in single precision.

mod channel_deconv;
mod delinear;
mod fast_deconv;
#[cfg(test)]
mod kernel_tests;
mod newton_schulz;
mod samples;
mod whitening;

pub use channel_deconv::ChannelDeconv;
pub use delinear::Delinear;
pub use fast_deconv::FastDeconv;
pub use newton_schulz::{inverse_sqrt, inverse_sqrt_and_gradient};
pub use whitening::{Whitening, block_size};
