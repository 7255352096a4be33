//! Batch normalisation (Ioffe and Szegedy, 2015).

use crate::nn::{Init, Layer, Pass, Role, Scope};
use crate::scenario::BatchNorm as Settings;
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
    settings: Settings,
}

impl BatchNorm2d {
    /// Scale 1, shift 0.
    pub fn new(scope: &Scope, channels: i64, settings: Settings) -> Self {
        let options = (scope.kind(), scope.device());
        Self {
            name: scope.name().into(),
            weight: scope.parameter("weight", &[channels], Role::Scale, Init::Constant(1.0)),
            bias: scope.parameter("bias", &[channels], Role::Bias, Init::Constant(0.0)),
            running_mean: scope.buffer("running_mean", Tensor::zeros([channels], options)),
            running_var: scope.buffer("running_var", Tensor::ones([channels], options)),
            batches: scope.buffer("num_batches_tracked", Tensor::zeros([0; 0], (Kind::Int64, scope.device()))),
            settings,
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
            self.settings.momentum,
            self.settings.eps,
            true,
        );
        pass.note(&self.name, "BatchNorm2d", 0, &y);
        y
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Store;
    use tch::Device;

    #[test]
    fn the_settings_weigh_the_newest_batch_and_enlarge_the_variance() {
        let store = Store::new(Device::Cpu, Kind::Double);
        let norm = BatchNorm2d::new(&store.root(), 1, Settings { momentum: 0.25, eps: 3.0 });
        store.initialise(0);
        // Mean 2, variance 1 over the batch, 4/3 without bias.
        let x = Tensor::from_slice(&[1.0, 3.0, 1.0, 3.0]).view([4, 1, 1, 1]);
        let y = norm.forward(&x, &Pass::training());
        assert_eq!(y.double_value(&[1, 0, 0, 0]), 0.5, "(3 - 2) / sqrt(1 + 3)");
        assert_eq!(norm.running_mean.double_value(&[0]), 0.25 * 2.0);
        assert!((norm.running_var.double_value(&[0]) - (0.75 + 0.25 * 4.0 / 3.0)).abs() < 1e-15);
    }
}
