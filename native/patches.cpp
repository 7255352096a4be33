#include "patches.h"

#include "pixels.h"
#include "planes.h"

#include <numeric>

namespace ndbench {
namespace {

using at::indexing::Slice;

// Of columns that are handled at once, 4 MiB in single precision: the caches of a few cores hold them until they have been
// multiplied.
constexpr int64_t NUMBERS_AT_ONCE = 1 << 20;

// Windows do not overlap: each pixel is copied at most once.
bool disjoint(const Window& w) { return w.dilation == 1 && w.stride >= w.kernel; }

// A view [N, C, k, k, rows, columns] of windows of x, padded so that every window is whole.
at::Tensor windows(const at::Tensor& x, const Window& w, int64_t rows, int64_t columns) {
  const auto s = x.strides();
  return x.as_strided({x.size(0), x.size(1), w.kernel, w.kernel, rows, columns},
                      {s[0], s[1], w.dilation * s[2], w.dilation * s[3], w.stride * s[2], w.stride * s[3]}, x.storage_offset());
}

// Rows or columns that the windows reach, padding before included.
int64_t reach(int64_t places, const Window& w) { return (places - 1) * w.stride + w.dilation * (w.kernel - 1) + 1; }

// Where the samples of a kernel of 1 lie in x as [N, C, H W].
struct Sampled {
  Sampled(const at::Tensor& x, int64_t every) {
    const int64_t area = x.size(2) * x.size(3);
    const at::Tensor numbers = at::arange(0, x.size(0) * area, every, x.options().dtype(at::kLong));
    images = numbers.floor_divide(area);
    pixels = numbers.remainder(area);
  }
  at::Tensor images, pixels;
};

at::Tensor gather_every(const at::Tensor& x, int64_t every) {
  if (every == 1) return x.transpose(0, 1).clone(at::MemoryFormat::Contiguous).view({x.size(1), -1});
  const Sampled sampled(x, every);
  return x.flatten(2).index({sampled.images, Slice(), sampled.pixels}).t().contiguous();
}

void add_every(at::Tensor& x, const at::Tensor& columns, int64_t every) {
  if (every == 1) {
    x.add_(columns.view({x.size(1), x.size(0), x.size(2), x.size(3)}).transpose(0, 1));
    return;
  }
  const Sampled sampled(x, every);
  at::Tensor more = at::zeros({x.size(0), x.size(1), x.size(2) * x.size(3)}, columns.options());
  more.index_put_({sampled.images, Slice(), sampled.pixels}, columns.t());
  x.add_(more.view(x.sizes()));
}

at::Tensor gather_windows(const at::Tensor& x, const Window& w) {
  const int64_t rows = w.places(x.size(2)), columns = w.places(x.size(3));
  // What no window reaches is cut off, by negative padding.
  const int64_t below = reach(rows, w) - w.padding - x.size(2), right = reach(columns, w) - w.padding - x.size(3);
  const at::Tensor padded = at::constant_pad_nd(x, {w.padding, right, w.padding, below}).contiguous();
  const at::Tensor view = windows(padded, w, rows, columns).permute({1, 2, 3, 0, 4, 5});
  return view.contiguous().view({x.size(1) * w.rows(), -1});
}

void add_windows(at::Tensor& x, const at::Tensor& columns, const Window& w) {
  const int64_t images = x.size(0), channels = x.size(1), k = w.kernel, d = w.dilation, p = w.padding, s = w.stride;
  const int64_t rows = w.places(x.size(2)), across = w.places(x.size(3));
  if (!disjoint(w)) {
    const at::Tensor unfolded = columns.view({channels * w.rows(), images, rows * across}).transpose(0, 1);
    x.add_(at::col2im(unfolded.contiguous(), {x.size(2), x.size(3)}, {k, k}, {d, d}, {p, p}, {s, s}));
    return;
  }
  const int64_t height = reach(rows, w), width = reach(across, w);
  at::Tensor padded = at::zeros({images, channels, height, width}, columns.options());
  windows(padded, w, rows, across).copy_(columns.view({channels, k, k, images, rows, across}).permute({3, 0, 1, 2, 4, 5}));
  x.add_(at::constant_pad_nd(padded, {-p, x.size(3) - width + p, -p, x.size(2) - height + p}));
}

}  // namespace

int64_t images_at_once(const at::Tensor& x, const Window& w) {
  const bool lies_in_order = x.is_contiguous() || x.is_contiguous(at::MemoryFormat::ChannelsLast);
  if (!x.is_cpu() || !lies_in_order) return x.size(0);
  // With a kernel of 1 samples go over the borders of images: so many have a whole number of them.
  const int64_t pixels = x.size(2) * x.size(3), some = w.kernel == 1 ? w.every() / std::gcd(w.every(), pixels) : 1;
  const int64_t windows = w.kernel == 1 ? some * pixels / w.every() : w.places(x.size(2)) * w.places(x.size(3));
  return std::max<int64_t>(1, NUMBERS_AT_ONCE / (x.size(1) * w.rows() * windows)) * some;
}

at::Tensor gather(const at::Tensor& x, const Window& w, at::Tensor& mean, int64_t means) {
  if (has_planes(x)) return gather_planes(x, w, mean, means);
  if (has_pixels(x)) return gather_pixels(x, w, mean, means);
  at::Tensor columns = w.kernel == 1 ? gather_every(x, w.every()) : gather_windows(x, w);
  at::Tensor of_a_mean = columns.view({means, -1});
  mean = mean.defined() ? mean.flatten() : of_a_mean.mean(-1);
  of_a_mean.sub_(mean.unsqueeze(-1));
  return columns;
}

void add_to(at::Tensor& x, at::Tensor columns, const at::Tensor& shift, const Window& w) {
  if (has_planes(x)) return add_to_planes(x, columns, shift, w);
  if (has_pixels(x)) return add_to_pixels(x, columns, shift, w);
  columns.view({shift.numel(), -1}).add_(shift.unsqueeze(-1));
  if (w.kernel == 1) {
    add_every(x, columns, w.every());
  } else {
    add_windows(x, columns, w);
  }
}

}  // namespace ndbench
