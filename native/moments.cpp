#include "moments.h"

#include "symmetric.h"

#include <cmath>

namespace ndbench {

void Moments::add(const at::Tensor& centred, const at::Tensor& mean) {
  const double count = static_cast<double>(count_);
  const Factors square{centred, centred.transpose(-2, -1)};
  means_.push_back(mean);
  shares_.push_back(static_cast<double>(centred.size(-1)) / count);
  if (centred.size(-1) == count_) {
    products_ = symmetric_sum({{square}, {}, 0, 1 / count, ridge_});
  } else {
    add_below(products_, square, 1 / count);
  }
}

at::Tensor Moments::mean() const {
  if (means_.size() == 1) return means_.front();
  at::Tensor sum = means_.front() * shares_.front();
  for (size_t i = 1; i < means_.size(); ++i) sum.add_(means_[i], shares_[i]);
  return sum;
}

at::Tensor Moments::covariance() {
  if (means_.size() == 1) return products_;
  at::Tensor between = at::cat(means_, -1).sub_(mean());
  for (size_t i = 0; i < shares_.size(); ++i) between.select(-1, static_cast<int64_t>(i)).mul_(std::sqrt(shares_[i]));
  add_below(products_, {between, between.transpose(-2, -1)}, 1);
  make_whole(products_, ridge_);
  return products_;
}

}  // namespace ndbench
