// The samples whose statistics a layer measures.
#pragma once
#include "patches.h"
#include "shim.h"

#include <vector>

namespace ndbench {

// How a layer's input becomes columns [F, n], or [groups, F, n] with several groups.
class Samples {
 public:
  explicit Samples(const ndb_samples& samples) : samples_(samples) {}

  // What `numbers` gave.
  explicit Samples(const std::vector<int64_t>& n) : samples_{n[0], n[1], n[2], n[3], n[4], n[5]} {}

  std::vector<int64_t> numbers() const;

  // The columns of x as numbers of a kind, less their mean [.., F, 1], which is measured first where it is undefined.
  at::Tensor centred(const at::Tensor& x, at::ScalarType kind, at::Tensor& mean) const;

  // The gradient of the columns, which is given up, and `shift` [.., F, 1], added to the gradient of the input, which is given up
  // too; undefined where there is none yet. The sum is of the columns' kind.
  at::Tensor add_back(at::Tensor dx, at::Tensor d_columns, const at::Tensor& shift, at::IntArrayRef sizes) const;

 private:
  bool are_windows() const { return samples_.kernel > 0; }
  Window window() const { return {samples_.kernel, samples_.stride, samples_.padding, samples_.dilation}; }

  ndb_samples samples_;
};

}  // namespace ndbench
