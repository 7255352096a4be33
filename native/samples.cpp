#include "samples.h"

namespace ndbench {

std::vector<int64_t> Samples::numbers() const {
  const ndb_samples& s = samples_;
  return {s.kernel, s.stride, s.padding, s.dilation, s.groups, s.features};
}

at::Tensor Samples::columns(const at::Tensor& input, at::ScalarType kind) const {
  const at::Tensor x = input.to(kind);
  if (!are_windows()) return x;
  const at::Tensor columns = gather(x, window());
  if (samples_.groups > 1) return columns.view({samples_.groups, samples_.features, -1});
  return columns.view({samples_.features, -1});
}

at::Tensor Samples::centred(at::Tensor columns, const at::Tensor& mean) const {
  return are_windows() ? columns.sub_(mean) : columns - mean;
}

at::Tensor Samples::add_back(at::Tensor dx, at::Tensor d_columns, at::IntArrayRef sizes) const {
  // A conversion to the kind that it has would be a second reference.
  if (dx.defined() && dx.scalar_type() != d_columns.scalar_type()) dx = dx.to(d_columns.scalar_type());
  if (!are_windows()) return dx.defined() ? dx + d_columns : d_columns;
  if (!dx.defined()) dx = at::zeros(sizes, d_columns.options());
  // Blocks and groups are rows of the same columns.
  const int64_t rows = sizes[1] * samples_.kernel * samples_.kernel;
  return ndbench::add_back(std::move(dx), d_columns.contiguous().view({rows, -1}), window());
}

}  // namespace ndbench
