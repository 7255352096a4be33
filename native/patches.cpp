#include "patches.h"

namespace ndbench {
namespace {

int64_t places(int64_t length, const Window& w) {
  return (length + 2 * w.padding - w.dilation * (w.kernel - 1) - 1) / w.stride + 1;
}

// Windows do not overlap: each pixel is copied at most once.
bool disjoint(const Window& w) { return w.dilation == 1 && w.stride >= w.kernel; }

// A view [N, C, k, k, rows, columns] of disjoint windows of x, padded so that every window is whole.
at::Tensor windows(const at::Tensor& x, const Window& w, int64_t rows, int64_t columns) {
  const auto s = x.strides();
  return x.as_strided({x.size(0), x.size(1), w.kernel, w.kernel, rows, columns},
                      {s[0], s[1], s[2], s[3], w.stride * s[2], w.stride * s[3]}, x.storage_offset());
}

// Rows or columns that the windows reach, padding before included.
int64_t reach(int64_t places, const Window& w) { return (places - 1) * w.stride + w.kernel; }

// Pixels (n, h, w) of x as rows [N H W, C], a view where x is channels-last.
at::Tensor pixels(const at::Tensor& x) { return x.permute({0, 2, 3, 1}).reshape({-1, x.size(1)}); }

// Numbers of the pixels that a kernel of 1 samples.
at::Tensor numbers(int64_t pixels, int64_t every, const at::Tensor& like) {
  return at::arange(0, pixels, every, like.options().dtype(at::kLong));
}

at::Tensor gather_pixels(const at::Tensor& x, int64_t every) {
  const int64_t area = x.size(2) * x.size(3);
  if (every == 1) return x.transpose(0, 1).clone(at::MemoryFormat::Contiguous).view({x.size(1), -1});
  // [N, C, H W] at (number / area, number % area): [places, C].
  const at::Tensor number = numbers(x.size(0) * area, every, x);
  const at::Tensor flat = x.reshape({x.size(0), x.size(1), area});
  using at::indexing::Slice;
  return flat.index({number.floor_divide(area), Slice(), number.remainder(area)}).t().contiguous();
}

at::Tensor scatter_pixels(const at::Tensor& columns, at::IntArrayRef sizes, int64_t every) {
  const int64_t area = sizes[2] * sizes[3];
  if (every == 1) return columns.view({sizes[1], sizes[0], sizes[2], sizes[3]}).transpose(0, 1);
  const at::Tensor number = numbers(sizes[0] * area, every, columns);
  at::Tensor x = at::zeros({sizes[0], sizes[1], area}, columns.options());
  using at::indexing::Slice;
  x.index_put_({number.floor_divide(area), Slice(), number.remainder(area)}, columns.t());
  return x.view(sizes);
}

}  // namespace

at::Tensor gather(const at::Tensor& x, const Window& w) {
  if (w.kernel == 1) return gather_pixels(x, w.stride * w.stride);
  const int64_t features = x.size(1) * w.kernel * w.kernel;
  const int64_t rows = places(x.size(2), w), columns = places(x.size(3), w);
  if (!disjoint(w)) {
    const int64_t k = w.kernel, d = w.dilation, p = w.padding, s = w.stride;
    return at::im2col(x, {k, k}, {d, d}, {p, p}, {s, s}).transpose(0, 1).reshape({features, -1}).contiguous();
  }
  // What no window reaches is cut off, by negative padding.
  const int64_t below = reach(rows, w) - w.padding - x.size(2), right = reach(columns, w) - w.padding - x.size(3);
  const at::Tensor padded = at::constant_pad_nd(x, {w.padding, right, w.padding, below}).contiguous();
  const at::Tensor view = windows(padded, w, rows, columns).permute({1, 2, 3, 0, 4, 5});
  return view.contiguous().view({features, -1});
}

at::Tensor scatter(const at::Tensor& columns, at::IntArrayRef sizes, const Window& w) {
  if (w.kernel == 1) return scatter_pixels(columns, sizes, w.stride * w.stride);
  const int64_t images = sizes[0], channels = sizes[1], k = w.kernel, d = w.dilation, p = w.padding, s = w.stride;
  const int64_t rows = places(sizes[2], w), across = places(sizes[3], w);
  if (!disjoint(w)) {
    const at::Tensor unfolded = columns.view({channels * k * k, images, rows * across}).transpose(0, 1);
    return at::col2im(unfolded.contiguous(), {sizes[2], sizes[3]}, {k, k}, {d, d}, {p, p}, {s, s});
  }
  const int64_t height = reach(rows, w), width = reach(across, w);
  at::Tensor padded = s > k ? at::zeros({images, channels, height, width}, columns.options())
                            : at::empty({images, channels, height, width}, columns.options());
  windows(padded, w, rows, across).copy_(columns.view({channels, k, k, images, rows, across}).permute({3, 0, 1, 2, 4, 5}));
  return at::constant_pad_nd(padded, {-p, sizes[3] - width + p, -p, sizes[2] - height + p});
}

}  // namespace ndbench
