//! Batch normalisation (Ioffe and Szegedy, 2015).

use crate::nn::{Init, Layer, Pass, Role, Scope};
use tch::{Kind, Tensor};

/// Batch normalisation over channels, `[N, C, H, W]` to the same shape.
#[derive(Debug)]
pub struct BatchNorm2d {
    name: String,
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    batches: Tensor,
    momentum: f64,
    eps: f64,
}

impl BatchNorm2d {
    /// Scale 1, shift 0, momentum 0.1, eps 1e-5.
    pub fn new(scope: &Scope, channels: i64) -> Self {
        let options = (scope.kind(), scope.device());
        Self {
            name: scope.name().into(),
            weight: scope.parameter("weight", &[channels], Role::Scale, Init::Constant(1.0)),
            bias: scope.parameter("bias", &[channels], Role::Bias, Init::Constant(0.0)),
            running_mean: scope.buffer("running_mean", Tensor::zeros([channels], options)),
            running_var: scope.buffer("running_var", Tensor::ones([channels], options)),
            batches: scope.buffer("num_batches_tracked", Tensor::zeros([0; 0], (Kind::Int64, scope.device()))),
            momentum: 0.1,
            eps: 1e-5,
        }
    }
}

impl Layer for BatchNorm2d {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        if pass.is_training() {
            let _ = self.batches.shallow_clone().g_add_scalar_(1);
        }
        let y = x.batch_norm(
            Some(&self.weight),
            Some(&self.bias),
            Some(&self.running_mean),
            Some(&self.running_var),
            pass.is_training(),
            self.momentum,
            self.eps,
            true,
        );
        pass.note(&self.name, "BatchNorm2d", 0, &y);
        y
    }
}
