// Samples of a convolution's input on the CPU, a plane of an image at a time: the same as in patches.h, in one pass.
#pragma once
#include "patches.h"

namespace ndbench {

// Whether the functions below can read x [N, C, H, W]: its planes lie one after the other in the host's memory.
bool has_planes(const at::Tensor& x);

// As `gather`.
at::Tensor gather_planes(const at::Tensor& x, const Window& window);

// As `scatter`, for contiguous columns on the CPU.
at::Tensor scatter_planes(const at::Tensor& columns, at::IntArrayRef sizes, const Window& window);

}  // namespace ndbench
