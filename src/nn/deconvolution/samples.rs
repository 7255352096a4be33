//! The samples whose statistics a layer measures.

use crate::native::{self, Absorbed, Part, Steps, part};
use crate::nn::layers::ConvShape;
use tch::{Kind, Tensor};

/// What a layer measures of its input.
#[derive(Debug, Clone, Copy)]
pub enum Samples<'a> {
    /// Windows of a convolution's input, `[N, C, H, W]`, at every `stride` pixels; channels are whitened in blocks.
    Windows {
        /// The input.
        x: &'a Tensor,
        /// The convolution.
        shape: ConvShape,
        /// Channels whitened together.
        block: i64,
        /// The sampling stride times the convolution's.
        stride: i64,
    },
    /// Contiguous pieces of a linear layer's input, `[.., features]`, of so many features.
    Pieces(&'a Tensor, i64),
}

impl Samples<'_> {
    /// The samples as columns of numbers of `kind`, `[F, n]`, or `[groups, F, n]` of a grouped convolution.
    pub fn columns(&self, kind: Kind) -> Tensor {
        part(Part::Samples, || match *self {
            Self::Windows { x, shape, block, stride } => windows(&x.to_kind(kind), shape, block, stride),
            Self::Pieces(x, features) => x.to_kind(kind).reshape([-1, features]).transpose(0, 1),
        })
    }

    /// Whitens the samples into `weight`, `[.., r, F]`. The same samples as [`Samples::columns`], in another order, which no
    /// covariance notices. Computes in the weight's numbers.
    ///
    /// # Panics
    /// Like tch, with libtorch's words, where it fails.
    pub fn absorb(&self, weight: &Tensor, steps: Steps) -> Absorbed {
        let absorbed = match *self {
            Self::Windows { x, shape: ConvShape { kernel, padding, dilation, groups, .. }, block, stride } => {
                // Row f G + q holds feature f of block q; in a grouped convolution, row q F + f feature f of group q.
                let features = block * kernel * kernel;
                let samples = native::Samples { kernel, stride, padding, dilation, groups, features };
                native::absorb(x, samples, weight, steps)
            }
            Self::Pieces(..) => native::absorb(&self.columns(weight.kind()), native::Samples::default(), weight, steps),
        };
        absorbed.unwrap_or_else(|e| panic!("{e}"))
    }
}

/// Samples of `x`, `[N, C, H, W]`, as columns: `[F, n]` for one group of channels whitened in blocks of `block`, or
/// `[groups, F, n]` for a grouped convolution, whose groups are whitened each by itself. `F` is `kernel^2` times the
/// channels whitened together; `stride` is the sampling stride times the convolution's.
///
/// With a kernel larger than 1, a sample is a window at every `stride` pixels with the layer's own padding and dilation;
/// the padded zeros count. With kernel 1 it is a pixel: the pixels of the whole batch are numbered in `(n, h, w)` order
/// and every `stride^2`-th is kept, across the borders of images and without padding.
fn windows(x: &Tensor, shape: ConvShape, block: i64, stride: i64) -> Tensor {
    let channels = x.size()[1];
    // [N, C k k, L] or [1, C, L]: feature j = c k k + (row, column).
    let columns = if shape.kernel > 1 {
        let two = |v: i64| [v, v];
        x.im2col(two(shape.kernel), two(shape.dilation), two(shape.padding), two(stride))
    } else {
        x.transpose(0, 1).reshape([1, channels, -1]).slice(2, None, None, stride * stride)
    };
    let (images, features, places) = columns.size3().expect("im2col gives three dimensions");
    if shape.groups > 1 {
        // Contiguous channels belong to a group.
        let per_group = features / shape.groups;
        let by_group = columns.view_([images, shape.groups, per_group, places]);
        by_group.permute([1, 2, 0, 3]).reshape([shape.groups, per_group, -1])
    } else {
        // Feature f of block q is column f G + q: the G blocks interleave and are pooled into one sample.
        let blocks = channels / block;
        let interleaved = columns.reshape([images, features / blocks, blocks, places]);
        interleaved.transpose(0, 1).reshape([features / blocks, -1])
    }
}
