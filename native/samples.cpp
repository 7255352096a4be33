#include "samples.h"

namespace ndbench {

std::vector<int64_t> Samples::numbers() const {
  const ndb_samples& s = samples_;
  return {s.kernel, s.stride, s.padding, s.dilation, s.groups, s.features};
}

at::Tensor Samples::columns(const at::Tensor& x) const {
  if (!are_windows()) return x;
  const at::Tensor columns = gather(x, window());
  if (samples_.groups > 1) return columns.view({samples_.groups, samples_.features, -1});
  return columns.view({samples_.features, -1});
}

at::Tensor Samples::centred(at::Tensor columns, const at::Tensor& mean) const {
  return are_windows() ? columns.sub_(mean) : columns - mean;
}

at::Tensor Samples::gradient(const at::Tensor& d_columns, at::IntArrayRef sizes) const {
  return are_windows() ? scatter(d_columns.contiguous(), sizes, window()) : d_columns;
}

}  // namespace ndbench
