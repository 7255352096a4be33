//! Mean and inverse square root of a covariance, from the batch or remembered.

use super::newton_schulz::inverse_sqrt;
use super::samples::Samples;
use crate::native::{Autocast, Part, Steps, part};
use crate::nn::{Pass, Schedule, Scope, Taken};
use crate::scenario::{Deconvolution, Implementation, MatrixPrecision};
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
    /// Statistics are measured in every so many training steps; 1 for each.
    pub refresh: i64,
    /// The Newton-Schulz steps compute in bfloat16.
    pub bf16: bool,
    /// They go on from the running deconvolution.
    pub warm_start: bool,
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
            refresh: settings.refresh.unwrap_or(1),
            bf16: settings.matrix_precision == Some(MatrixPrecision::Bf16),
            warm_start: settings.warm_start,
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
    /// Mean and deconvolution that were measured last, where they are kept for some steps.
    kept: Option<[Tensor; 2]>,
    schedule: Schedule,
}

impl Statistics {
    /// Statistics of `features` features in each of `groups` groups: mean 0, deconvolution the identity. The buffers are
    /// `running_mean`, `[groups features]`, and `running_deconv`, `[features, features]` or, with several groups,
    /// `[groups, features, features]`.
    pub fn new(scope: &Scope, settings: Whitening, groups: i64, features: i64) -> Self {
        let options = (scope.kind(), scope.device());
        let identity = Tensor::eye(features, options);
        let identity = if groups > 1 { identity.repeat([groups, 1, 1]) } else { identity };
        let shape = |columns| if groups > 1 { vec![groups, features, columns] } else { vec![features, columns] };
        let buffer = |name, columns| scope.buffer(name, Tensor::zeros(shape(columns), options));
        let kept = (settings.refresh > 1).then(|| [buffer("kept_mean", 1), buffer("kept_deconv", features)]);
        Self {
            settings,
            groups,
            running_mean: scope.buffer("running_mean", Tensor::zeros([groups * features], options)),
            running_deconv: scope.buffer("running_deconv", identity),
            kept,
            schedule: Schedule::new(scope, settings.freeze.then_some(settings.freeze_iter), settings.refresh),
        }
    }

    /// What a weight `[.., r, F]` becomes that absorbs the whitening of its input (with a leading `[groups]` where there
    /// are several): itself times the deconvolution, and that times the mean, `[.., r, 1]`. Training measures `samples`
    /// and remembers their statistics; evaluation, and training while frozen, use what is remembered. All of it computes in
    /// the weight's numbers, also where autocast is on.
    pub fn absorb(&self, pass: &Pass, weight: &Tensor, samples: Samples) -> Whole {
        let _exact = Autocast::off(weight.device());
        let taken = if pass.is_training() { self.schedule.next() } else { Taken::Remembered };
        if pass.is_training() {
            self.schedule.advance();
        }
        match (taken, &self.kept) {
            (Taken::Measured, _) | (Taken::Kept, None) => {}
            // Copies, since a later training step changes them in place.
            (Taken::Kept, Some([mean, deconv])) => return absorb(weight, &mean.copy(), &deconv.copy()),
            (Taken::Remembered, _) => {
                let mean = self.running_mean.view_([self.groups, -1, 1]);
                let mean = if self.groups > 1 { mean } else { mean.squeeze_dim(0) };
                return absorb(weight, &mean.copy(), &self.running_deconv.copy());
            }
        }
        let Whitening { implementation, eps, n_iter, bf16, warm_start, .. } = self.settings;
        // A copy, since it is averaged in place before the gradients come.
        let start = warm_start.then(|| self.running_deconv.copy());
        match implementation {
            Implementation::Published => {
                let (mean, deconv) = self.measure(&samples.columns(weight.kind()), start.as_ref());
                self.remember(&mean, &deconv);
                absorb(weight, &mean, &deconv)
            }
            Implementation::Fast => {
                let absorbed = samples.absorb(weight, Steps { eps, n_iter, bf16, start: start.as_ref() });
                self.remember(&absorbed.mean, &absorbed.deconv);
                Whole { weight: absorbed.weight, shift: absorbed.shift, input: Some(absorbed.input) }
            }
        }
    }

    /// Newton-Schulz iterations.
    pub fn n_iter(&self) -> i64 {
        self.settings.n_iter
    }

    fn measure(&self, columns: &Tensor, start: Option<&Tensor>) -> (Tensor, Tensor) {
        let Whitening { eps, n_iter, bf16, .. } = self.settings;
        let (mean, covariance) = part(Part::Covariance, || mean_and_covariance(columns, eps));
        let inverse_sqrt = |a: &Tensor| match bf16 {
            true => inverse_sqrt(&a.to_kind(Kind::BFloat16), n_iter).to_kind(a.kind()),
            false => inverse_sqrt(a, n_iter),
        };
        let deconv = part(Part::InverseSqrt, || match start {
            Some(start) => inverse_sqrt(&start.matmul(&covariance).matmul(&start.transpose(-2, -1))).matmul(start),
            None => inverse_sqrt(&covariance),
        });
        (mean, deconv)
    }

    fn remember(&self, mean: &Tensor, deconv: &Tensor) {
        average(&self.running_mean, &mean.flatten(0, -1), self.settings.momentum);
        average(&self.running_deconv, deconv, self.settings.momentum);
        if let Some(kept) = &self.kept {
            tch::no_grad(|| kept.iter().zip([mean, deconv]).for_each(|(kept, new)| kept.shallow_clone().copy_(new)));
        }
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
    use crate::nn::Layer;
    use crate::nn::Store;
    use crate::nn::deconvolution::FastDeconv;
    use crate::nn::layers::ConvShape;
    use tch::Device;

    /// What a layer makes of three batches in training.
    fn outputs(settings: &Deconvolution) -> Vec<Tensor> {
        let store = Store::new(Device::Cpu, Kind::Float);
        let layer = FastDeconv::new(&store.root(), ConvShape::new(6, 4, 3).padding(1), true, Whitening::new(settings));
        store.initialise(1);
        let batch = |n: i64| {
            let numbers = Tensor::arange(2 * 6 * 9 * 9, (Kind::Float, Device::Cpu)) * (0.37 + n as f64);
            numbers.sin().view([2, 6, 9, 9])
        };
        (1..=3).map(|n| tch::no_grad(|| layer.forward(&batch(n), &Pass::training()))).collect()
    }

    fn difference(one: &Tensor, other: &Tensor) -> f64 {
        ((one - other).norm() / other.norm()).double_value(&[])
    }

    #[test]
    fn statistics_are_kept_between_the_steps_that_measure_them() {
        for implementation in Implementation::ALL {
            let every = Deconvolution { implementation, ..Deconvolution::default() };
            let second = Deconvolution { refresh: Some(2), ..every };
            let (every, second) = (outputs(&every), outputs(&second));
            let differences: Vec<f64> = second.iter().zip(&every).map(|(a, b)| difference(a, b)).collect();
            assert!(differences[0] == 0.0 && differences[1] > 1e-2 && differences[2] == 0.0, "{differences:?}");
        }
    }

    #[test]
    fn a_warm_start_whitens_with_fewer_steps_in_either_implementation() {
        let [published, fast] = Implementation::ALL.map(|implementation| {
            let warm = Deconvolution { implementation, warm_start: true, n_iter: 2, ..Deconvolution::default() };
            outputs(&warm)
        });
        for (published, fast) in published.iter().zip(&fast) {
            assert!(difference(fast, published) < 1e-4, "{}", difference(fast, published));
        }
        // From the identity, which the running value is at first, it is the cold start.
        let cold = outputs(&Deconvolution { n_iter: 2, ..Deconvolution::default() });
        let from_cold: Vec<f64> = published.iter().zip(&cold).map(|(a, b)| difference(a, b)).collect();
        assert!(from_cold[0] < 1e-5 && from_cold[1] > 1e-3, "{from_cold:?}");
    }

    #[test]
    fn less_precise_matrices_change_little_and_something() {
        for implementation in Implementation::ALL {
            let exact = Deconvolution { implementation, ..Deconvolution::default() };
            let rough = Deconvolution { matrix_precision: Some(MatrixPrecision::Bf16), ..exact };
            let difference = difference(&outputs(&rough)[0], &outputs(&exact)[0]);
            assert!((1e-5..0.1).contains(&difference), "{implementation}: {difference}");
        }
    }

    #[test]
    fn blocks_fit_the_channels() {
        assert_eq!(
            [(64, 3), (64, 64), (64, 96), (8, 12), (64, 128)].map(|(b, c)| block_size(b, c)),
            [3, 64, 32, 4, 64]
        );
    }
}
