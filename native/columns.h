// Columns of samples by loops of our own, some channels at a time, from images in a layout.
//
// A layout has
//   together(channels, numbers), how many of `channels` are best handled together, each of so many numbers of columns, and
//   with_source(x, sizes, window, body), which calls `body(make)`: `make()` is a thread's source of the samples of images x, with
//     gather(first, last, columns)      the samples of channels from `first` to `last`; `columns` are those of channel `first`
//     add(first, last, columns, shift)  the columns, and `shift(row)` of each row, added to where they came from.
#pragma once
#include "patches.h"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <numeric>

namespace ndbench {

template <typename T>
T average(const T* numbers, int64_t count) {
  // Several sums at a time, each of few numbers before it goes to a sum of double precision.
  constexpr int64_t SUMS = 16, AT_ONCE = 256 * SUMS;
  double all = 0;
  for (int64_t start = 0; start < count; start += AT_ONCE) {
    const int64_t end = std::min(count, start + AT_ONCE);
    T sums[SUMS] = {};
    int64_t at = start;
    for (; at + SUMS <= end; at += SUMS) {
      for (int64_t i = 0; i < SUMS; ++i) sums[i] += numbers[at + i];
    }
    for (int64_t i = 0; at < end; ++at, ++i) sums[i] += numbers[at];
    all += std::accumulate(sums, sums + SUMS, 0.0);
  }
  return static_cast<T>(all / static_cast<double>(count));
}

// Columns of channels that share their means, while they are in the cache: gathered, their means taken, and centred.
template <typename T>
struct Centred {
  T* columns;
  T* means;
  bool measured;
  // How many rows of columns a channel has, how many share a mean, and how long they are.
  int64_t rows, to_a_mean, count;

  // About so many channels, whose rows make whole means.
  int64_t whole(int64_t channels) const {
    const int64_t some = to_a_mean / std::gcd(to_a_mean, rows);
    return std::max<int64_t>(1, channels / some) * some;
  }

  template <typename Source>
  void gather(Source& source, int64_t from, int64_t to) const {
    source.gather(from, to, columns + from * rows * count);
    for (int64_t mean = from * rows / to_a_mean; mean < to * rows / to_a_mean; ++mean) {
      T* numbers = columns + mean * to_a_mean * count;
      if (!measured) means[mean] = average(numbers, to_a_mean * count);
      const T less = means[mean];
      for (int64_t i = 0; i < to_a_mean * count; ++i) numbers[i] -= less;
    }
  }
};

// Calls `body(source, first, last)` for all channels, `together` at a time, whoever computes them.
template <typename Make, typename Body>
void each_channels(int64_t channels, int64_t together, Make make, Body body) {
  at::parallel_for(0, (channels + together - 1) / together, 1, [&](int64_t first, int64_t last) {
    auto source = make();
    for (int64_t i = first; i < last; ++i) body(source, i * together, std::min(channels, (i + 1) * together));
  });
}

// What `gather` takes from images in such a layout.
template <typename Layout>
at::Tensor gather_columns(const at::Tensor& x, const Window& w, at::Tensor& mean, int64_t means) {
  const int64_t channels = x.size(1), rows = channels * w.rows(), count = w.columns(x.sizes());
  at::Tensor columns = at::empty({rows, count}, x.options());
  const bool measured = mean.defined();
  mean = measured ? mean.flatten() : at::empty({means}, x.options());
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "gather_columns", [&] {
    const Centred<scalar_t> centred{columns.mutable_data_ptr<scalar_t>(), mean.mutable_data_ptr<scalar_t>(), measured, w.rows(),
                                    rows / means, count};
    // Only read.
    Layout::with_source(const_cast<scalar_t*>(x.const_data_ptr<scalar_t>()), x.sizes(), w, [&](auto make) {
      each_channels(channels, centred.whole(Layout::template together<scalar_t>(channels, w.rows() * count)), make,
                    [&](auto& source, int64_t from, int64_t to) { centred.gather(source, from, to); });
    });
  });
  return columns;
}

// What `add_to` does to images in such a layout.
template <typename Layout>
void add_columns(at::Tensor& x, const at::Tensor& columns, const at::Tensor& shift, const Window& w) {
  const int64_t channels = x.size(1), rows = channels * w.rows(), count = columns.size(1);
  const at::Tensor shifts = shift.reshape({-1, 1}).expand({-1, rows / shift.numel()}).contiguous();
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "add_columns", [&] {
    // Only read.
    scalar_t* samples = const_cast<scalar_t*>(columns.const_data_ptr<scalar_t>());
    const scalar_t* more = shifts.const_data_ptr<scalar_t>();
    Layout::with_source(x.mutable_data_ptr<scalar_t>(), x.sizes(), w, [&](auto make) {
      each_channels(channels, Layout::template together<scalar_t>(channels, w.rows() * count), make,
                    [&](auto& source, int64_t from, int64_t to) {
                      source.add(from, to, samples + from * w.rows() * count, [more](int64_t row) { return more[row]; });
                    });
    });
  });
}

}  // namespace ndbench
