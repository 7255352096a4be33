//! The inverse square root of a covariance by the coupled Newton-Schulz iteration.

use crate::native;
use crate::scenario::Implementation;
use tch::{Kind, Tensor};

/// `A^(-1/2)` after exactly `n_iter` coupled Newton-Schulz steps (Higham, Functions of Matrices, 2008, eq. 6.35;
/// Ye et al., 2020, Algorithm 1) for one symmetric positive definite matrix `[F, F]` or a batch `[B, F, F]`.
///
/// From `Y = A / |A|`, `Z = I` with the Frobenius norm: `T = (3 I - Z Y) / 2`, `Y <- Y T`, `Z <- T Z`; the result is
/// `Z / sqrt(|A|)`. Small eigenvalues have not converged after the usual five steps: the number of steps defines the
/// result. Gradients flow through every step and through the norm.
pub fn inverse_sqrt(a: &Tensor, n_iter: i64) -> Tensor {
    let norm = a.square().sum_dim_intlist([-2, -1].as_slice(), true, None::<Kind>).sqrt();
    let identity = Tensor::eye(a.size()[a.dim() - 1], (a.kind(), a.device()));
    let three_halves = &identity * 1.5;
    let mut y = a / &norm;
    let mut z = identity.expand_as(a);
    for _ in 0..n_iter {
        let t = &three_halves - z.matmul(&y) * 0.5;
        y = y.matmul(&t);
        z = t.matmul(&z);
    }
    z / norm.sqrt()
}

/// [`inverse_sqrt`] of `a` as `implementation` computes it, and the gradient of `a`, both of its shape, where `gradient` is that of
/// the result. Since `a` is symmetric, only the symmetric part of its gradient says something.
///
/// # Panics
/// With libtorch's words, where that fails.
pub fn inverse_sqrt_and_gradient(
    implementation: Implementation,
    a: &Tensor,
    gradient: &Tensor,
    n_iter: i64,
) -> (Tensor, Tensor) {
    match implementation {
        Implementation::Published => {
            let a = a.detach().set_requires_grad(true);
            let root = inverse_sqrt(&a, n_iter);
            (&root * gradient).sum(None::<Kind>).backward();
            (root.detach(), a.grad())
        }
        Implementation::Fast => native::inverse_sqrt(a, gradient, n_iter).unwrap_or_else(|failure| panic!("{failure}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn converges_to_the_inverse_square_root() {
        let _alone = crate::testing::alone();
        tch::manual_seed(1);
        let m = Tensor::randn([4, 7, 7], (Kind::Double, Device::Cpu));
        let a = m.matmul(&m.transpose(-2, -1)) + Tensor::eye(7, (Kind::Double, Device::Cpu));
        let d = inverse_sqrt(&a, 30);
        let identity = d.matmul(&a).matmul(&d);
        let error = (identity - Tensor::eye(7, (Kind::Double, Device::Cpu))).abs().max();
        assert!(error.double_value(&[]) < 1e-9);
    }

    #[test]
    fn no_iteration_gives_a_scaled_identity() {
        let a = Tensor::eye(4, (Kind::Double, Device::Cpu)) * 3.0;
        let d = inverse_sqrt(&a, 0);
        assert!((d.double_value(&[0, 0]) - 1.0 / 6f64.sqrt()).abs() < 1e-12);
        assert_eq!(d.double_value(&[0, 1]), 0.0);
    }
}
