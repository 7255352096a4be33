//! Network deconvolution: what it unfolds, the matrices that follow, and the weight that absorbs them.

use super::convolution::{Copies, Geometry};
use super::ledger::Purpose::{Flowing, Gradients, Matrices, Samples};
use super::ledger::Storage;
use super::tape::Tape;
use super::tensor::{Gradient, Sizes, Tensor};
use crate::scenario::Implementation;

/// How a layer whitens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whitening {
    pub implementation: Implementation,
    /// Channels whitened together, before they are fitted to the layer.
    pub block: u64,
    pub n_iter: i64,
    pub sampling_stride: u64,
}

/// What a layer measures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    /// Covariances, and the rows of each.
    pub groups: u64,
    pub features: u64,
    /// Numbers in the columns of all samples.
    numbers: u64,
    /// Numbers in those that `fast` gathers at once on a CPU.
    some: u64,
    /// All pixels become columns first, of which some are taken.
    pixels: bool,
    /// Those that are taken need no copy.
    seen: bool,
    /// Rows of the weight, of all groups.
    pub rows: u64,
    /// Blocks of channels that share a covariance.
    pub blocks: u64,
}

/// The block really used of so many channels.
pub(super) fn block_size(asked: u64, channels: u64) -> u64 {
    if asked > channels { channels } else { gcd(asked, channels) }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl Measured {
    /// By a convolution of an input of these sizes.
    pub fn of_windows([images, channels, height, width]: Sizes, g: Geometry, whitening: Whitening) -> Self {
        let block = if g.groups > 1 { channels / g.groups } else { block_size(whitening.block, channels) };
        let blocks = channels / g.groups / block;
        let stride = whitening.sampling_stride * g.stride;
        let places = |images: u64| {
            if g.kernel == 1 {
                return (images * height * width).div_ceil(stride * stride);
            }
            let side = |side| super::operations::windows(side, g.kernel, stride, g.padding);
            images * side(height) * side(width)
        };
        // With a kernel of 1 samples go over the borders of images: so many have a whole number of them.
        let whole = if g.kernel == 1 { stride * stride / gcd(stride * stride, height * width) } else { 1 };
        let rows = channels * g.kernel * g.kernel;
        let at_once = (NUMBERS_AT_ONCE / (rows * places(whole))).max(1) * whole;
        Self {
            groups: g.groups,
            features: block * g.kernel * g.kernel,
            numbers: rows * places(images),
            some: rows * places(images.min(at_once)),
            pixels: g.kernel == 1,
            seen: g.kernel == 1 && blocks == 1,
            rows: g.output * blocks,
            blocks,
        }
    }

    /// By a linear layer of so many features.
    pub fn of_pieces(images: u64, features: u64, output: u64, whitening: Whitening) -> Self {
        let block = block_size(whitening.block, features);
        let blocks = features / block;
        let (rows, numbers) = (output * blocks, images * features);
        Self { groups: 1, features: block, numbers, some: numbers, pixels: true, seen: true, rows, blocks }
    }

    /// Numbers of its running statistics.
    pub fn statistics(&self) -> u64 {
        self.groups * self.features * (self.features + 1)
    }

    fn square(&self) -> Sizes {
        [1, self.groups, self.features, self.features]
    }

    fn columns(&self) -> Sizes {
        [1, self.groups, self.features, self.numbers / (self.groups * self.features)]
    }

    fn mean(&self) -> Sizes {
        [1, self.groups, self.features, 1]
    }
}

impl Tape {
    /// What `weight`, of `m.rows` rows, becomes that absorbs the whitening of `x`, and `x` as the convolution should read
    /// it.
    pub fn absorb(&self, x: &Tensor, weight: &Tensor, m: Measured, whitening: Whitening) -> (Tensor, Tensor) {
        let weight = weight.view([1, m.groups, m.rows / m.groups, m.features]);
        if !self.is_training() {
            let deconv = self.constant(Matrices, m.square());
            let absorbed = self.matmul(&weight, &deconv, m.features, [Matrices; 3]);
            return (absorbed, x.clone());
        }
        match whitening.implementation {
            Implementation::Published => (self.absorb_published(x, &weight, m, whitening.n_iter), x.clone()),
            Implementation::Fast => self.absorb_fast(x, &weight, m, whitening.n_iter),
        }
    }

    fn absorb_published(&self, x: &Tensor, weight: &Tensor, m: Measured, n_iter: i64) -> Tensor {
        let columns = self.unfolded(x, m);
        let mean = self.mean_of(&columns, m);
        let centred = self.centred(&columns, &mean, m);
        let product = self.matmul(&centred, &centred, m.features, [Matrices, Samples, Samples]).view(m.square());
        let covariance = self.ridged(product);
        drop(centred);
        let deconv = self.inverse_sqrt(&covariance, n_iter);
        drop((covariance, columns));
        let absorbed = self.matmul(weight, &deconv, m.features, [Matrices; 3]);
        let shift = self.matmul(&absorbed, &mean, 1, [Matrices; 3]);
        self.with_shift(absorbed, &shift)
    }

    /// Windows or pixels as columns.
    fn unfolded(&self, x: &Tensor, m: Measured) -> Tensor {
        let (numbers, unfolded) = (x.numbers(), m.numbers);
        if m.pixels {
            let all = self.hold(Samples, numbers);
            let columns = if m.seen { all.clone() } else { self.hold(Samples, unfolded) };
            return self.seen_as(columns, m.columns(), &[x], move |tape, _gradient| {
                vec![Some(Gradient::whole(tape.hold(Samples, numbers)))]
            });
        }
        // It unfolds planes.
        let planes = self.hold(Samples, if self.kernels.channels_last { numbers } else { 0 });
        let by_image = self.hold(Samples, unfolded);
        drop(planes);
        let columns = self.result((Samples, m.columns()), &[x], move |tape, _gradient| {
            let by_image = tape.hold(Samples, unfolded);
            let of_input = Gradient::whole(tape.hold(Flowing, numbers));
            drop(by_image);
            vec![Some(of_input)]
        });
        drop(by_image);
        columns
    }

    fn mean_of(&self, columns: &Tensor, m: Measured) -> Tensor {
        self.result((Matrices, m.mean()), &[columns], move |tape, _gradient| {
            vec![Some(Gradient::whole(tape.hold(Samples, m.numbers)))]
        })
    }

    fn centred(&self, columns: &Tensor, mean: &Tensor, m: Measured) -> Tensor {
        self.result((Samples, m.columns()), &[columns, mean], move |tape, gradient| {
            let of_mean = Gradient::whole(tape.hold(Matrices, m.groups * m.features));
            vec![Some(gradient), Some(of_mean)]
        })
    }

    /// The absorbed weight; the gradient of its product with the mean comes to it as well.
    fn with_shift(&self, absorbed: Tensor, shift: &Tensor) -> Tensor {
        let groups = shift.numbers();
        self.seen_as(absorbed.storage(), absorbed.sizes, &[&absorbed, shift], move |tape, gradient| {
            vec![Some(gradient), Some(Gradient::whole(tape.hold(Matrices, groups)))]
        })
    }

    /// The fast operator: one node, which gathers the samples again on the way back.
    fn absorb_fast(&self, x: &Tensor, weight: &Tensor, m: Measured, n_iter: i64) -> (Tensor, Tensor) {
        let square = m.groups * m.features * m.features;
        let some = if self.kernels.copies == Copies::Nothing { m.numbers } else { m.some };
        let columns = self.hold(Samples, some);
        let covariance = self.hold(Matrices, square);
        drop(columns);
        let steps: Vec<Storage> = (0..kept_by_steps(n_iter)).map(|_| self.hold(Matrices, square)).collect();
        let deconv = self.hold(Matrices, square);
        drop(covariance);
        let absorbed = self.hold(Matrices, weight.numbers());
        let (weights, numbers, needed) = (weight.numbers(), x.numbers(), x.is_differentiated());
        let steps = needed.then_some(steps);
        let kept = (x.storage(), weight.storage(), absorbed.clone(), deconv);
        let outputs = vec![(absorbed, weight.sizes), (x.storage(), x.sizes)];
        let outputs = self.results(outputs, &[x, weight], move |tape, mut gradients| {
            let sum = tape.hold(Matrices, weights);
            let of_weight = Gradient::whole(tape.hold(Gradients, weights));
            if !needed {
                drop(kept);
                return vec![None, Some(of_weight)];
            }
            let of_deconv = tape.hold(Matrices, square);
            let direction = tape.hold(Matrices, square);
            drop(of_deconv);
            let adjoint: Vec<Storage> = (1..UNDER_WAY).map(|_| tape.hold(Matrices, square)).collect();
            let of_covariance = tape.hold(Matrices, square);
            drop((direction, adjoint));
            let given = gradients.pop().flatten().filter(Gradient::is_own);
            let of_input = given.unwrap_or_else(|| Gradient::whole(tape.hold(Flowing, numbers)));
            let columns = tape.hold(Samples, some);
            let of_columns = tape.hold(Samples, some);
            drop(columns);
            drop((of_columns, of_covariance, sum, kept, steps));
            vec![Some(of_input), Some(of_weight)]
        });
        let [absorbed, x] = outputs.try_into().ok().expect("there are two outputs");
        (absorbed, x)
    }
}

/// Numbers of columns that the fast operator gathers at once on a CPU, about (`native/patches.cpp`).
const NUMBERS_AT_ONCE: u64 = 1 << 20;

/// Matrices that the derivative of the fast operator's steps computes with at a time: the direction, those of the three
/// factors, and a product (`native/inverse_sqrt.cpp`).
const UNDER_WAY: usize = 5;

/// Matrices that the fast operator keeps of `n_iter` steps, two at a time (`docs/fast-operator.md`).
fn kept_by_steps(n_iter: i64) -> usize {
    // The normalised covariance; of two steps three factors, their product where others follow, and what they make of it.
    let (pairs, single) = (n_iter / 2, n_iter % 2);
    let of_pairs = (0..pairs).map(|pair| {
        let (is_first, is_last) = (pair == 0, 2 * (pair + 1) == n_iter);
        let (iterate, product) = (usize::from(!is_first), usize::from(!is_last));
        let next = usize::from(2 * (pair + 1) < n_iter - 1);
        2 + product + iterate + next
    });
    // A single step keeps its factor, and the result where that is another.
    1 + of_pairs.sum::<usize>() + single as usize * if pairs == 0 { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_keep_what_the_derivation_says() {
        // Five: m r q p, m r q p and the product of the q, t and z.
        assert_eq!([1, 2, 3, 5].map(kept_by_steps), [2, 3, 6, 11]);
    }

    #[test]
    fn blocks_fit_the_channels() {
        assert_eq!([(64, 3), (64, 64), (64, 96), (8, 12)].map(|(b, c)| block_size(b, c)), [3, 64, 32, 4]);
    }
}
