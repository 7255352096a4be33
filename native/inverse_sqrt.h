// The inverse square root of covariances by a fixed number of coupled Newton-Schulz steps, and its adjoint.
//
// Every iterate is a polynomial of one symmetric matrix M = A / |A|, so iterates commute, their products are symmetric, and
// only M and Z are carried: with T = (3 I - M) / 2, a step is Z <- Z T, M <- M T^2. Two steps are one,
//
//   q(M) = ((M^2 - 4.5 M + 3.375 I)^2 - 8.625 M + 24.609375 I) / 16,   Z <- Z q,   M <- M q^2,
//
// which takes five products where two steps of Y and Z take six, and fewer at both ends.
//
// The derivative of a polynomial of a symmetric matrix, a linear map of symmetric matrices, is its own adjoint. So gradients are
// carried through the same steps in the same direction, as derivatives, which are symmetric as the iterates are.
#pragma once
#include <ATen/ATen.h>

#include <vector>

namespace ndbench {

// What the adjoint needs again.
struct Steps {
  // One matrix each, [.., F, F] or in strips, in the order in which they were made.
  std::vector<at::Tensor> kept;
};

// A^(-1/2) after `n_iter` steps for a symmetric positive definite matrix [F, F] or a batch [B, F, F]. The products are those of
// numbers of the type `kind`.
at::Tensor inverse_sqrt(const at::Tensor& a, int64_t n_iter, at::ScalarType kind, Steps& steps);

// The gradient with respect to `a`, symmetric, where `gradient` is that with respect to the result; whoever moves that here has it
// freed as soon as it is read.
at::Tensor inverse_sqrt_adjoint(at::Tensor gradient, int64_t n_iter, Steps& steps);

}  // namespace ndbench
