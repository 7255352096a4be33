#include "planes.h"

#include "columns.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace ndbench {
namespace {

// Where the windows of a plane take their pixels.
struct Geometry {
  Geometry(at::IntArrayRef sizes, const Window& w)
      : height(sizes[2]), width(sizes[3]), padding(w.padding), across(width + 2 * padding), rows(w.rows()) {
    const int64_t down = w.places(height), right = w.places(width);
    windows = down * right;
    pixels.reserve(rows * windows);
    for (int64_t place = 0; place < rows; ++place) {
      const int64_t origin = (place / w.kernel * across + place % w.kernel) * w.dilation;
      for (int64_t row = 0; row < down; ++row) {
        for (int64_t column = 0; column < right; ++column) pixels.push_back(origin + (row * across + column) * w.stride);
      }
    }
  }

  // Pixels of a plane with its padding; none where it has none.
  int64_t padded() const { return padding > 0 ? (height + 2 * padding) * across : 0; }

  // Calls `row(pixels of the plane, pixels of the padded one)` for each row of `width` pixels.
  template <typename T, typename Row>
  void each_row(T* plane, T* padded, Row row) const {
    for (int64_t h = 0; h < height; ++h) row(plane + h * width, padded + (h + padding) * across + padding);
  }

  int64_t height, width, padding;
  // Pixels of a padded row.
  int64_t across;
  // Rows of columns, one for each pixel of the kernel, and windows of a plane.
  int64_t rows, windows;
  // Of the padded plane, in the order (row, column of the kernel; window).
  std::vector<int32_t> pixels;
};

// Asks for numbers that will be read soon: planes of one channel lie far apart, which the processor does not foresee.
template <typename T>
void prefetch(const T* numbers, int64_t count) {
  constexpr int64_t LINE = 64 / sizeof(T);
  for (int64_t i = 0; i < count; i += LINE) __builtin_prefetch(numbers + i);
}

// Short rows, for which a call would take longer than what it does.
template <typename T>
void copy_row(const T* from, int64_t count, T* to) {
  constexpr int64_t SOME = 16 / sizeof(T);
  int64_t i = 0;
  for (; i + SOME <= count; i += SOME) std::memcpy(to + i, from + i, 16);
  for (; i < count; ++i) to[i] = from[i];
}

// The windows of channels, one row of `columns` for each pixel of the kernel, `images * windows` apart.
template <typename T>
class Windows {
 public:
  Windows(const Geometry& geometry, at::IntArrayRef sizes, T* x)
      : geometry_(geometry), images_(sizes[0]), step_(sizes[1] * sizes[2] * sizes[3]), x_(x), padded_(geometry.padded()) {}

  // `columns` are those of channel `first`.
  void gather(int64_t first, int64_t last, T* columns) {
    each_plane(first, last, columns, [&](T* plane, const T* next, int64_t, T* samples) {
      const T* padded = plane;
      if (geometry_.padding > 0) {
        geometry_.each_row(plane, padded_.data(), [&](const T* from, T* to) { copy_row(from, geometry_.width, to); });
        padded = padded_.data();
      }
      const int64_t windows = geometry_.windows;
      each_row(samples, next, [=](int64_t, T* __restrict entries, const int32_t* __restrict pixels) {
        for (int64_t i = 0; i < windows; ++i) entries[i] = padded[pixels[i]];
      });
    });
  }

  // `shift(row)` is added to each sample.
  template <typename Shift>
  void add(int64_t first, int64_t last, T* columns, Shift shift) {
    each_plane(first, last, columns, [&](T* plane, const T* next, int64_t rows, T* samples) {
      T* padded = geometry_.padding > 0 ? padded_.data() : plane;
      const int64_t windows = geometry_.windows;
      each_row(samples, next, [=](int64_t row, const T* __restrict entries, const int32_t* __restrict pixels) {
        // Of the next image: some rows follow one another, far apart.
        if (next) prefetch(entries + windows, windows);
        const T more = shift(rows + row);
        for (int64_t i = 0; i < windows; ++i) padded[pixels[i]] += entries[i] + more;
      });
      if (geometry_.padding == 0) return;
      geometry_.each_row(plane, padded, [&](T* to, const T* from) {
        for (int64_t i = 0; i < geometry_.width; ++i) to[i] += from[i];
      });
      std::fill(padded_.begin(), padded_.end(), T(0));
    });
  }

 private:
  // Calls `visit(plane, that of the next image or null, its first row of columns, its samples)`.
  template <typename Visit>
  void each_plane(int64_t first, int64_t last, T* columns, Visit visit) {
    const int64_t plane = geometry_.height * geometry_.width, rows = geometry_.rows;
    for (int64_t n = 0; n < images_; ++n) {
      for (int64_t c = first; c < last; ++c) {
        T* here = x_ + n * step_ + c * plane;
        visit(here, n + 1 < images_ ? here + step_ : nullptr, c * rows, columns + ((c - first) * rows * images_ + n) * geometry_.windows);
      }
    }
  }

  // Asks for a part of the next plane with each row: all of it at once would wait for itself.
  template <typename Row>
  void each_row(T* samples, const T* next, Row row) {
    const int32_t* pixels = geometry_.pixels.data();
    const int64_t plane = geometry_.height * geometry_.width, part = (plane + geometry_.rows - 1) / geometry_.rows;
    for (int64_t i = 0; i < geometry_.rows; ++i) {
      const int64_t done = i * geometry_.windows;
      if (next && i * part < plane) prefetch(next + i * part, std::min(part, plane - i * part));
      row(i, samples + done * images_, pixels + done);
    }
  }

  const Geometry& geometry_;
  int64_t images_, step_;
  T* x_;
  // A plane between zeros.
  std::vector<T> padded_;
};

// Every so many-th pixel of channels of the batch.
template <typename T>
class SinglePixels {
 public:
  SinglePixels(int64_t every, at::IntArrayRef sizes, T* x)
      : every_(every), images_(sizes[0]), area_(sizes[2] * sizes[3]), step_(sizes[1] * area_), x_(x) {}

  // `columns` are those of channel `first`.
  void gather(int64_t first, int64_t last, T* columns) {
    each_pixel(first, last, columns, [](int64_t) { return T(0); }, [](const T& pixel, T& sample, T) { sample = pixel; });
  }

  template <typename Shift>
  void add(int64_t first, int64_t last, T* columns, Shift shift) {
    each_pixel(first, last, columns, shift, [](T& pixel, const T& sample, T more) { pixel += sample + more; });
  }

 private:
  template <typename Shift, typename Visit>
  void each_pixel(int64_t first, int64_t last, T* columns, Shift shift, Visit visit) {
    const int64_t count = (images_ * area_ + every_ - 1) / every_;
    int64_t sample = 0;
    for (int64_t n = 0; n < images_; ++n) {
      T* image = x_ + n * step_;
      if (n + 1 < images_) prefetch(image + step_ + first * area_, (last - first) * area_);
      const int64_t start = sample * every_ - n * area_, taken = (area_ - start + every_ - 1) / every_;
      for (int64_t c = first; c < last; ++c) {
        T* plane = image + c * area_ + start;
        T* samples = columns + (c - first) * count + sample;
        const T more = shift(c);
        for (int64_t i = 0; i < taken; ++i) visit(plane[i * every_], samples[i], more);
      }
      sample += taken;
    }
  }

  int64_t every_, images_, area_, step_;
  T* x_;
};

struct Planes {
  // Channels that are handled together: those whose numbers, so many each, fit a cache.
  template <typename T>
  static int64_t together(int64_t, int64_t numbers) {
    constexpr int64_t CACHE = 256 << 10;
    return std::max<int64_t>(1, CACHE / static_cast<int64_t>(numbers * sizeof(T)));
  }

  template <typename T, typename Body>
  static void with_source(T* x, at::IntArrayRef sizes, const Window& w, Body body) {
    if (w.kernel == 1) return body([&] { return SinglePixels<T>(w.every(), sizes, x); });
    const Geometry geometry(sizes, w);
    body([&] { return Windows<T>(geometry, sizes, x); });
  }
};

}  // namespace

bool has_planes(const at::Tensor& x) { return has_loops(x) && x.is_contiguous(); }

at::Tensor gather_planes(const at::Tensor& x, const Window& w, at::Tensor& mean, int64_t means) {
  return gather_columns<Planes>(x, w, mean, means);
}

void add_to_planes(at::Tensor& x, const at::Tensor& columns, const at::Tensor& shift, const Window& w) {
  add_columns<Planes>(x, columns, shift, w);
}

}  // namespace ndbench
