#include "pixels.h"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

namespace ndbench {
namespace {

// Samples that are handled together: what they write of a column fills a line of the cache.
constexpr int64_t TOGETHER = 16;

// Calls `visit(pixel, entry of columns)` for each channel of the pixels of `count` samples, `kernel` by `kernel` each, where
// `where` says. So many samples as `apart` have no pixel in common with the next ones: threads share no pixel, and the order in
// which one is visited is the same with any number of threads. Padding is read as zeros, and what is written to it is dropped.
template <typename T, typename Where, typename Visit>
void each_channel(T* columns, int64_t channels, int64_t kernel, int64_t count, int64_t apart, Where where, Visit visit) {
  at::parallel_for(0, (count + apart - 1) / apart, 1, [&](int64_t first, int64_t last) {
    std::vector<T> padding(channels);
    T* pixels[TOGETHER];
    decltype(where.origin(0)) origins[TOGETHER];
    const auto visit_some = [&](int64_t start, int64_t samples) {
      for (int64_t i = 0; i < samples; ++i) origins[i] = where.origin(start + i);
      for (int64_t place = 0; place < kernel * kernel; ++place) {
        bool in_padding = false;
        for (int64_t i = 0; i < samples; ++i) {
          T* pixel = where.pixel(origins[i], place / kernel, place % kernel);
          in_padding |= pixel == nullptr;
          pixels[i] = pixel ? pixel : padding.data();
        }
        for (int64_t c = 0; c < channels; ++c) {
          T* entry = columns + (c * kernel * kernel + place) * count + start;
          for (int64_t i = 0; i < samples; ++i) visit(pixels[i][c], entry[i]);
        }
        if (in_padding) std::fill(padding.begin(), padding.end(), T(0));
      }
    };
    for (int64_t part = first; part < last; ++part) {
      const int64_t end = std::min(count, (part + 1) * apart);
      for (int64_t start = part * apart; start < end; start += TOGETHER) visit_some(start, std::min(TOGETHER, end - start));
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

  InWindows(T* x, at::IntArrayRef sizes, const Window& w)
      : x(x), channels(sizes[1]), height(sizes[2]), width(sizes[3]), w(w), rows(w.places(height)), across(w.places(width)) {}

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

// Calls `visit` for each pixel of x that is sampled, and its entry of `columns`.
template <typename T, typename Visit>
void each_sampled(T* x, T* columns, at::IntArrayRef sizes, const Window& w, Visit visit) {
  const int64_t channels = sizes[1], count = w.columns(sizes);
  if (w.kernel == 1) {
    each_channel(columns, channels, 1, count, TOGETHER, EveryPixel<T>{x, w.every() * channels}, visit);
  } else {
    each_channel(columns, channels, w.kernel, count, count / sizes[0], InWindows<T>(x, sizes, w), visit);
  }
}

}  // namespace

bool has_pixels(const at::Tensor& x) { return has_loops(x) && x.is_contiguous(at::MemoryFormat::ChannelsLast); }

at::Tensor gather_from_pixels(const at::Tensor& x, const Window& w) {
  at::Tensor columns = at::empty({x.size(1) * w.rows(), w.columns(x.sizes())}, x.options());
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "gather_from_pixels", [&] {
    // Only read.
    scalar_t* pixels = const_cast<scalar_t*>(x.const_data_ptr<scalar_t>());
    each_sampled(pixels, columns.mutable_data_ptr<scalar_t>(), x.sizes(), w, sampled);
  });
  return columns;
}

void add_to_pixels(at::Tensor& x, const at::Tensor& columns, const Window& w) {
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "add_to_pixels", [&] {
    scalar_t* samples = const_cast<scalar_t*>(columns.const_data_ptr<scalar_t>());
    each_sampled(x.mutable_data_ptr<scalar_t>(), samples, x.sizes(), w, given_back);
  });
}

}  // namespace ndbench
