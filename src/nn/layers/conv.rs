//! Two-dimensional convolution.

use crate::native::{Part, part};
use crate::nn::{Init, Layer, Pass, Role, Scope};
use tch::Tensor;

/// The geometry of a convolution with a square kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// Channels of the input.
    pub input: i64,
    /// Channels of the output.
    pub output: i64,
    /// Side of the kernel.
    pub kernel: i64,
    /// Step between windows.
    pub stride: i64,
    /// Zeros added on each side.
    pub padding: i64,
    /// Distance between the kernel's taps.
    pub dilation: i64,
    /// Independent groups of channels.
    pub groups: i64,
}

impl ConvShape {
    /// A convolution with stride 1, no padding, one group.
    pub fn new(input: i64, output: i64, kernel: i64) -> Self {
        Self { input, output, kernel, stride: 1, padding: 0, dilation: 1, groups: 1 }
    }

    /// The same with this stride.
    pub fn stride(self, stride: i64) -> Self {
        Self { stride, ..self }
    }

    /// The same with this padding.
    pub fn padding(self, padding: i64) -> Self {
        Self { padding, ..self }
    }

    /// The same with this dilation.
    pub fn dilation(self, dilation: i64) -> Self {
        Self { dilation, ..self }
    }

    /// The same with this many groups.
    pub fn groups(self, groups: i64) -> Self {
        Self { groups, ..self }
    }

    /// The weight's shape, `[output, input / groups, kernel, kernel]`.
    pub fn weight(self) -> [i64; 4] {
        [self.output, self.input / self.groups, self.kernel, self.kernel]
    }

    /// Bound of the uniform initialiser of weight and bias: one over the square root of the inputs to one output.
    pub fn init_bound(self) -> f64 {
        1.0 / ((self.input / self.groups * self.kernel * self.kernel) as f64).sqrt()
    }

    /// Normal with variance 2 over the inputs to one output (He et al., 2015).
    pub fn he_by_inputs(self) -> Init {
        Init::Normal((2.0 / (self.input / self.groups * self.kernel * self.kernel) as f64).sqrt())
    }

    /// Normal with variance 2 over the outputs that one input reaches (He et al., 2015).
    pub fn he_by_outputs(self) -> Init {
        Init::Normal((2.0 / (self.output / self.groups * self.kernel * self.kernel) as f64).sqrt())
    }

    /// The plain convolution of `x`, `[N, input, H, W]`.
    pub fn apply(self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
        let two = |v: i64| [v, v];
        let (stride, padding, dilation) = (two(self.stride), two(self.padding), two(self.dilation));
        part(Part::Convolution, || x.conv2d(weight, bias, stride, padding, dilation, self.groups))
    }

    /// Multiply-accumulates that make `y`, `[N, output, H, W]`, without the bias.
    pub fn macs(self, y: &Tensor) -> u64 {
        (y.numel() as i64 * self.input / self.groups * self.kernel * self.kernel) as u64
    }
}

/// A convolution, `[N, input, H, W]` to `[N, output, H', W']`.
#[derive(Debug)]
pub struct Conv2d {
    name: String,
    shape: ConvShape,
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Conv2d {
    /// A convolution whose parameters lie in `scope`, uniformly initialised (He et al., 2015, as libtorch's default).
    pub fn new(scope: &Scope, shape: ConvShape, bias: bool) -> Self {
        let init = Init::Uniform(shape.init_bound());
        Self::with_init(scope, shape, bias, init)
    }

    /// The same with another initialiser of the weight.
    pub fn with_init(scope: &Scope, shape: ConvShape, bias: bool, init: Init) -> Self {
        Self::filled(scope, shape, init, bias.then(|| Init::Uniform(shape.init_bound())))
    }

    /// The same with these initialisers of the weight and of the bias, if it has one.
    pub fn filled(scope: &Scope, shape: ConvShape, weight: Init, bias: Option<Init>) -> Self {
        let weight = scope.parameter("weight", &shape.weight(), Role::Weight, weight);
        let bias = bias.map(|init| scope.parameter("bias", &[shape.output], Role::Bias, init));
        Self { name: scope.name().into(), shape, weight, bias }
    }
}

impl Layer for Conv2d {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let y = self.shape.apply(x, &self.weight, self.bias.as_ref());
        pass.note(&self.name, "Conv2d", self.shape.macs(&y), &y);
        y
    }
}
