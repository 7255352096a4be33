//! What a layer whitens, in sizes: the products that follow need no more to be counted.

use super::layers::ConvShape;

/// A convolution and the image that it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convolution {
    /// Its geometry.
    pub shape: ConvShape,
    /// Height and width of its input.
    pub image: (i64, i64),
}

/// The sizes of a layer's statistics and of the weight that absorbs them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Whitened {
    /// Covariances; more than one in grouped convolutions only.
    pub groups: i64,
    /// Rows of each covariance, F.
    pub features: i64,
    /// Samples of each covariance that an image brings.
    pub samples: f64,
    /// Rows of the weight that a covariance's deconvolution is absorbed by.
    pub rows: i64,
    /// Newton-Schulz iterations.
    pub n_iter: i64,
    /// What it is the input of; absent for a linear layer.
    pub convolution: Option<Convolution>,
}

/// Products of two F x F matrices: those of Newton-Schulz steps, two at a time, and of their adjoint
/// (`docs/fast-operator.md`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Products {
    /// Forward: half of the result follows from the other half.
    pub forward: u32,
    /// Back, of which the same is true.
    pub backward: u32,
    /// Back, and needed as a whole.
    pub backward_full: u32,
}

impl Products {
    /// Those of `n_iter` steps.
    pub fn of(n_iter: i64) -> Self {
        // Of squares and of other products; each takes one forward, and back one as a whole or two halves.
        let (mut squares, mut others) = (0, 0);
        for step in 0..n_iter / 2 {
            let (is_first, is_last) = (step == 0, 2 * (step + 1) == n_iter);
            squares += 2 + u32::from(!is_last);
            others += u32::from(!is_last) + u32::from(!is_first);
        }
        others += u32::from(n_iter % 2 == 1 && n_iter > 1);
        Self { forward: squares + others, backward: 2 * others, backward_full: squares }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_derivation() {
        let of = |n_iter| {
            let Products { forward, backward, backward_full } = Products::of(n_iter);
            (forward, backward, backward_full)
        };
        assert_eq!([0, 1, 2, 3, 5].map(of), [(0, 0, 0), (0, 0, 0), (2, 0, 2), (5, 4, 3), (10, 8, 6)]);
        // Of a pair r, q, p are squares, where it is not the last; m and z are other products, where they are.
        assert_eq!([4, 6].map(of), [(4 + 3, 2 + 2, 3 + 2), (4 + 5 + 3, 2 + 4 + 2, 3 + 3 + 2)]);
    }
}
