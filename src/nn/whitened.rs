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

/// Products of two F x F matrices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Products {
    /// Of which half of the result follows from the other half.
    pub symmetric: u32,
    /// The others.
    pub full: u32,
}

impl Products {
    /// Those of `n_iter` steps, two at a time, and of their adjoint (`docs/fast-operator.md`).
    pub fn of(n_iter: i64) -> Self {
        let (mut symmetric, mut full) = (0, 0);
        for step in 0..n_iter / 2 {
            let (is_first, is_last) = (step == 0, 2 * (step + 1) == n_iter);
            symmetric += 2 + if is_last { 0 } else { 2 } + u32::from(!is_first);
            full += 2 + if is_last { 0 } else { 3 } + if is_first { 0 } else { 2 };
        }
        if n_iter % 2 == 1 && n_iter > 1 {
            symmetric += 1;
            full += 2;
        }
        Self { symmetric, full }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_derivation() {
        let of = |n_iter| (Products::of(n_iter).symmetric, Products::of(n_iter).full);
        assert_eq!([0, 1, 2, 3, 5].map(of), [(0, 0), (0, 0), (2, 2), (5, 7), (10, 14)]);
        // Four and five a pair forward, two and three for the last; five and seven back, two and four for the last.
        assert_eq!([4, 6].map(of), [(4 + 3, 5 + 4), (4 + 5 + 3, 5 + 7 + 4)]);
    }
}
