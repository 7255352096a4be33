//! The ordinary layers: convolution, linear, batch normalisation.

mod batch_norm;
mod conv;
mod linear;

pub use batch_norm::BatchNorm2d;
pub use conv::{Conv2d, ConvShape};
pub use linear::Linear;
