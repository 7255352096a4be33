#include "planes.h"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>

namespace ndbench {
namespace {

// A tensor [N, C, H, W] and its columns [C k k, N L], or [C, n] with kernel 1.
struct Layout {
  Window window;
  int64_t images, channels, height, width, rows, across;

  Layout(at::IntArrayRef sizes, const Window& w)
      : window(w), images(sizes[0]), channels(sizes[1]), height(sizes[2]), width(sizes[3]), rows(places(height, w)),
        across(places(width, w)) {}

  int64_t area() const { return height * width; }
  // Kernel 1: a pixel is a sample where its number in the batch is a multiple of this.
  int64_t every() const { return window.stride * window.stride; }
  int64_t samples() const {
    return window.kernel == 1 ? (images * area() + every() - 1) / every() : images * rows * across;
  }
  std::vector<int64_t> columns() const { return {channels * window.kernel * window.kernel, samples()}; }
};

// The part of `count` places, `stride` apart, of which the first is at `from`, that lies in 0..length.
std::pair<int64_t, int64_t> inside(int64_t from, int64_t stride, int64_t count, int64_t length) {
  const int64_t first = from < 0 ? std::min(count, (stride - 1 - from) / stride) : 0;
  const int64_t end = from < length ? (length - 1 - from) / stride + 1 : 0;
  return {first, std::clamp(end, first, count)};
}

// Calls body(column, pixels, step, before, here, after) for every run of samples in a plane: `here` entries of the columns,
// after `before` that lie in the padding and followed by `after` such, are every `step`-th of the pixels.
template <typename T, typename Body>
void each_run(const Layout& l, T* plane, T* columns, int64_t image, int64_t channel, Body body) {
  const Window& w = l.window;
  if (w.kernel == 1) {
    const int64_t start = image * l.area(), first = (start + l.every() - 1) / l.every();
    const int64_t offset = first * l.every() - start;
    const int64_t count = offset < l.area() ? (l.area() - 1 - offset) / l.every() + 1 : 0;
    return body(columns + channel * l.samples() + first, plane + offset, l.every(), 0, count, 0);
  }
  for (int64_t i = 0; i < w.kernel * w.kernel; ++i) {
    const int64_t y0 = i / w.kernel * w.dilation - w.padding, x0 = i % w.kernel * w.dilation - w.padding;
    const auto [left, right] = inside(x0, w.stride, l.across, l.width);
    T* column = columns + ((channel * w.kernel * w.kernel + i) * l.images + image) * l.rows * l.across;
    for (int64_t row = 0; row < l.rows; ++row, column += l.across) {
      const int64_t y = y0 + row * w.stride;
      if (y < 0 || y >= l.height) {
        body(column, plane, 0, l.across, 0, 0);
      } else {
        body(column, plane + y * l.width + x0 + left * w.stride, w.stride, left, right - left, l.across - right);
      }
    }
  }
}

// Calls body for every run of samples of every plane, planes in parallel.
template <typename T, typename Body>
void each_plane(const Layout& l, T* x, T* columns, Body body) {
  const int64_t grain = std::max<int64_t>(1, at::internal::GRAIN_SIZE / std::max<int64_t>(1, l.area()));
  at::parallel_for(0, l.channels * l.images, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t channel = i / l.images, image = i % l.images;
      each_run(l, x + (image * l.channels + channel) * l.area(), columns, image, channel, body);
    }
  });
}

}  // namespace

bool has_planes(const at::Tensor& x) { return x.device().is_cpu() && x.is_contiguous(); }

at::Tensor gather_planes(const at::Tensor& x, const Window& window) {
  const Layout layout(x.sizes(), window);
  at::Tensor columns = at::empty(layout.columns(), x.options());
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "gather_planes", [&] {
    const auto copy = [](scalar_t* to, scalar_t* from, int64_t step, int64_t before, int64_t here, int64_t after) {
      to = std::fill_n(to, before, scalar_t(0));
      if (step == 1) {
        std::memcpy(to, from, here * sizeof(scalar_t));
      } else {
        for (int64_t i = 0; i < here; ++i) to[i] = from[i * step];
      }
      std::fill_n(to + here, after, scalar_t(0));
    };
    // Nothing is written to x.
    each_plane(layout, const_cast<scalar_t*>(x.const_data_ptr<scalar_t>()), columns.mutable_data_ptr<scalar_t>(), copy);
  });
  return columns;
}

at::Tensor scatter_planes(const at::Tensor& columns, at::IntArrayRef sizes, const Window& window) {
  const Layout layout(sizes, window);
  at::Tensor x = at::zeros(sizes, columns.options());
  AT_DISPATCH_FLOATING_TYPES(columns.scalar_type(), "scatter_planes", [&] {
    const auto add = [](scalar_t* from, scalar_t* to, int64_t step, int64_t before, int64_t here, int64_t) {
      for (int64_t i = 0; i < here; ++i) to[i * step] += from[before + i];
    };
    each_plane(layout, x.mutable_data_ptr<scalar_t>(), const_cast<scalar_t*>(columns.const_data_ptr<scalar_t>()), add);
  });
  return x;
}

}  // namespace ndbench
