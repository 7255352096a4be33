// Sums of products of matrices, [F, F] or [B, F, F], whose result is symmetric, up to rounding: about half of it is computed.
#pragma once
#include "product.h"

namespace ndbench {

// The sum.
at::Tensor symmetric_sum(Sum sum);

// The sum by loops or a kernel of our own, with all that stands around the products; none where there are none for it.
std::optional<at::Tensor> symmetric_at_once(Sum sum);

// Adds alpha times a product to `out`, or makes it that where it is undefined. What lies above the panels of `out` means nothing
// until `make_whole` fills it.
void add_below(at::Tensor& out, const Factors& product, double alpha);

// Fills what `add_below` left open, and adds `ridge` to the diagonal.
void make_whole(at::Tensor& out, double ridge);

}  // namespace ndbench
