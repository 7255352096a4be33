// The samples from which a convolution's covariance is measured, gathered straight into columns.
#pragma once
#include <ATen/ATen.h>

#ifndef _OPENMP
#error "without OpenMP libtorch's parallel_for runs on one thread"
#endif

namespace ndbench {

struct Window {
  int64_t kernel, stride, padding, dilation;

  // Windows along a side of `length`, of which there is at least one.
  int64_t places(int64_t length) const {
    const int64_t room = length + 2 * padding - dilation * (kernel - 1) - 1;
    TORCH_CHECK(room >= 0, "a window of ", kernel, " pixels does not fit into ", length, " with padding ", padding,
                " and dilation ", dilation);
    return room / stride + 1;
  }

  // With a kernel of 1 every so many-th pixel of the batch is a sample.
  int64_t every() const { return stride * stride; }

  // Rows of columns that a channel fills.
  int64_t rows() const { return kernel * kernel; }

  // Columns that x [N, C, H, W] fills.
  int64_t columns(at::IntArrayRef x) const {
    if (kernel == 1) return (x[0] * x[2] * x[3] + every() - 1) / every();
    return x[0] * places(x[2]) * places(x[3]);
  }
};

// Whether there are loops of our own for x, over planes or pixels: they run over numbers in main memory.
inline bool has_loops(const at::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble);
}

// Windows of x [N, C, H, W] as columns [C k k, N L] in the order (c, row, column; image, place), new memory. With kernel 1
// every stride^2-th pixel of the whole batch in (n, h, w) order, [C, ceil(N H W / stride^2)]. They are less their mean: of M
// numbers in `mean` each belongs to C k k / M rows, one after the other. `mean` is measured first where it is undefined.
at::Tensor gather(const at::Tensor& x, const Window& window, at::Tensor& mean, int64_t means);

// Columns, which are given up, and `shift`, whose numbers belong to rows as means do, added to where `gather` took samples from.
void add_to(at::Tensor& x, at::Tensor columns, const at::Tensor& shift, const Window& window);

// Images whose samples are best gathered at once, from the first on: few on a CPU, all elsewhere.
int64_t images_at_once(const at::Tensor& x, const Window& window);

}  // namespace ndbench
