//! Mean and inverse square root of a covariance, from the batch or remembered.

use super::newton_schulz::inverse_sqrt;
use super::samples::Samples;
use crate::native::{Part, part};
use crate::nn::{Pass, Scope};
use crate::scenario::{Deconvolution, Implementation};
use std::cell::Cell;
use std::rc::Rc;
use tch::{Kind, Tensor};

/// Training steps before statistics freeze, where the scenario does not say otherwise.
const FREEZE_ITER: i64 = 100;

/// How a layer whitens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Whitening {
    /// Which code computes it.
    pub implementation: Implementation,
    /// Channels (or features of a linear layer) whitened together, before [`block_size`] fits it to the layer.
    pub block: i64,
    /// Newton-Schulz iterations.
    pub n_iter: i64,
    /// Added to the diagonal of the covariance.
    pub eps: f64,
    /// Pixels between samples in each direction, times the layer's stride.
    pub sampling_stride: i64,
    /// Weight of the newest batch in the running statistics.
    pub momentum: f64,
    /// Whether the statistics freeze after `freeze_iter` training steps.
    pub freeze: bool,
    /// The statistics are updated during the first `freeze_iter + 1` of every `10 freeze_iter` training steps.
    pub freeze_iter: i64,
}

impl Whitening {
    /// The settings of a convolution: blocks of `block` channels, no freezing.
    pub fn new(settings: &Deconvolution) -> Self {
        Self {
            implementation: settings.implementation,
            block: settings.block,
            n_iter: settings.n_iter,
            eps: settings.eps,
            sampling_stride: settings.sampling_stride,
            momentum: settings.momentum,
            freeze: false,
            freeze_iter: settings.freeze_iter.unwrap_or(FREEZE_ITER),
        }
    }

    /// The settings of a linear layer: blocks of `block_fc` features.
    pub fn linear(settings: &Deconvolution) -> Self {
        Self { block: settings.block_fc, ..Self::new(settings) }
    }
}

/// The block really used for `channels` when `asked` is wanted: all of them when there are fewer, otherwise `asked` or,
/// where it does not divide them, the greatest common divisor.
pub fn block_size(asked: i64, channels: i64) -> i64 {
    if asked > channels { channels } else { gcd(asked, channels) }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// What whitening makes of a layer.
#[derive(Debug)]
pub struct Whole {
    /// The weight times the deconvolution.
    pub weight: Tensor,
    /// That times the mean, `[.., r, 1]`.
    pub shift: Tensor,
    /// What was measured, to be read by the layer in place of its input, where that matters.
    pub input: Option<Tensor>,
}

/// Running mean and running deconvolution of one layer.
#[derive(Debug)]
pub struct Statistics {
    settings: Whitening,
    groups: i64,
    running_mean: Tensor,
    running_deconv: Tensor,
    steps: Rc<Cell<i64>>,
}

impl Statistics {
    /// Statistics of `features` features in each of `groups` groups: mean 0, deconvolution the identity. The buffers are
    /// `running_mean`, `[groups features]`, and `running_deconv`, `[features, features]` or, with several groups,
    /// `[groups, features, features]`.
    pub fn new(scope: &Scope, settings: Whitening, groups: i64, features: i64) -> Self {
        let options = (scope.kind(), scope.device());
        let identity = Tensor::eye(features, options);
        let identity = if groups > 1 { identity.repeat([groups, 1, 1]) } else { identity };
        Self {
            settings,
            groups,
            running_mean: scope.buffer("running_mean", Tensor::zeros([groups * features], options)),
            running_deconv: scope.buffer("running_deconv", identity),
            steps: scope.counter("steps"),
        }
    }

    /// What a weight `[.., r, F]` becomes that absorbs the whitening of its input (with a leading `[groups]` where there
    /// are several): itself times the deconvolution, and that times the mean, `[.., r, 1]`. Training measures `samples`
    /// and remembers their statistics; evaluation, and training while frozen, use what is remembered.
    pub fn absorb(&self, pass: &Pass, weight: &Tensor, samples: Samples) -> Whole {
        if !pass.is_training() || self.advance() {
            let mean = self.running_mean.view_([self.groups, -1, 1]);
            let mean = if self.groups > 1 { mean } else { mean.squeeze_dim(0) };
            // Copies, since a later training step changes the running statistics in place.
            return absorb(weight, &mean.copy(), &self.running_deconv.copy());
        }
        let Whitening { implementation, eps, n_iter, .. } = self.settings;
        match implementation {
            Implementation::Published => {
                let (mean, deconv) = self.measure(&samples.columns());
                self.remember(&mean, &deconv);
                absorb(weight, &mean, &deconv)
            }
            Implementation::Fast => {
                let absorbed = samples.absorb(weight, eps, n_iter);
                self.remember(&absorbed.mean, &absorbed.deconv);
                Whole { weight: absorbed.weight, shift: absorbed.shift, input: Some(absorbed.input) }
            }
        }
    }

    /// Newton-Schulz iterations.
    pub fn n_iter(&self) -> i64 {
        self.settings.n_iter
    }

    /// Counts a training step and tells whether the statistics are frozen in it.
    fn advance(&self) -> bool {
        if !self.settings.freeze {
            return false;
        }
        let before = self.steps.get();
        self.steps.set((before + 1) % (10 * self.settings.freeze_iter));
        before > self.settings.freeze_iter
    }

    fn measure(&self, columns: &Tensor) -> (Tensor, Tensor) {
        let Whitening { eps, n_iter, .. } = self.settings;
        let (mean, covariance) = part(Part::Covariance, || mean_and_covariance(columns, eps));
        (mean, part(Part::InverseSqrt, || inverse_sqrt(&covariance, n_iter)))
    }

    fn remember(&self, mean: &Tensor, deconv: &Tensor) {
        average(&self.running_mean, &mean.flatten(0, -1), self.settings.momentum);
        average(&self.running_deconv, deconv, self.settings.momentum);
    }
}

/// A weight times the deconvolution, and that times the mean.
fn absorb(weight: &Tensor, mean: &Tensor, deconv: &Tensor) -> Whole {
    let weight = weight.matmul(deconv);
    let shift = weight.matmul(mean);
    Whole { weight, shift, input: None }
}

/// Mean `[.., F, 1]` and covariance `[.., F, F]` (divisor `n`) of columns `[.., F, n]`, the covariance plus `eps` times the
/// identity.
fn mean_and_covariance(columns: &Tensor, eps: f64) -> (Tensor, Tensor) {
    let (features, count) = (columns.size()[columns.dim() - 2], columns.size()[columns.dim() - 1]);
    let mean = columns.mean_dim([-1].as_slice(), true, None::<Kind>);
    let centred = columns - &mean;
    let covariance = centred.matmul(&centred.transpose(-2, -1)) / count as f64;
    let ridge = Tensor::eye(features, (columns.kind(), columns.device())) * eps;
    (mean, covariance + ridge)
}

/// `running <- (1 - momentum) running + momentum new`, in place, without gradients.
pub(super) fn average(running: &Tensor, new: &Tensor, momentum: f64) {
    tch::no_grad(|| {
        let mut running = running.shallow_clone();
        let _ = running.lerp_(&new.view_as(&running), momentum);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_fit_the_channels() {
        assert_eq!(
            [(64, 3), (64, 64), (64, 96), (8, 12), (64, 128)].map(|(b, c)| block_size(b, c)),
            [3, 64, 32, 4, 64]
        );
    }
}
