//! Matrix product and bias.

use crate::nn::{Init, Layer, Pass, Role, Scope};
use tch::Tensor;

/// A linear layer, `[N, input]` to `[N, output]`.
#[derive(Debug)]
pub struct Linear {
    name: String,
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// A linear layer whose parameters lie in `scope`, uniformly initialised within one over the square root of `input`.
    pub fn new(scope: &Scope, input: i64, output: i64) -> Self {
        let init = Init::Uniform(1.0 / (input as f64).sqrt());
        Self::filled(scope, input, output, (init, init))
    }

    /// The same with these initialisers of weight and bias.
    pub fn filled(scope: &Scope, input: i64, output: i64, (weight, bias): (Init, Init)) -> Self {
        let weight = scope.parameter("weight", &[output, input], Role::Weight, weight);
        let bias = scope.parameter("bias", &[output], Role::Bias, bias);
        Self { name: scope.name().into(), weight, bias }
    }
}

impl Layer for Linear {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let y = x.linear(&self.weight, Some(&self.bias));
        pass.note(&self.name, "Linear", y.numel() as u64 * self.weight.size()[1] as u64, &y);
        y
    }
}
