//! The layers of a network under its norm, as `nn::Method` has them, on a tape.

use super::convolution::Geometry;
use super::ledger::Purpose::{Gradients, Matrices};
use super::tape::{LayerFacts, Tape};
use super::tensor::{Gradient, Tensor};
use super::whitening::{Measured, Whitening};
use crate::scenario::{Deconvolution, Norm};

/// What a network gives one of its whitening convolutions; see `nn::Own`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Own {
    first: bool,
    n_iter: Option<i64>,
    block: Option<u64>,
}

impl Own {
    /// The first layer, which takes so many iterations.
    pub fn first(n_iter: impl Into<Option<i64>>) -> Self {
        Self { first: true, n_iter: n_iter.into(), block: None }
    }

    /// So many iterations.
    pub fn iterations(n_iter: i64) -> Self {
        Self { n_iter: Some(n_iter), ..Self::default() }
    }

    /// The same with blocks of so many channels.
    pub fn block(self, block: u64) -> Self {
        Self { block: Some(block), ..self }
    }

    fn whitening(self, d: &Deconvolution) -> Whitening {
        let own = if d.uniform { Self { first: self.first, ..Self::default() } } else { self };
        let asked = d.first_n_iter.filter(|_| own.first);
        Whitening {
            implementation: d.implementation,
            block: own.block.unwrap_or(d.block as u64),
            n_iter: asked.or(own.n_iter).unwrap_or(d.n_iter),
            sampling_stride: d.sampling_stride as u64,
        }
    }
}

/// Layers of one norm.
#[derive(Clone, Copy)]
pub(super) struct Layers<'a> {
    pub tape: &'a Tape,
    pub norm: Norm,
    pub deconvolution: &'a Deconvolution,
}

impl<'a> Layers<'a> {
    /// The same with batch normalisation.
    pub fn with_bn(self) -> Self {
        Self { norm: Norm::Bn, ..self }
    }

    /// A convolution: without bias where a normalisation follows, whitening with ND.
    pub fn conv(self, x: &Tensor, g: Geometry) -> Tensor {
        self.conv_with(x, g, Own::default(), self.norm != Norm::Bn)
    }

    /// A convolution that always has a bias.
    pub fn biased_conv(self, x: &Tensor, g: Geometry, own: Own) -> Tensor {
        self.conv_with(x, g, own, true)
    }

    /// The first convolution.
    pub fn stem(self, x: &Tensor, g: Geometry, own: Own) -> Tensor {
        self.conv_with(x, g, own, self.norm != Norm::Bn)
    }

    fn conv_with(self, x: &Tensor, g: Geometry, own: Own, has_bias: bool) -> Tensor {
        let tape = self.tape;
        let weight = tape.parameter([1, 1, g.output, g.row()]);
        let bias = has_bias.then(|| tape.parameter([1, 1, 1, g.output]));
        if self.norm != Norm::Nd {
            let y = tape.convolution(x, &weight, bias.as_ref(), g);
            tape.note_convolution("Conv2d", g, y.sizes, 0);
            return y;
        }
        let whitening = own.whitening(self.deconvolution);
        let m = Measured::of_windows(x.sizes, g, whitening);
        tape.statistics(m.statistics());
        let blocks = self.by_blocks(weight, m.blocks);
        let (absorbed, x) = tape.absorb(x, &blocks, m, whitening);
        drop(blocks);
        let absorbed = self.by_kernels(absorbed, m.blocks);
        let y = tape.convolution(&x, &absorbed, bias.as_ref(), g);
        tape.note_convolution("FastDeconv", g, y.sizes, m.features);
        y
    }

    /// A weight whose rows are those of the covariance: a copy where there are several blocks.
    fn by_blocks(self, weight: Tensor, blocks: u64) -> Tensor {
        if blocks == 1 {
            return weight;
        }
        let numbers = weight.numbers();
        self.tape.result((Matrices, weight.sizes), &[&weight], move |tape, _gradient| {
            vec![Some(Gradient::whole(tape.hold(Gradients, numbers)))]
        })
    }

    /// The weight of the convolution again.
    fn by_kernels(self, weight: Tensor, blocks: u64) -> Tensor {
        if blocks == 1 {
            return weight;
        }
        let numbers = weight.numbers();
        self.tape.result((Matrices, weight.sizes), &[&weight], move |tape, _gradient| {
            vec![Some(Gradient::whole(tape.hold(Matrices, numbers)))]
        })
    }

    /// A normalisation that a network owns but never calls.
    pub fn unused_norm(self, channels: u64) {
        if self.norm == Norm::Bn {
            self.tape.parameter([1, 1, 2, channels]);
            self.tape.statistics(2 * channels);
        }
    }

    /// The normalised `y`.
    pub fn normalised(self, y: Tensor) -> Tensor {
        if self.norm == Norm::Bn { self.tape.batch_norm(y) } else { y }
    }

    /// The normalised and rectified `y`.
    pub fn rectified(self, y: Tensor) -> Tensor {
        self.tape.in_place(self.normalised(y))
    }

    /// The normalised and rectified `x`, which stays.
    pub fn rectified_of(self, x: &Tensor) -> Tensor {
        if self.norm == Norm::Bn { self.rectified(x.clone()) } else { self.tape.relu(x) }
    }

    /// A convolution and its normalisation.
    pub fn conv_norm(self, x: &Tensor, g: Geometry) -> Tensor {
        self.normalised(self.conv(x, g))
    }

    /// The same, rectified.
    pub fn conv_relu(self, x: &Tensor, g: Geometry) -> Tensor {
        self.tape.in_place(self.conv_norm(x, g))
    }

    /// The same, where a whitening layer has settings of its own.
    pub fn own_conv_norm(self, x: &Tensor, g: Geometry, own: Own) -> Tensor {
        self.normalised(self.conv_with(x, g, own, self.norm != Norm::Bn))
    }

    /// The input itself, or through a 1x1 convolution where its shape is not the output's.
    pub fn shortcut(self, x: &Tensor, output: u64, stride: u64) -> Tensor {
        let input = x.sizes[1];
        if stride == 1 && input == output {
            return x.clone();
        }
        self.conv_norm(x, Geometry::same(input, output, 1).stride(stride))
    }

    /// Every channel weighed by what all hold on average.
    pub fn squeeze_excite(self, x: Tensor) -> Tensor {
        let (tape, channels) = (self.tape, x.sizes[1]);
        let squeezed = self.biased_conv(&tape.mean(&x), Geometry::same(channels, channels / 16, 1), Own::default());
        let squeezed = tape.in_place(squeezed);
        let excited = self.biased_conv(&squeezed, Geometry::same(channels / 16, channels, 1), Own::default());
        tape.weigh(&x, &tape.in_place(excited))
    }

    /// A linear layer, whitening with ND unless its block is 0.
    pub fn linear(self, x: &Tensor, output: u64) -> Tensor {
        let (tape, images, features) = (self.tape, x.sizes[0], x.sizes[1] * x.sizes[2] * x.sizes[3]);
        let x = x.view([images, features, 1, 1]);
        let weight = tape.parameter([1, 1, output, features]);
        let bias = tape.parameter([1, 1, 1, output]);
        let (weight, kind, block) = if self.norm == Norm::Nd && self.deconvolution.block_fc > 0 {
            let d = self.deconvolution;
            let whitening = Whitening { block: d.block_fc as u64, ..Own::default().whitening(d) };
            let m = Measured::of_pieces(images, features, output, whitening);
            tape.statistics(m.statistics());
            let (absorbed, _) = tape.absorb(&x, &weight, m, whitening);
            (absorbed.view([1, 1, output, features]), "Delinear", m.features)
        } else {
            (weight, "Linear", 0)
        };
        let y = tape.product(&x, &weight, &bias);
        tape.note(LayerFacts { kind, macs: y.numbers() * features, output: y.sizes, features: block });
        y
    }

    /// The end of every network: the mean over the image, then the classifier.
    pub fn head(self, x: Tensor, classes: u64) -> Tensor {
        let means = self.tape.mean(&x);
        drop(x);
        self.linear(&means, classes)
    }
}
