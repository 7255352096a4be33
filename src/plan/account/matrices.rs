//! Operations on the matrices of ND, and the inverse square root by Newton-Schulz as the published code has it.

use super::ledger::Purpose::{self, Matrices};
use super::tape::Tape;
use super::tensor::{Gradient, Sizes, Tensor};

impl Tape {
    /// A gradient of so many numbers, for `purpose`.
    fn gradient(&self, purpose: Purpose, numbers: u64) -> Gradient {
        Gradient::whole(self.hold(purpose, numbers))
    }

    /// `a b` of matrices, for `purposes`: of the product, and of the gradients of `a` and `b`. Keeps what they need.
    pub fn matmul(&self, a: &Tensor, b: &Tensor, columns: u64, [of, of_a, of_b]: [Purpose; 3]) -> Tensor {
        let sizes = [1, a.sizes[1], a.sizes[2], columns];
        let kept = (b.is_differentiated().then(|| a.storage()), a.is_differentiated().then(|| b.storage()));
        let (for_a, for_b) = (a.is_differentiated().then(|| a.numbers()), b.is_differentiated().then(|| b.numbers()));
        self.result((of, sizes), &[a, b], move |tape, _gradient| {
            let of_a = for_a.map(|numbers| tape.gradient(of_a, numbers));
            let of_b = for_b.map(|numbers| tape.gradient(of_b, numbers));
            drop(kept);
            vec![of_a, of_b]
        })
    }

    /// A matrix that comes from `a` number by number, and for whose gradient `a` need not be kept.
    pub fn scaled(&self, a: &Tensor) -> Tensor {
        let numbers = a.numbers();
        self.result((Matrices, a.sizes), &[a], move |tape, _gradient| vec![Some(tape.gradient(Matrices, numbers))])
    }

    /// `a` plus a constant, whose gradient is that of the sum.
    fn shifted(&self, a: &Tensor) -> Tensor {
        self.result((Matrices, a.sizes), &[a], |_, gradient| vec![Some(gradient)])
    }

    /// A square matrix without a way back.
    fn matrix(&self, sizes: Sizes) -> Tensor {
        self.constant(Matrices, sizes)
    }

    /// The Frobenius norm of `a`, which it keeps.
    fn norm(&self, a: &Tensor) -> Tensor {
        let (numbers, kept) = (a.numbers(), a.storage());
        let squares = self.hold(Matrices, numbers);
        let norm = self.result((Matrices, [1, a.sizes[1], 1, 1]), &[a], move |tape, _gradient| {
            let twice = tape.hold(Matrices, numbers);
            let of_a = tape.gradient(Matrices, numbers);
            drop((twice, kept));
            vec![Some(of_a)]
        });
        drop(squares);
        norm
    }

    /// `a` divided by a number that depends on it; keeps `a`.
    fn divided(&self, a: &Tensor, by: &Tensor) -> Tensor {
        let (numbers, groups, kept) = (a.numbers(), a.sizes[1], a.storage());
        self.result((Matrices, a.sizes), &[a, by], move |tape, _gradient| {
            let of_a = tape.gradient(Matrices, numbers);
            let quotients = (tape.hold(Matrices, numbers), tape.hold(Matrices, numbers));
            let of_number = tape.gradient(Matrices, groups);
            drop((quotients, kept));
            vec![Some(of_a), Some(of_number)]
        })
    }

    /// A covariance's product plus its ridge.
    pub fn ridged(&self, product: Tensor) -> Tensor {
        let covariance = self.scaled(&product);
        drop(product);
        let square = [1, 1, covariance.sizes[2], covariance.sizes[2]];
        let identity = self.matrix(square);
        let ridge = self.matrix(square);
        drop(identity);
        let sum = self.shifted(&covariance);
        drop(ridge);
        sum
    }

    /// The inverse square root after `n_iter` coupled steps, each of which keeps its factors.
    pub fn inverse_sqrt(&self, a: &Tensor, n_iter: i64) -> Tensor {
        let square = [Matrices; 3];
        let (rows, one) = (a.sizes[2], [1, 1, a.sizes[2], a.sizes[2]]);
        let norm = self.norm(a);
        let identity = self.matrix(one);
        let three_halves = self.matrix(one);
        let mut y = self.divided(a, &norm);
        let mut z = identity.view(a.sizes);
        for _ in 0..n_iter {
            let product = self.matmul(&z, &y, rows, square);
            let half = self.scaled(&product);
            drop(product);
            let t = self.scaled(&half);
            drop(half);
            y = self.matmul(&y, &t, rows, square);
            z = self.matmul(&t, &z, rows, square);
        }
        let root = self.divided(&z, &norm);
        drop(three_halves);
        root
    }
}
