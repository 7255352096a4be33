#include "pixels.h"

#include "columns.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace ndbench {
namespace {

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

// Four numbers, one after the other.
template <typename T>
using Four [[gnu::vector_size(4 * sizeof(T))]] = T;

template <typename T>
Four<T> four(const T* numbers) {
  Four<T> read;
  std::memcpy(&read, numbers, sizeof(read));
  return read;
}

template <typename T>
void write(const Four<T>& four, T* numbers) {
  std::memcpy(numbers, &four, sizeof(four));
}

// Numbers A to D of those of a, 0 to 3, and of b, 4 to 7.
template <int A, int B, int C, int D, typename V>
V chosen(const V& a, const V& b) {
#if __has_builtin(__builtin_shufflevector)
  return __builtin_shufflevector(a, b, A, B, C, D);
#else
  const auto at = [&](int i) { return i < 4 ? a[i] : b[i - 4]; };
  return V{at(A), at(B), at(C), at(D)};
#endif
}

// Four numbers of four pixels become four pixels of four numbers, and the other way round.
template <typename V>
void transpose(V (&of)[4]) {
  const V low = chosen<0, 4, 1, 5>(of[0], of[1]), high = chosen<2, 6, 3, 7>(of[0], of[1]);
  const V more_low = chosen<0, 4, 1, 5>(of[2], of[3]), more_high = chosen<2, 6, 3, 7>(of[2], of[3]);
  of[0] = chosen<0, 1, 4, 5>(low, more_low);
  of[1] = chosen<2, 3, 6, 7>(low, more_low);
  of[2] = chosen<0, 1, 4, 5>(high, more_high);
  of[3] = chosen<2, 3, 6, 7>(high, more_high);
}

// The samples of channels, whose pixels lie where `Where` says. Padding is read as zeros, and what is written to it is dropped.
template <typename T, typename Where>
class Pixels {
 public:
  Pixels(const Where& where, at::IntArrayRef sizes, const Window& w)
      : where_(where), kernel_(w.kernel), count_(w.columns(sizes)), padding_(sizes[1]) {}

  void gather(int64_t first, int64_t last, T* columns) {
    const auto four_of_four = [](T* const* pixels, int64_t c, T* entries, int64_t row, const Four<T>&) {
      Four<T> of[4];
      for (int64_t i = 0; i < 4; ++i) of[i] = four(pixels[i] + c);
      transpose(of);
      for (int64_t i = 0; i < 4; ++i) write<T>(of[i], entries + i * row);
    };
    const auto one = [](T& pixel, T& sample, T) { sample = pixel; };
    each_sample(first, last, columns, [](int64_t) { return T(0); }, one, four_of_four);
  }

  template <typename Shift>
  void add(int64_t first, int64_t last, T* columns, Shift shift) {
    const auto four_of_four = [](T* const* pixels, int64_t c, T* entries, int64_t row, const Four<T>& more) {
      Four<T> of[4];
      for (int64_t i = 0; i < 4; ++i) of[i] = four(entries + i * row);
      transpose(of);
      for (int64_t i = 0; i < 4; ++i) write<T>(four(pixels[i] + c) + (of[i] + more), pixels[i] + c);
    };
    const auto one = [](T& pixel, T& sample, T more) { pixel += sample + more; };
    each_sample(first, last, columns, shift, one, four_of_four);
  }

 private:
  // Samples that are visited together: what they take of a row of columns fills a line of the cache.
  static constexpr int64_t SOME = 16;

  // Calls `one(pixel, sample, shift of its row)`, or `four_of_four(pixels, first of four channels, its
  // samples, from one channel's samples to the next one's, shifts of their rows)` for four pixels.
  template <typename Shift, typename One, typename FourOfFour>
  void each_sample(int64_t first, int64_t last, T* columns, Shift shift, One one, FourOfFour four_of_four) {
    const int64_t places = kernel_ * kernel_, row = places * count_;
    decltype(where_.origin(0)) origins[SOME];
    T* pixels[SOME];
    for (int64_t start = 0; start < count_; start += SOME) {
      const int64_t samples = std::min(SOME, count_ - start);
      for (int64_t i = 0; i < samples; ++i) origins[i] = where_.origin(start + i);
      for (int64_t place = 0; place < places; ++place) {
        for (int64_t i = 0; i < samples; ++i) {
          T* pixel = where_.pixel(origins[i], place / kernel_, place % kernel_);
          pixels[i] = pixel ? pixel : padding_.data();
        }
        T* entries = columns + place * count_ + start;
        int64_t c = first;
        for (; samples == SOME && c + 4 <= last; c += 4) {
          const auto more = [&](int64_t i) { return shift((c + i) * places + place); };
          const Four<T> shifts{more(0), more(1), more(2), more(3)};
          for (int64_t i = 0; i < SOME; i += 4) four_of_four(pixels + i, c, entries + (c - first) * row + i, row, shifts);
        }
        for (; c < last; ++c) {
          const T more = shift(c * places + place);
          for (int64_t i = 0; i < samples; ++i) one(pixels[i][c], entries[(c - first) * row + i], more);
        }
      }
    }
  }

  Where where_;
  int64_t kernel_, count_;
  // A pixel outside the image.
  std::vector<T> padding_;
};

struct ChannelsLast {
  // Channels that are handled together: as many to each thread, whole lines of the cache.
  template <typename T>
  static int64_t together(int64_t channels, int64_t) {
    const int64_t line = 64 / static_cast<int64_t>(sizeof(T)), threads = at::get_num_threads();
    return (channels + threads * line - 1) / (threads * line) * line;
  }

  template <typename T, typename Body>
  static void with_source(T* x, at::IntArrayRef sizes, const Window& w, Body body) {
    if (w.kernel == 1) {
      const EveryPixel<T> where{x, w.every() * sizes[1]};
      return body([&] { return Pixels<T, EveryPixel<T>>(where, sizes, w); });
    }
    const InWindows<T> where(x, sizes, w);
    body([&] { return Pixels<T, InWindows<T>>(where, sizes, w); });
  }
};

}  // namespace

bool has_pixels(const at::Tensor& x) { return has_loops(x) && x.is_contiguous(at::MemoryFormat::ChannelsLast); }

at::Tensor gather_pixels(const at::Tensor& x, const Window& w, at::Tensor& mean, int64_t means) {
  return gather_columns<ChannelsLast>(x, w, mean, means);
}

void add_to_pixels(at::Tensor& x, const at::Tensor& columns, const at::Tensor& shift, const Window& w) {
  add_columns<ChannelsLast>(x, columns, shift, w);
}

}  // namespace ndbench
