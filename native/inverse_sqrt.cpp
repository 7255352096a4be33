#include "inverse_sqrt.h"
#include "product.h"
#include "strips.h"

#include <utility>

namespace ndbench {
namespace {

// Rows of a panel, about: fewer save more multiplications, which then run slower.
constexpr int64_t PANEL = 160;

// On the CPU a product of matrices of at least so many rows is computed by panels; elsewhere one large kernel is faster than
// several small ones.
constexpr int64_t PANELS_FROM = 2 * PANEL;

void add_diagonal(const at::Tensor& a, double value) { a.diagonal(0, -2, -1).add_(value); }

// Fills what lies above the panels on the diagonal from below them.
void mirror(const at::Tensor& c, int64_t panel) {
  const int64_t n = c.size(0);
  for (int64_t low = 0; low + panel < n; low += panel) {
    const int64_t high = low + panel;
    c.slice(0, low, high).slice(1, high, n).copy_(c.slice(0, high, n).slice(1, low, high).t());
  }
}

int64_t panel_rows(int64_t n) {
  const int64_t panels = std::max<int64_t>(1, n / PANEL);
  return (n + panels - 1) / panels;
}

// out <- beta out + alpha left right.
void accumulate(at::Tensor& out, const Factors& product, double beta, double alpha) {
  if (out.dim() == 3) {
    out.baddbmm_(product.left, product.right, beta, alpha);
  } else {
    out.addmm_(product.left, product.right, beta, alpha);
  }
}

// By loops or a kernel of our own, with all that stands around the products.
std::optional<at::Tensor> at_once(const Sum& sum) {
  return are_strips(sum.products.front().left) ? sum_of_strips(sum) : by_kernel(sum);
}

// A sum of symmetric matrices whose result is symmetric; else by panels on the CPU.
at::Tensor symmetric_sum(Sum sum) {
  sum.symmetric = true;
  if (auto out = at_once(sum)) return *out;
  const at::Tensor& first = sum.products.front().left;
  const int64_t n = first.size(-2);
  std::vector<int64_t> sizes = first.sizes().vec();
  sizes.back() = n;
  at::Tensor out = at::empty(sizes, first.options());
  const bool is_whole = first.dim() == 3 || n < PANELS_FROM || !first.is_cpu();
  const int64_t panel = is_whole ? n : panel_rows(n);
  for (int64_t low = 0; low < n; low += panel) {
    const int64_t high = std::min(n, low + panel);
    const auto rows = [&](const at::Tensor& a) { return a.slice(-2, low, high); };
    const auto columns = [&](const at::Tensor& a) { return a.slice(-1, 0, high); };
    at::Tensor part = columns(rows(out));
    if (sum.c.defined()) part.copy_(columns(rows(sum.c)));
    double kept = sum.c.defined() ? sum.beta : 0.0;
    for (const Factors& product : sum.products) {
      accumulate(part, {rows(product.left), columns(product.right)}, kept, sum.alpha);
      kept = 1;
    }
  }
  if (!is_whole) mirror(out, panel);
  if (sum.gamma != 0) add_diagonal(out, sum.gamma);
  return out;
}

at::Tensor with_transpose(const at::Tensor& w) { return w + w.transpose(-2, -1); }

// alpha (a b + b a + beta c) for symmetric matrices: of one product and its transpose, or of two of which half is needed.
at::Tensor derivative_of_square(const at::Tensor& a, const at::Tensor& b, const at::Tensor& c = {}, double beta = 0, double alpha = 1) {
  if (auto out = at_once({{{a, b}, {b, a}}, c, alpha * beta, alpha, 0, true})) return *out;
  at::Tensor out = with_transpose(at::matmul(a, b));
  if (c.defined()) out.add_(c, beta);
  return alpha == 1 ? out : out.mul_(alpha);
}

// beta c + gamma I.
at::Tensor shifted(const at::Tensor& c, double beta, double gamma) {
  if (are_strips(c)) return sum_of_strips({{}, c, beta, 1, gamma, true});
  at::Tensor out = c * beta;
  add_diagonal(out, gamma);
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

at::Tensor covariance(const at::Tensor& x, double ridge) {
  const double scale = 1.0 / static_cast<double>(x.size(-1));
  return symmetric_sum({{{x, x.transpose(-2, -1)}}, {}, 0, scale, ridge});
}

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
  // From here on the symmetric part, and what becomes of it.
  const std::vector<int64_t> sizes = gradient.sizes().vec();
  gradient = with_transpose(gradient).mul_(0.5);
  const bool in_strips = are_strips(kept[0]);
  if (in_strips) gradient = to_strips(gradient);
  // Result = z norm^(-1/2).
  at::Tensor d_norm = frobenius(gradient, exact(kept.back())) * norm.pow(-1.5) * -0.5;
  gradient.div_(norm.sqrt());
  at::Tensor direction = std::exchange(gradient, {}).to(kind);
  at::Tensor dm = steps_derivative(std::move(direction), n_iter, steps);
  const at::Tensor m = exact(kept[0]);
  if (!dm.defined()) return m * d_norm;
  dm = exact(dm);
  // m = a / norm, and norm = |a|.
  d_norm = d_norm - frobenius(dm, m) / norm;
  dm = (dm / norm).add_(m * d_norm);
  return in_strips ? from_strips(dm, sizes) : dm;
}

}  // namespace ndbench
