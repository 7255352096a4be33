#include "inverse_sqrt.h"
#include "strips.h"
#include "symmetric.h"

#include <utility>

namespace ndbench {
namespace {

at::Tensor with_transpose(const at::Tensor& w) { return w + w.transpose(-2, -1); }

// alpha (a b + b a + beta c) for symmetric matrices: of one product and its transpose, or of two of which half is needed.
at::Tensor derivative_of_square(const at::Tensor& a, const at::Tensor& b, const at::Tensor& c = {}, double beta = 0, double alpha = 1) {
  if (auto out = symmetric_at_once({{{a, b}, {b, a}}, c, alpha * beta, alpha})) return *out;
  at::Tensor out = with_transpose(at::matmul(a, b));
  if (c.defined()) out.add_(c, beta);
  return alpha == 1 ? out : out.mul_(alpha);
}

// beta c + gamma I.
at::Tensor shifted(const at::Tensor& c, double beta, double gamma) {
  if (are_strips(c)) return sum_of_strips({{}, c, beta, 1, gamma, true});
  at::Tensor out = c * beta;
  out.diagonal(0, -2, -1).add_(gamma);
  return out;
}

// For each matrix, of which those in strips have a dimension more.
at::Tensor frobenius(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor products = a * b;
  return are_strips(a) ? products.sum({-3, -2, -1}, true) : products.sum({-2, -1}, true);
}

// The derivative of the last z with respect to the first m in the direction `dm`: undefined where z does not depend on it. Takes
// all of `steps` but for the first m, its norm and the last z.
at::Tensor steps_derivative(at::Tensor dm, int64_t n_iter, Steps& steps) {
  auto next = steps.kept.begin() + 2;
  const auto take = [&next] { return std::move(*next++); };
  at::Tensor dz;
  for (int64_t left = n_iter; left > 0; left -= 2) {
    const at::Tensor z = take();
    if (left == 1) {
      const at::Tensor t = take(), dt = dm * -0.5;
      return z.defined() ? symmetric_sum({{{dz, t}, {z, dt}}}) : dt;
    }
    const at::Tensor m = take(), r = take(), q = take(), p = take();
    const at::Tensor dr = derivative_of_square(dm, m, dm, -4.5);
    const at::Tensor dq = derivative_of_square(dr, r, dm, -8.625, 1.0 / 16);
    if (p.defined()) {
      const at::Tensor dp = derivative_of_square(dq, q);
      dm = symmetric_sum({{{dm, p}, {m, dp}}});
    }
    dz = z.defined() ? symmetric_sum({{{dz, q}, {z, dq}}}) : dq;
  }
  return dz;
}

}  // namespace

at::Tensor inverse_sqrt(const at::Tensor& a, int64_t n_iter, at::ScalarType kind, Steps& steps) {
  const bool in_strips = n_iter > 0 && strips_pay(a, kind);
  at::Tensor m = in_strips ? to_strips(a) : a, z;
  const at::Tensor norm = frobenius(m, m).sqrt();
  m = (m / norm).to(kind);
  std::vector<at::Tensor> kept{m, norm};
  for (int64_t left = n_iter; left > 0;) {
    if (left == 1) {
      const at::Tensor t = shifted(m, -0.5, 1.5);
      kept.insert(kept.end(), {z, t});
      z = z.defined() ? symmetric_sum({{{z, t}}}) : t;
      left = 0;
      continue;
    }
    at::Tensor r = symmetric_sum({{{m, m}}, m, -4.5, 1, 3.375});
    at::Tensor q = symmetric_sum({{{r, r}}, m, -8.625 / 16, 1.0 / 16, 24.609375 / 16});
    left -= 2;
    at::Tensor p, next;
    if (left > 0) {
      p = symmetric_sum({{{q, q}}});
      next = symmetric_sum({{{m, p}}});
    }
    kept.insert(kept.end(), {z, m, r, q, p});
    z = z.defined() ? symmetric_sum({{{z, q}}}) : q;
    m = next;
  }
  if (!z.defined()) z = at::eye(a.size(-1), m.options()).expand_as(a);
  kept.push_back(z);
  steps.kept = std::move(kept);
  const at::Tensor root = z.to(a.scalar_type()) / norm.sqrt();
  return in_strips ? from_strips(root, a.sizes()) : root;
}

at::Tensor inverse_sqrt_adjoint(at::Tensor gradient, int64_t n_iter, Steps& steps) {
  const std::vector<at::Tensor>& kept = steps.kept;
  const at::Tensor norm = kept[1];
  const at::ScalarType own = gradient.scalar_type(), kind = kept[0].scalar_type();
  const auto exact = [&](const at::Tensor& a) { return a.to(own); };
  // From here on the symmetric part, at first twice, and what becomes of it.
  const std::vector<int64_t> sizes = gradient.sizes().vec();
  gradient = with_transpose(gradient);
  const bool in_strips = are_strips(kept[0]);
  if (in_strips) gradient = to_strips(gradient);
  // Result = z norm^(-1/2).
  at::Tensor d_norm = frobenius(gradient, exact(kept.back())) * norm.pow(-1.5) * -0.25;
  gradient.div_(norm.sqrt() * 2);
  at::Tensor direction = std::exchange(gradient, {}).to(kind);
  at::Tensor dm = steps_derivative(std::move(direction), n_iter, steps);
  const at::Tensor m = exact(kept[0]);
  if (!dm.defined()) return m * d_norm;
  dm = exact(dm);
  // m = a / norm, and norm = |a|.
  d_norm = d_norm - frobenius(dm, m) / norm;
  dm = (dm / norm).addcmul_(m, d_norm);
  return in_strips ? from_strips(dm, sizes) : dm;
}

}  // namespace ndbench
