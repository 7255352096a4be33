// The samples whose statistics a layer measures.
#pragma once
#include "patches.h"
#include "shim.h"

#include <algorithm>
#include <vector>

namespace ndbench {

// How a layer's input becomes columns [F, n], or [groups, F, n] with several groups.
class Samples {
 public:
  explicit Samples(const ndb_samples& samples) : samples_(samples) {}

  // What `numbers` gave.
  explicit Samples(const std::vector<int64_t>& n) : samples_{n[0], n[1], n[2], n[3], n[4], n[5]} {}

  std::vector<int64_t> numbers() const;

  // How many columns x has.
  int64_t count(const at::Tensor& x) const;

  // Calls `visit(some of x)` until all samples were seen.
  template <typename Visit>
  void each_part(const at::Tensor& x, Visit visit) const {
    each_part(x, x, [&](const at::Tensor& part, const at::Tensor&) { visit(part); });
  }

  // The same with a tensor beside x, whose first dimension is images too.
  template <typename Visit>
  void each_part(const at::Tensor& x, const at::Tensor& y, Visit visit) const {
    if (!are_windows()) return visit(x, y);
    const int64_t images = x.size(0), at_once = images_at_once(x, window());
    for (int64_t from = 0; from < images; from += at_once) {
      const int64_t some = std::min(at_once, images - from);
      visit(x.narrow(0, from, some), y.narrow(0, from, some));
    }
  }

  // The columns of x as numbers of a kind, less their mean [.., F, 1], which is measured first where it is undefined.
  at::Tensor centred(const at::Tensor& x, at::ScalarType kind, at::Tensor& mean) const;

  // A gradient of x in numbers of a kind, to which those of samples can be added: what `given` has, which is given up, or zeros
  // where that is undefined.
  at::Tensor to_add_to(at::Tensor given, const at::Tensor& x, at::ScalarType kind) const;

  // Adds to a gradient that of columns, which is given up, and `shift` [.., F, 1].
  void add_to(at::Tensor dx, at::Tensor d_columns, const at::Tensor& shift) const;

 private:
  bool are_windows() const { return samples_.kernel > 0; }
  Window window() const { return {samples_.kernel, samples_.stride, samples_.padding, samples_.dilation}; }

  ndb_samples samples_;
};

}  // namespace ndbench
