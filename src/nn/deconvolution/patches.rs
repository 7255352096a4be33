//! The samples from which a convolution's covariance is measured.

use crate::native;
use crate::nn::layers::ConvShape;
use tch::Tensor;

/// Samples of `x`, `[N, C, H, W]`, as columns: `[F, n]` for one group of channels whitened in blocks of `block`, or
/// `[groups, F, n]` for a grouped convolution, whose groups are whitened each by itself. `F` is `kernel^2` times the
/// channels whitened together; `stride` is the sampling stride times the convolution's.
///
/// With a kernel larger than 1, a sample is a window at every `stride` pixels with the layer's own padding and dilation;
/// the padded zeros count. With kernel 1 it is a pixel: the pixels of the whole batch are numbered in `(n, h, w)` order
/// and every `stride^2`-th is kept, across the borders of images and without padding.
pub fn sample(x: &Tensor, shape: ConvShape, block: i64, stride: i64) -> Tensor {
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

/// The same samples, in another order of the columns, which no covariance notices: copied once, with one pass back.
pub fn gather(x: &Tensor, shape: ConvShape, block: i64, stride: i64) -> Tensor {
    let ConvShape { kernel, padding, dilation, groups, .. } = shape;
    // Like tch, which panics with libtorch's words.
    let columns = native::gather(x, kernel, stride, padding, dilation).unwrap_or_else(|e| panic!("{e}"));
    let features = block * kernel * kernel;
    // Row f G + q holds feature f of block q; in a grouped convolution, row q F + f feature f of group q.
    if groups > 1 { columns.view([groups, features, -1]) } else { columns.view([features, -1]) }
}
