//! A linear layer that whitens its input.

use super::samples::Samples;
use super::whitening::{Statistics, Whitening, Whole, block_size};
use crate::native::{Part, part};
use crate::nn::{Init, Layer, Pass, Role, Scope, Whitened};
use tch::{Kind, Tensor};

/// Linear layer with deconvolved input, `[.., input]` to `[.., output]`: the features are cut into contiguous pieces, which
/// are pooled into one sample.
#[derive(Debug)]
pub struct Delinear {
    name: String,
    block: i64,
    weight: Tensor,
    bias: Option<Tensor>,
    statistics: Statistics,
}

impl Delinear {
    /// A layer whose parameters and running statistics lie in `scope`.
    pub fn new(scope: &Scope, input: i64, output: i64, bias: bool, whitening: Whitening) -> Self {
        let block = block_size(whitening.block, input);
        let init = Init::Uniform(1.0 / (input as f64).sqrt());
        Self {
            name: scope.name().into(),
            block,
            weight: scope.parameter("weight", &[output, input], Role::Weight, init),
            bias: bias.then(|| scope.parameter("bias", &[output], Role::Bias, init)),
            statistics: Statistics::new(scope, whitening, 1, block),
        }
    }

    /// Weight and bias that have absorbed mean and deconvolution of the pieces of `x`.
    fn absorb(&self, x: &Tensor, pass: &Pass) -> (Tensor, Tensor) {
        let (output, input) = self.weight.size2().expect("a linear layer's weight is a matrix");
        let samples = Samples::Pieces(x, self.block);
        let Whole { weight, shift, .. } = self.statistics.absorb(pass, &self.weight.view_([-1, self.block]), samples);
        let by_output = shift.view_([output, input / self.block]);
        let shift = by_output.sum_dim_intlist([1].as_slice(), false, None::<Kind>);
        let bias = match &self.bias {
            Some(bias) => bias - shift,
            None => -shift,
        };
        (weight.view_([output, input]), bias)
    }
}

impl Layer for Delinear {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let (weight, bias) = part(Part::Weight, || self.absorb(x, pass));
        let y = x.linear(&weight, Some(&bias));
        let (output, input) = self.weight.size2().expect("a linear layer's weight is a matrix");
        let blocks = input / self.block;
        let whitened = Whitened {
            groups: 1,
            features: self.block,
            samples: blocks as f64,
            rows: output * blocks,
            n_iter: self.statistics.n_iter(),
            convolution: None,
        };
        pass.note_whitened(&self.name, "Delinear", y.numel() as u64 * input as u64, &y, whitened);
        y
    }
}
