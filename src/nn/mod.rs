//! Layers, the deconvolution operator and the networks.
//!
//! A network is built from a [`Store`], which holds its parameters and buffers under dotted names, and is run by a
//! [`Pass`], which says whether it trains and may trace what each layer does.

mod blocks;
pub mod deconvolution;
pub mod layers;
mod method;
pub mod networks;
mod own;
mod pass;
mod schedule;
mod store;
mod whitened;

pub use method::Method;
pub use own::Own;
pub use pass::{LayerTrace, Pass};
pub use schedule::{Schedule, Taken};
pub use store::{Buffer, Init, Parameter, Role, Scope, Store};
pub use whitened::{Convolution, Products, Whitened};

use tch::Tensor;

/// Something that maps a tensor to a tensor.
pub trait Layer {
    /// The output for `x`; shapes are those of the layer.
    ///
    /// # Panics
    /// When the shape of `x` does not fit, or libtorch runs out of memory.
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor;
}
