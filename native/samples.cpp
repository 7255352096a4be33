#include "samples.h"

namespace ndbench {

std::vector<int64_t> Samples::numbers() const {
  const ndb_samples& s = samples_;
  return {s.kernel, s.stride, s.padding, s.dilation, s.groups, s.features};
}

int64_t Samples::count(const at::Tensor& x) const {
  if (!are_windows()) return x.size(-1);
  TORCH_CHECK(x.numel() > 0, "there is no pixel to sample in images of ", x.sizes());
  // Blocks of channels share their covariance, groups do not.
  const int64_t blocks = x.size(1) * window().rows() / (samples_.groups * samples_.features);
  return blocks * window().columns(x.sizes());
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

at::Tensor Samples::to_add_to(at::Tensor given, const at::Tensor& x, at::ScalarType kind) const {
  if (!given.defined()) return at::zeros(x.sizes(), x.options().dtype(kind));
  if (given.scalar_type() != kind) return given.to(kind);
  // The engine hands the only reference to a gradient over; someone who kept another must not see it change.
  return given.use_count() > 1 ? given.clone() : given;
}

void Samples::add_to(at::Tensor dx, at::Tensor d_columns, const at::Tensor& shift) const {
  if (!are_windows()) {
    dx.add_(d_columns).add_(shift);
    return;
  }
  // Blocks and groups are rows of the same columns.
  const int64_t rows = dx.size(1) * window().rows();
  ndbench::add_to(dx, d_columns.contiguous().view({rows, -1}), shift.flatten(), window());
}

}  // namespace ndbench
