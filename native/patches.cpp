#include "patches.h"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

namespace ndbench {
namespace {

int64_t places(int64_t length, const Window& w) {
  return (length + 2 * w.padding - w.dilation * (w.kernel - 1) - 1) / w.stride + 1;
}

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

// Pixels (n, h, w) of x as rows [N H W, C], a view where x is channels-last.
at::Tensor pixels(const at::Tensor& x) { return x.permute({0, 2, 3, 1}).reshape({-1, x.size(1)}); }

// Numbers of the pixels that a kernel of 1 samples.
at::Tensor numbers(int64_t pixels, int64_t every, const at::Tensor& like) {
  return at::arange(0, pixels, every, like.options().dtype(at::kLong));
}

// Loops of our own run over floats in main memory: channel by channel over planes,
bool has_planes(const at::Tensor& x) {
  const bool is_real = x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble;
  return is_real && x.is_cpu() && x.is_contiguous();
}

// or pixel by pixel where channels lie side by side, as depthwise convolutions leave them.
bool has_pixels(const at::Tensor& x) {
  const bool is_real = x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble;
  return is_real && x.is_cpu() && x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

// Samples that are handled together: what they write of a column fills a line of the cache.
constexpr int64_t TOGETHER = 16;

// Of a channels-last x, calls `visit(pixel, entry of columns)` for each channel of the pixels of `count` samples, `kernel` by
// `kernel` each, where `where` says. So many samples as `apart` have no pixel in common with the next ones: threads share no
// pixel. Padding is read as zeros, and what is written to it is dropped.
template <typename T, typename Where, typename Visit>
void each_channel(T* columns, int64_t channels, int64_t kernel, int64_t count, int64_t apart, Where where, Visit visit) {
  at::parallel_for(0, (count + apart - 1) / apart, 1, [&](int64_t first, int64_t last) {
    std::vector<T> padding(channels);
    T* pixels[TOGETHER];
    decltype(where.origin(0)) origins[TOGETHER];
    const int64_t end = std::min(count, last * apart);
    for (int64_t start = first * apart; start < end; start += TOGETHER) {
      const int64_t samples = std::min(TOGETHER, end - start);
      for (int64_t i = 0; i < samples; ++i) origins[i] = where.origin(start + i);
      for (int64_t place = 0; place < kernel * kernel; ++place) {
        const int64_t down = place / kernel, right = place % kernel;
        bool in_padding = false;
        for (int64_t i = 0; i < samples; ++i) {
          T* pixel = where.pixel(origins[i], down, right);
          in_padding |= pixel == nullptr;
          pixels[i] = pixel ? pixel : padding.data();
        }
        for (int64_t c = 0; c < channels; ++c) {
          T* entry = columns + (c * kernel * kernel + place) * count + start;
          for (int64_t i = 0; i < samples; ++i) visit(pixels[i][c], entry[i]);
        }
        if (in_padding) std::fill(padding.begin(), padding.end(), T(0));
      }
    }
  });
}

// Where the pixels of the windows of a channels-last x lie; null in the padding.
template <typename T>
struct InWindows {
  struct Origin {
    T* image;
    int64_t row, column;
  };

  InWindows(T* x, at::IntArrayRef sizes, const Window& w, int64_t rows, int64_t across)
      : x(x), channels(sizes[1]), height(sizes[2]), width(sizes[3]), w(w), rows(rows), across(across) {}

  Origin origin(int64_t sample) const {
    const int64_t image = sample / (rows * across), row = sample / across % rows, column = sample % across;
    return {x + image * height * width * channels, row * w.stride - w.padding, column * w.stride - w.padding};
  }

  T* pixel(const Origin& origin, int64_t down, int64_t right) const {
    const int64_t h = origin.row + down * w.dilation, v = origin.column + right * w.dilation;
    if (h < 0 || h >= height || v < 0 || v >= width) return nullptr;
    return origin.image + (h * width + v) * channels;
  }

  T* x;
  int64_t channels, height, width;
  Window w;
  int64_t rows, across;
};

// Where every so many-th pixel of a channels-last x lies.
template <typename T>
struct EveryPixel {
  T* origin(int64_t sample) const { return x + sample * step; }
  T* pixel(T* origin, int64_t, int64_t) const { return origin; }

  T* x;
  int64_t step;
};

// Copies a pixel into its sample.
constexpr auto sampled = [](const auto& pixel, auto& sample) { sample = pixel; };

// Adds a sample to its pixel.
constexpr auto given_back = [](auto& pixel, const auto& sample) { pixel += sample; };

// Calls `visit(pixel of x, pixel of columns)` for every so many-th pixel of the batch, channel by channel in parallel.
template <typename T, typename Visit>
void each_pixel(T* x, T* columns, at::IntArrayRef sizes, int64_t every, Visit visit) {
  const int64_t images = sizes[0], channels = sizes[1], area = sizes[2] * sizes[3];
  const int64_t count = (images * area + every - 1) / every;
  at::parallel_for(0, channels, 1, [&](int64_t first, int64_t last) {
    for (int64_t c = first; c < last; ++c) {
      T* column = columns + c * count;
      int64_t pixel = 0;
      for (int64_t n = 0; n < images; ++n) {
        T* plane = x + (n * channels + c) * area;
        for (; pixel < area; pixel += every) visit(plane[pixel], *column++);
        pixel -= area;
      }
    }
  });
}

at::Tensor gather_pixels(const at::Tensor& x, int64_t every) {
  const int64_t area = x.size(2) * x.size(3);
  if (every == 1) return x.transpose(0, 1).clone(at::MemoryFormat::Contiguous).view({x.size(1), -1});
  if (has_planes(x)) {
    at::Tensor columns = at::empty({x.size(1), (x.size(0) * area + every - 1) / every}, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "gather_pixels", [&] {
      // Only read.
      scalar_t* pixels = const_cast<scalar_t*>(x.const_data_ptr<scalar_t>());
      each_pixel(pixels, columns.mutable_data_ptr<scalar_t>(), x.sizes(), every, sampled);
    });
    return columns;
  }
  if (has_pixels(x)) {
    const int64_t channels = x.size(1), count = (x.size(0) * area + every - 1) / every;
    at::Tensor columns = at::empty({channels, count}, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "gather_pixels", [&] {
      // Only read.
      const EveryPixel<scalar_t> where{const_cast<scalar_t*>(x.const_data_ptr<scalar_t>()), every * channels};
      each_channel(columns.mutable_data_ptr<scalar_t>(), channels, 1, count, TOGETHER, where, sampled);
    });
    return columns;
  }
  // [N, C, H W] at (number / area, number % area): [places, C].
  const at::Tensor number = numbers(x.size(0) * area, every, x);
  const at::Tensor flat = x.reshape({x.size(0), x.size(1), area});
  using at::indexing::Slice;
  return flat.index({number.floor_divide(area), Slice(), number.remainder(area)}).t().contiguous();
}

void add_pixels(at::Tensor& x, const at::Tensor& columns, int64_t every) {
  const int64_t area = x.size(2) * x.size(3);
  if (every == 1) {
    x.add_(columns.view({x.size(1), x.size(0), x.size(2), x.size(3)}).transpose(0, 1));
  } else if (has_planes(x)) {
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "add_pixels", [&] {
      scalar_t* samples = const_cast<scalar_t*>(columns.const_data_ptr<scalar_t>());
      each_pixel(x.mutable_data_ptr<scalar_t>(), samples, x.sizes(), every, given_back);
    });
  } else if (has_pixels(x)) {
    const int64_t channels = x.size(1);
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "add_pixels", [&] {
      const EveryPixel<scalar_t> where{x.mutable_data_ptr<scalar_t>(), every * channels};
      scalar_t* samples = const_cast<scalar_t*>(columns.const_data_ptr<scalar_t>());
      each_channel(samples, channels, 1, columns.size(1), TOGETHER, where, given_back);
    });
  } else {
    const at::Tensor number = numbers(x.size(0) * area, every, columns);
    at::Tensor more = at::zeros({x.size(0), x.size(1), area}, columns.options());
    using at::indexing::Slice;
    more.index_put_({number.floor_divide(area), Slice(), number.remainder(area)}, columns.t());
    x.add_(more.view(x.sizes()));
  }
}

// Those of `count` places, `stride` pixels apart, whose pixel lies within a side of `length`; the first place's is at `first`.
struct Inside {
  Inside(int64_t count, int64_t stride, int64_t first, int64_t length)
      : from(first < 0 ? std::min(count, (-first + stride - 1) / stride) : 0),
        to(first < length ? std::min(count, (length - 1 - first) / stride + 1) : 0) {}
  int64_t from, to;
};

// Of an x of planes, calls `visit(pixel, entry of columns)` for each pixel of the windows, channel by channel in parallel, and
// `outside(from, to)` for entries in the padding. Windows may overlap: those of a channel follow one another.
template <typename T, typename Visit, typename Outside>
void each_in_windows(T* x, T* columns, at::IntArrayRef sizes, const Window& w, int64_t rows, int64_t across, Visit visit,
                     Outside outside) {
  const int64_t images = sizes[0], channels = sizes[1], height = sizes[2], width = sizes[3], k = w.kernel;
  at::parallel_for(0, channels, 1, [&](int64_t first, int64_t last) {
    for (int64_t c = first; c < last; ++c) {
      for (int64_t n = 0; n < images; ++n) {
        T* plane = x + (n * channels + c) * height * width;
        for (int64_t place = 0; place < k * k; ++place) {
          T* samples = columns + ((c * k * k + place) * images + n) * rows * across;
          const int64_t down = place / k * w.dilation - w.padding, right = place % k * w.dilation - w.padding;
          const Inside lines(rows, w.stride, down, height), inside(across, w.stride, right, width);
          if (inside.from >= inside.to) {
            outside(samples, samples + rows * across);
            continue;
          }
          outside(samples, samples + lines.from * across);
          for (int64_t row = lines.from; row < lines.to; ++row) {
            T* entry = samples + row * across;
            T* line = plane + (row * w.stride + down) * width + right;
            outside(entry, entry + inside.from);
            for (int64_t i = inside.from; i < inside.to; ++i) visit(line[i * w.stride], entry[i]);
            outside(entry + inside.to, entry + across);
          }
          outside(samples + std::max(lines.from, lines.to) * across, samples + rows * across);
        }
      }
    }
  });
}

}  // namespace

at::Tensor gather(const at::Tensor& x, const Window& w) {
  if (w.kernel == 1) return gather_pixels(x, w.stride * w.stride);
  const int64_t features = x.size(1) * w.kernel * w.kernel;
  const int64_t rows = places(x.size(2), w), columns = places(x.size(3), w);
  if (has_planes(x)) {
    at::Tensor samples = at::empty({features, x.size(0) * rows * columns}, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "gather_windows", [&] {
      // Only read.
      scalar_t* pixels = const_cast<scalar_t*>(x.const_data_ptr<scalar_t>());
      const auto zeros = [](scalar_t* from, scalar_t* to) { std::fill(from, to, scalar_t(0)); };
      each_in_windows(pixels, samples.mutable_data_ptr<scalar_t>(), x.sizes(), w, rows, columns, sampled, zeros);
    });
    return samples;
  }
  if (has_pixels(x)) {
    const int64_t count = x.size(0) * rows * columns;
    at::Tensor samples = at::empty({features, count}, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "gather_windows", [&] {
      // Only read.
      scalar_t* pixels = const_cast<scalar_t*>(x.const_data_ptr<scalar_t>());
      each_channel(samples.mutable_data_ptr<scalar_t>(), x.size(1), w.kernel, count, rows * columns,
                   InWindows<scalar_t>(pixels, x.sizes(), w, rows, columns), sampled);
    });
    return samples;
  }
  // What no window reaches is cut off, by negative padding.
  const int64_t below = reach(rows, w) - w.padding - x.size(2), right = reach(columns, w) - w.padding - x.size(3);
  const at::Tensor padded = at::constant_pad_nd(x, {w.padding, right, w.padding, below}).contiguous();
  const at::Tensor view = windows(padded, w, rows, columns).permute({1, 2, 3, 0, 4, 5});
  return view.contiguous().view({features, -1});
}

at::Tensor add_back(at::Tensor x, const at::Tensor& columns, const Window& w) {
  // The engine hands the only reference to a gradient over; someone who kept another must not see it change.
  if (x.use_count() > 1) x = x.clone();
  if (w.kernel == 1) {
    add_pixels(x, columns, w.stride * w.stride);
    return x;
  }
  const int64_t images = x.size(0), channels = x.size(1), k = w.kernel, d = w.dilation, p = w.padding, s = w.stride;
  const int64_t rows = places(x.size(2), w), across = places(x.size(3), w);
  if (has_planes(x)) {
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "add_windows", [&] {
      scalar_t* samples = const_cast<scalar_t*>(columns.const_data_ptr<scalar_t>());
      const auto dropped = [](scalar_t*, scalar_t*) {};
      each_in_windows(x.mutable_data_ptr<scalar_t>(), samples, x.sizes(), w, rows, across, given_back, dropped);
    });
  } else if (has_pixels(x)) {
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "add_windows", [&] {
      scalar_t* samples = const_cast<scalar_t*>(columns.const_data_ptr<scalar_t>());
      each_channel(samples, channels, k, columns.size(1), rows * across,
                   InWindows<scalar_t>(x.mutable_data_ptr<scalar_t>(), x.sizes(), w, rows, across), given_back);
    });
  } else if (!disjoint(w)) {
    const at::Tensor unfolded = columns.view({channels * k * k, images, rows * across}).transpose(0, 1);
    x.add_(at::col2im(unfolded.contiguous(), {x.size(2), x.size(3)}, {k, k}, {d, d}, {p, p}, {s, s}));
  } else {
    const int64_t height = reach(rows, w), width = reach(across, w);
    at::Tensor padded = at::zeros({images, channels, height, width}, columns.options());
    windows(padded, w, rows, across).copy_(columns.view({channels, k, k, images, rows, across}).permute({3, 0, 1, 2, 4, 5}));
    x.add_(at::constant_pad_nd(padded, {-p, x.size(3) - width + p, -p, x.size(2) - height + p}));
  }
  return x;
}

}  // namespace ndbench
