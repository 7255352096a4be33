// The samples from which a convolution's covariance is measured, gathered straight into columns.
#pragma once
#include <ATen/ATen.h>

namespace ndbench {

struct Window {
  int64_t kernel, stride, padding, dilation;
};

// Windows of x [N, C, H, W] as columns [C k k, N L] in the order (c, row, column; image, place), new memory. With kernel 1
// every stride^2-th pixel of the whole batch in (n, h, w) order, [C, ceil(N H W / stride^2)].
at::Tensor gather(const at::Tensor& x, const Window& window);

// Columns added to where `gather` took them from: into `x` itself where nobody else has it, else into a new tensor.
at::Tensor add_back(at::Tensor x, const at::Tensor& columns, const Window& window);

}  // namespace ndbench
