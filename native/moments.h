// Mean and covariance of samples that come in parts.
//
// Each part is centred about its own mean, and what the means differ by is added at the end (T. Chan, G. Golub and R. LeVeque,
// "Algorithms for computing the sample variance", The American Statistician 37, 1983): no square is taken about a number far from
// the mean.
#pragma once
#include <ATen/ATen.h>

#include <vector>

namespace ndbench {

class Moments {
 public:
  // Of `count` samples in all; `ridge` is added to the covariance's diagonal.
  Moments(int64_t count, double ridge) : count_(count), ridge_(ridge) {}

  // Some of them, columns [.., F, n] less their mean [.., F, 1].
  void add(const at::Tensor& centred, const at::Tensor& mean);

  // Of all: the mean [.., F, 1] and the covariance [.., F, F].
  at::Tensor mean() const;
  at::Tensor covariance();

 private:
  int64_t count_;
  double ridge_;
  // Of the parts: means, which shares of the samples they have, and products, added.
  std::vector<at::Tensor> means_;
  std::vector<double> shares_;
  at::Tensor products_;
};

}  // namespace ndbench
