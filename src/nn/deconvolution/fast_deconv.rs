//! A convolution that whitens its input.

use super::samples::Samples;
use super::whitening::{Statistics, Whitening, Whole, block_size};
use crate::native::{Part, part};
use crate::nn::layers::ConvShape;
use crate::nn::{Convolution, Init, Layer, Pass, Role, Scope, Whitened};
use tch::{Kind, Tensor};

/// Convolution with deconvolved input, `[N, input, H, W]` to `[N, output, H', W']` (Ye et al., 2020, Algorithm 1).
#[derive(Debug)]
pub struct FastDeconv {
    name: String,
    shape: ConvShape,
    block: i64,
    stride: i64,
    weight: Tensor,
    bias: Option<Tensor>,
    statistics: Statistics,
}

impl FastDeconv {
    /// A layer whose parameters and running statistics lie in `scope`. A grouped convolution whitens each group by itself,
    /// whatever block is asked for.
    pub fn new(scope: &Scope, shape: ConvShape, bias: bool, whitening: Whitening) -> Self {
        Self::with_init(scope, shape, bias, whitening, Init::Uniform(shape.init_bound()))
    }

    /// The same with another initialiser of the weight.
    pub fn with_init(scope: &Scope, shape: ConvShape, bias: bool, whitening: Whitening, init: Init) -> Self {
        let block = match shape.groups {
            1 => block_size(whitening.block, shape.input),
            groups => shape.input / groups,
        };
        Self {
            name: scope.name().into(),
            shape,
            block,
            stride: whitening.sampling_stride * shape.stride,
            weight: scope.parameter("weight", &shape.weight(), Role::Weight, init),
            bias: bias.then(|| scope.parameter("bias", &[shape.output], Role::Bias, Init::Uniform(shape.init_bound()))),
            statistics: Statistics::new(scope, whitening, shape.groups, block * shape.kernel * shape.kernel),
        }
    }

    /// Weight and bias that have absorbed mean and deconvolution of the patches of `x`, and the input to convolve.
    fn absorb(&self, x: &Tensor, pass: &Pass) -> (Tensor, Tensor, Tensor) {
        let ConvShape { input, output, groups, kernel, .. } = self.shape;
        let features = self.block * kernel * kernel;
        let samples = Samples::Windows { x, shape: self.shape, block: self.block, stride: self.stride };
        let (weight, shift, input) = if groups > 1 {
            let weight = self.weight.view_([groups, output / groups, features]);
            let Whole { weight, shift, input } = self.statistics.absorb(pass, &weight, samples);
            (weight, shift.view_([output]), input)
        } else {
            // Feature f of block q is entry f G + q of a kernel.
            let blocks = input / self.block;
            let weight = self.weight.view_([output, features, blocks]).transpose(1, 2).reshape([-1, features]);
            let Whole { weight, shift, input } = self.statistics.absorb(pass, &weight, samples);
            let shift = shift.view_([output, blocks]).sum_dim_intlist([1].as_slice(), false, None::<Kind>);
            (weight.view_([output, blocks, features]).transpose(1, 2), shift, input)
        };
        let bias = match &self.bias {
            Some(bias) => bias - shift,
            None => -shift,
        };
        (weight.reshape(self.shape.weight()), bias, input.unwrap_or_else(|| x.shallow_clone()))
    }
}

impl FastDeconv {
    /// What of `x` is whitened.
    fn whitened(&self, x: &Tensor) -> Whitened {
        let ConvShape { input, output, groups, kernel, padding, dilation, .. } = self.shape;
        let (height, width) = (x.size()[2], x.size()[3]);
        let places = |length: i64| ((length + 2 * padding - dilation * (kernel - 1) - 1) / self.stride + 1) as f64;
        let places = if kernel == 1 {
            (height * width) as f64 / (self.stride * self.stride) as f64
        } else {
            places(height) * places(width)
        };
        let blocks = input / groups / self.block;
        Whitened {
            groups,
            features: self.block * kernel * kernel,
            samples: places * blocks as f64,
            rows: output / groups * blocks,
            n_iter: self.statistics.n_iter(),
            convolution: Some(Convolution { shape: self.shape, image: (height, width) }),
        }
    }
}

impl Layer for FastDeconv {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let (weight, bias, x) = part(Part::Weight, || self.absorb(x, pass));
        let y = self.shape.apply(&x, &weight, Some(&bias));
        pass.note_whitened(&self.name, "FastDeconv", self.shape.macs(&y), &y, self.whitened(&x));
        y
    }
}
