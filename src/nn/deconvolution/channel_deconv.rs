//! Whitening across channels, without parameters.

use super::newton_schulz::inverse_sqrt;
use super::whitening::{Whitening, average};
use crate::nn::{Layer, Pass, Scope};
use tch::{Kind, Tensor};

/// Whitens channels in place of a normalisation layer, `[N, C, H, W]` or `[N, C]` to the same shape.
///
/// The first `(C div block) block` channels are whitened; the rest share one mean and one variance. The matrix whose
/// inverse square root is taken is the raw second moment of the samples, not their covariance: the mean is subtracted from
/// the output only. The first training step sets the running statistics, later ones average.
#[derive(Debug)]
pub struct ChannelDeconv {
    name: String,
    settings: Whitening,
    running_mean: Tensor,
    running_deconv: Tensor,
    rest_mean: Tensor,
    rest_var: Tensor,
    batches: Tensor,
}

impl ChannelDeconv {
    /// A layer whose running statistics lie in `scope`. Before the first training step they are those of white data.
    pub fn new(scope: &Scope, settings: Whitening) -> Self {
        let options = (scope.kind(), scope.device());
        let block = settings.block;
        Self {
            name: scope.name().into(),
            settings,
            running_mean: scope.buffer("running_mean1", Tensor::zeros([block, 1], options)),
            running_deconv: scope.buffer("running_deconv", Tensor::eye(block, options)),
            rest_mean: scope.buffer("running_mean2", Tensor::zeros([1, 1], options)),
            rest_var: scope.buffer("running_var", Tensor::ones([1, 1], options)),
            batches: scope.buffer("num_batches_tracked", Tensor::zeros([0; 0], (Kind::Int64, scope.device()))),
        }
    }

    /// Pixels between samples, squared: 1 where the image is smaller than the sampling stride.
    fn every(&self, x: &Tensor) -> i64 {
        let s = self.settings.sampling_stride;
        let fits = match *x.size() {
            [_, _, height, width] => height >= s && width >= s,
            _ => false,
        };
        if fits { s * s } else { 1 }
    }

    /// The whitened channels of `x`, `[N, c, ..]` with `c` a multiple of the block.
    fn whiten(&self, x: &Tensor, pass: &Pass, every: i64) -> Tensor {
        let by_channel = x.transpose(0, 1);
        // Row r holds channels r c/block to (r + 1) c/block - 1.
        let rows = by_channel.reshape([self.settings.block, -1]);
        let (mean, deconv) = if pass.is_training() {
            let sample = rows.slice(1, None, None, every);
            let count = sample.size()[1] as f64;
            let mean = sample.mean_dim([1].as_slice(), true, None::<Kind>);
            let ridge = Tensor::eye(self.settings.block, (x.kind(), x.device())) * self.settings.eps;
            let moment = sample.matmul(&sample.transpose(0, 1)) / count + ridge;
            let deconv = inverse_sqrt(&moment, self.settings.n_iter);
            self.remember(&self.running_mean, &mean);
            self.remember(&self.running_deconv, &deconv);
            (mean, deconv)
        } else {
            (self.running_mean.copy(), self.running_deconv.copy())
        };
        deconv.matmul(&(rows - mean)).view_(by_channel.size().as_slice()).transpose(0, 1)
    }

    /// The channels of `x` left over, `[N, c, ..]`, standardised together.
    fn standardise(&self, x: &Tensor, pass: &Pass, every: i64) -> Tensor {
        let (mean, var) = if pass.is_training() {
            let sample = x.flatten(1, -1).slice(1, None, None, every);
            let (mean, var) = (sample.mean(None::<Kind>), sample.var(true));
            self.remember(&self.rest_mean, &mean);
            self.remember(&self.rest_var, &var);
            (mean, var)
        } else {
            (self.rest_mean.copy().view_([0; 0]), self.rest_var.copy().view_([0; 0]))
        };
        (x - mean) * (var + self.settings.eps).rsqrt()
    }

    /// The first batch replaces what is remembered, later ones are averaged in.
    fn remember(&self, running: &Tensor, new: &Tensor) {
        let first = self.batches.int64_value(&[]) == 0;
        average(running, new, if first { 1.0 } else { self.settings.momentum });
    }
}

impl Layer for ChannelDeconv {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Tensor {
        let channels = x.size()[1];
        let whitened = channels / self.settings.block * self.settings.block;
        let every = self.every(x);
        let mut parts = Vec::with_capacity(2);
        if whitened > 0 {
            parts.push(self.whiten(&x.narrow(1, 0, whitened), pass, every));
        }
        if whitened < channels {
            parts.push(self.standardise(&x.narrow(1, whitened, channels - whitened), pass, every));
        }
        if pass.is_training() {
            let _ = self.batches.shallow_clone().g_add_scalar_(1);
        }
        let y = Tensor::cat(&parts, 1);
        pass.note(&self.name, "ChannelDeconv", 0, &y);
        y
    }
}
