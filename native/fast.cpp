// Network deconvolution's statistics and weight transform with hand-written gradients.
#include "guarded.h"
#include "inverse_sqrt.h"
#include "moments.h"
#include "parts.h"
#include "product.h"
#include "samples.h"
#include "shim.h"

#include <torch/csrc/autograd/custom_function.h>

namespace {

using namespace ndbench;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What `body` gives; its time belongs to `part`.
template <typename Body>
auto in(ndb_part part, Body body) {
  const PartScope scope(part);
  return body();
}

// Samples of x and weight w [.., r, F] -> w D, (w D) mean [.., r, 1], mean [.., F, 1], D [.., F, F], x.
//
// D = C^(-1/2), or from a start S, where that is defined, D = (S C S^T)^(-1/2) S, which whitens too; S has no gradient.
//
// The last is x as the convolution should read it: then its gradient comes here, and that of the samples is added to it, a
// ninth of the pixels in most layers, instead of to a tensor of zeros that would be added as a whole.
//
// Of the samples nothing is kept: they are gathered again on the way back, from x, which the convolution keeps anyway.
//
// Everything is computed in the weight's numbers, of which x may be a rounded form.
struct Absorb : torch::autograd::Function<Absorb> {
  static variable_list forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                               const std::optional<at::Tensor>& from, const Samples& samples, double eps, int64_t n_iter,
                               bool bf16) {
    const at::Tensor start = from.value_or(at::Tensor());
    Moments moments(samples.count(x), eps);
    samples.each_part(x, [&](const at::Tensor& part) {
      at::Tensor mean;
      const at::Tensor columns = in(NDB_PART_SAMPLES, [&] { return samples.centred(part, weight.scalar_type(), mean); });
      in(NDB_PART_COVARIANCE, [&] { return moments.add(columns, mean); });
    });
    const at::Tensor mean = in(NDB_PART_SAMPLES, [&] { return moments.mean(); });
    const at::Tensor measured = in(NDB_PART_COVARIANCE, [&] { return moments.covariance(); });
    Steps steps;
    const at::ScalarType kind = bf16 ? at::kBFloat16 : measured.scalar_type();
    const at::Tensor deconv = in(NDB_PART_INVERSE_SQRT, [&] {
      if (!start.defined()) return inverse_sqrt(measured, n_iter, kind, steps);
      const at::Tensor seen = product(product(start, measured), start.transpose(-2, -1));
      return product(inverse_sqrt(seen, n_iter, kind, steps), start);
    });
    const at::Tensor absorbed = product(weight, deconv);
    const at::Tensor shift = product(absorbed, mean);
    variable_list saved{x, mean, deconv, weight, absorbed, start};
    // Nothing goes back through them to images that have no gradient.
    if (x.requires_grad()) saved.insert(saved.end(), steps.kept.begin(), steps.kept.end());
    context->save_for_backward(std::move(saved));
    context->saved_data["samples"] = samples.numbers();
    context->saved_data["n_iter"] = n_iter;
    context->mark_non_differentiable({mean, deconv});
    return {absorbed, shift, mean, deconv, x};
  }

  // By reference: of a copy the gradients would have two owners.
  static variable_list backward(AutogradContext* context, variable_list& gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "the fast operator has no gradients of gradients");
    variable_list saved = context->get_saved_variables();
    const at::Tensor x = saved[0], mean = saved[1], deconv = saved[2], weight = saved[3], absorbed = saved[4], start = saved[5];
    const at::Tensor d_shift = gradients[1];
    const at::Tensor d_absorbed = gradients[0] + product(d_shift, mean.transpose(-2, -1));
    at::Tensor dx, d_weight;
    if (context->needs_input_grad(1)) d_weight = product(d_absorbed, deconv.transpose(-2, -1));
    if (context->needs_input_grad(0)) {
      Steps steps;
      steps.kept.assign(saved.begin() + 6, saved.end());
      saved.clear();
      at::Tensor d_deconv = product(weight.transpose(-2, -1), d_absorbed);
      const int64_t n_iter = context->saved_data["n_iter"].toInt();
      at::Tensor d_covariance =
          in(NDB_PART_INVERSE_SQRT, [&] {
            if (!start.defined()) return inverse_sqrt_adjoint(std::move(d_deconv), n_iter, steps);
            const at::Tensor back = start.transpose(-2, -1);
            at::Tensor seen = product(std::exchange(d_deconv, {}), back);
            return product(product(back, inverse_sqrt_adjoint(std::move(seen), n_iter, steps)), start);
          });
      const Samples samples(context->saved_data["samples"].toIntVector());
      const double n = static_cast<double>(samples.count(x));
      const at::Tensor shift = product(absorbed.transpose(-2, -1), d_shift / n);
      // The mean's own share in the covariance vanishes: centred columns sum to zero.
      in(NDB_PART_COVARIANCE, [&] { d_covariance.mul_(2 / n); });
      const at::Tensor sum =
          in(NDB_PART_SAMPLES, [&] { return samples.to_add_to(std::move(gradients[4]), x, weight.scalar_type()); });
      samples.each_part(x, sum, [&](const at::Tensor& part, const at::Tensor& d_part) {
        at::Tensor of_mean = mean;
        at::Tensor columns = in(NDB_PART_SAMPLES, [&] { return samples.centred(part, weight.scalar_type(), of_mean); });
        at::Tensor d_columns = in(NDB_PART_COVARIANCE, [&] { return product(d_covariance, std::exchange(columns, {})); });
        in(NDB_PART_SAMPLES, [&] { samples.add_to(d_part, std::move(d_columns), shift); });
      });
      dx = in(NDB_PART_SAMPLES, [&] { return sum.to(x.scalar_type()); });
    }
    return {dx, d_weight, {}, {}, {}, {}, {}};
  }
};

}  // namespace

char* ndb_fast_absorb(const at::Tensor* x, const ndb_samples* samples, const at::Tensor* weight,
                      const at::Tensor* start, double eps, int64_t n_iter, bool bf16, at::Tensor** results) {
  return guarded([&] {
    const variable_list all = Absorb::apply(*x, *weight, start ? std::optional(*start) : std::nullopt, Samples(*samples), eps, n_iter, bf16);
    for (size_t i = 0; i < 5; ++i) results[i] = new at::Tensor(all[i]);
  });
}

char* ndb_fast_inverse_sqrt(const at::Tensor* a, const at::Tensor* gradient, int64_t n_iter, at::Tensor** results) {
  return guarded([&] {
    const c10::NoGradGuard no_grad;
    Steps steps;
    at::Tensor root = inverse_sqrt(*a, n_iter, a->scalar_type(), steps);
    results[1] = new at::Tensor(inverse_sqrt_adjoint(*gradient, n_iter, steps));
    results[0] = new at::Tensor(std::move(root));
  });
}
