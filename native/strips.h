// Sums of products of symmetric matrices in single precision on a CPU, by loops of our own, `tile.cpp`.
//
// A library computes such a sum as one of any matrices: all of it, by a call for each product, and what stands between products
// by others. The loops compute the half below the diagonal and write it twice, with everything around it, and take matrices as
// they leave them: in strips. That pays with AVX-512, as measured; not with AVX2, nor for batches of small matrices.
#pragma once
#include "product.h"

namespace ndbench {

// Whether `a` [.., F, F] is worth being laid in strips, for products of numbers of the type `kind`.
bool strips_pay(const at::Tensor& a, at::ScalarType kind);

// Whether these are matrices in strips, [B, strips, F, 16].
bool are_strips(const at::Tensor& a);

// Symmetric matrices [F, F] or [B, F, F] in strips, and back into the shape that is given.
at::Tensor to_strips(const at::Tensor& a);
at::Tensor from_strips(const at::Tensor& strips, at::IntArrayRef sizes);

// A symmetric sum of symmetric matrices in strips; of c alone where it has no products.
at::Tensor sum_of_strips(const Sum& sum);

}  // namespace ndbench
