// Network deconvolution's statistics and weight transform with hand-written gradients.
#include "guarded.h"
#include "inverse_sqrt.h"
#include "patches.h"
#include "shim.h"

#include <torch/csrc/autograd/custom_function.h>

namespace {

using namespace ndbench;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// x [N, C, H, W] -> columns; see `gather`.
struct Gather : torch::autograd::Function<Gather> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, int64_t kernel, int64_t stride,
                            int64_t padding, int64_t dilation) {
    context->saved_data["window"] = std::vector<int64_t>{kernel, stride, padding, dilation};
    context->saved_data["sizes"] = x.sizes().vec();
    return gather(x, {kernel, stride, padding, dilation});
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto w = context->saved_data["window"].toIntVector();
    const auto sizes = context->saved_data["sizes"].toIntVector();
    const Window window{w[0], w[1], w[2], w[3]};
    return {scatter(gradients[0].contiguous(), sizes, window), {}, {}, {}, {}};
  }
};

// Columns x [.., F, n] and weight w [.., r, F] -> w D, (w D) mean [.., r, 1], mean [.., F, 1], D [.., F, F].
struct Absorb : torch::autograd::Function<Absorb> {
  static variable_list forward(AutogradContext* context, const at::Tensor& columns, const at::Tensor& weight,
                               double eps, int64_t n_iter) {
    const at::Tensor mean = columns.mean({-1}, true);
    const at::Tensor centred = columns - mean;
    Steps steps;
    const at::Tensor deconv = inverse_sqrt(covariance(centred, eps), n_iter, steps);
    const at::Tensor absorbed = at::matmul(weight, deconv);
    const at::Tensor shift = at::matmul(absorbed, mean);
    variable_list saved{centred, mean, deconv, weight, absorbed};
    saved.insert(saved.end(), steps.kept.begin(), steps.kept.end());
    context->save_for_backward(std::move(saved));
    context->saved_data["n_iter"] = n_iter;
    context->mark_non_differentiable({mean, deconv});
    return {absorbed, shift, mean, deconv};
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    variable_list saved = context->get_saved_variables();
    const at::Tensor centred = saved[0], mean = saved[1], deconv = saved[2], weight = saved[3], absorbed = saved[4];
    const at::Tensor d_shift = gradients[1];
    const at::Tensor d_absorbed = gradients[0] + at::matmul(d_shift, mean.transpose(-2, -1));
    at::Tensor d_columns, d_weight;
    if (context->needs_input_grad(1)) d_weight = at::matmul(d_absorbed, deconv);
    if (context->needs_input_grad(0)) {
      Steps steps;
      steps.kept.assign(saved.begin() + 5, saved.end());
      saved.clear();
      const at::Tensor d_deconv = at::matmul(weight.transpose(-2, -1), d_absorbed);
      const double n = static_cast<double>(centred.size(-1));
      const int64_t n_iter = context->saved_data["n_iter"].toInt();
      const at::Tensor d_covariance = inverse_sqrt_adjoint(d_deconv, n_iter, steps).mul_(2 / n);
      // The mean's own share in the covariance vanishes: centred columns sum to zero.
      const at::Tensor d_mean = at::matmul(absorbed.transpose(-2, -1), d_shift);
      d_columns = at::matmul(d_covariance, centred).add_(d_mean, 1 / n);
    }
    return {d_columns, d_weight, {}, {}};
  }
};

}  // namespace

char* ndb_fast_gather(const at::Tensor* x, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation,
                      at::Tensor** columns) {
  return guarded([&] { *columns = new at::Tensor(Gather::apply(*x, kernel, stride, padding, dilation)); });
}

char* ndb_fast_absorb(const at::Tensor* columns, const at::Tensor* weight, double eps, int64_t n_iter,
                      at::Tensor** results) {
  return guarded([&] {
    const variable_list all = Absorb::apply(*columns, *weight, eps, n_iter);
    for (size_t i = 0; i < 4; ++i) results[i] = new at::Tensor(all[i]);
  });
}
