#include "samples.h"

namespace ndbench {

std::vector<int64_t> Samples::numbers() const {
  const ndb_samples& s = samples_;
  return {s.kernel, s.stride, s.padding, s.dilation, s.groups, s.features};
}

at::Tensor Samples::centred(const at::Tensor& input, at::ScalarType kind, at::Tensor& mean) const {
  const at::Tensor x = input.to(kind);
  if (!are_windows()) {
    if (!mean.defined()) mean = x.mean({-1}, true);
    return x - mean;
  }
  const at::Tensor columns = gather(x, window(), mean, samples_.groups * samples_.features);
  const auto shaped = [&](const at::Tensor& a) {
    return samples_.groups > 1 ? a.view({samples_.groups, samples_.features, -1}) : a.view({samples_.features, -1});
  };
  mean = shaped(mean);
  return shaped(columns);
}

at::Tensor Samples::add_back(at::Tensor dx, at::Tensor d_columns, const at::Tensor& shift, at::IntArrayRef sizes) const {
  // A conversion to the kind that it has would be a second reference.
  if (dx.defined() && dx.scalar_type() != d_columns.scalar_type()) dx = dx.to(d_columns.scalar_type());
  if (!are_windows()) {
    d_columns.add_(shift);
    return dx.defined() ? dx + d_columns : d_columns;
  }
  if (!dx.defined()) dx = at::zeros(sizes, d_columns.options());
  // Blocks and groups are rows of the same columns.
  const int64_t rows = sizes[1] * samples_.kernel * samples_.kernel;
  return ndbench::add_back(std::move(dx), d_columns.contiguous().view({rows, -1}), shift.flatten(), window());
}

}  // namespace ndbench
