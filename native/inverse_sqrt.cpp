#include "inverse_sqrt.h"

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

// beta c + alpha a b, where that is symmetric; c may be undefined.
at::Tensor symmetric_product(const at::Tensor& a, const at::Tensor& b, const at::Tensor& c, double beta, double alpha) {
  const int64_t n = a.size(-2);
  if (a.dim() == 3) {
    return c.defined() ? at::baddbmm(c, a, b, beta, alpha) : alpha == 1 ? at::bmm(a, b) : at::bmm(a, b).mul_(alpha);
  }
  if (n < PANELS_FROM || !a.is_cpu()) {
    return c.defined() ? at::addmm(c, a, b, beta, alpha) : alpha == 1 ? at::mm(a, b) : at::mm(a, b).mul_(alpha);
  }
  at::Tensor out = at::empty({n, n}, a.options());
  const int64_t panel = panel_rows(n);
  for (int64_t low = 0; low < n; low += panel) {
    const int64_t high = std::min(n, low + panel);
    at::Tensor part = out.slice(0, low, high).slice(1, 0, high);
    if (c.defined()) part.copy_(c.slice(0, low, high).slice(1, 0, high));
    part.addmm_(a.slice(0, low, high), b.slice(1, 0, high), c.defined() ? beta : 0.0, alpha);
  }
  mirror(out, panel);
  return out;
}

at::Tensor symmetric_product(const at::Tensor& a, const at::Tensor& b) {
  return symmetric_product(a, b, at::Tensor(), 0, 1);
}

// a b + b a for symmetric a and b, or with more terms: w + w^T.
at::Tensor with_transpose(const at::Tensor& w) { return w + w.transpose(-2, -1); }

// w + alpha a b.
void accumulate(at::Tensor& w, const at::Tensor& a, const at::Tensor& b, double alpha) {
  if (w.dim() == 3) {
    w.baddbmm_(a, b, 1, alpha);
  } else {
    w.addmm_(a, b, 1, alpha);
  }
}

at::Tensor frobenius(const at::Tensor& a, const at::Tensor& b) { return (a * b).sum({-2, -1}, true); }

}  // namespace

at::Tensor covariance(const at::Tensor& x, double ridge) {
  const double scale = 1.0 / static_cast<double>(x.size(-1));
  at::Tensor a = symmetric_product(x, x.transpose(-2, -1), at::Tensor(), 0, scale);
  add_diagonal(a, ridge);
  return a;
}

at::Tensor inverse_sqrt(const at::Tensor& a, int64_t n_iter, at::ScalarType kind, Steps& steps) {
  const at::Tensor norm = a.square().sum({-2, -1}, true).sqrt();
  at::Tensor m = (a / norm).to(kind), z;
  std::vector<at::Tensor> kept{m, norm};
  for (int64_t left = n_iter; left > 0;) {
    if (left == 1) {
      at::Tensor t = m * -0.5;
      add_diagonal(t, 1.5);
      kept.insert(kept.end(), {z, t});
      z = z.defined() ? symmetric_product(z, t) : t;
      left = 0;
      continue;
    }
    at::Tensor r = symmetric_product(m, m, m, -4.5, 1);
    add_diagonal(r, 3.375);
    at::Tensor q = symmetric_product(r, r, m, -8.625 / 16, 1.0 / 16);
    add_diagonal(q, 24.609375 / 16);
    left -= 2;
    at::Tensor p, next;
    if (left > 0) {
      p = symmetric_product(q, q);
      next = symmetric_product(m, p);
    }
    kept.insert(kept.end(), {z, m, r, q, p});
    z = z.defined() ? symmetric_product(z, q) : q;
    m = next;
  }
  if (!z.defined()) z = at::eye(a.size(-1), m.options()).expand_as(a);
  kept.push_back(z);
  steps.kept = std::move(kept);
  return z.to(a.scalar_type()) / norm.sqrt();
}

at::Tensor inverse_sqrt_adjoint(const at::Tensor& gradient, int64_t n_iter, Steps& steps) {
  std::vector<at::Tensor>& kept = steps.kept;
  const auto take = [&kept] {
    at::Tensor last = std::move(kept.back());
    kept.pop_back();
    return last;
  };
  const at::Tensor norm = kept[1];
  const at::Tensor symmetric = with_transpose(gradient).mul_(0.5);
  // Result = z norm^(-1/2).
  const at::ScalarType kind = kept[0].scalar_type();
  const auto exact = [&](const at::Tensor& a) { return a.to(symmetric.scalar_type()); };
  at::Tensor d_norm = frobenius(symmetric, exact(take())) * norm.pow(-1.5) * -0.5;
  at::Tensor dz = (symmetric / norm.sqrt()).to(kind), dm;
  bool single = n_iter % 2 == 1;
  for (int64_t left = n_iter; left > 0;) {
    if (single) {
      const at::Tensor t = take(), z = take();
      dm = z.defined() ? with_transpose(at::matmul(dz, z)).mul_(-0.25) : dz * -0.5;
      if (z.defined()) dz = with_transpose(at::matmul(dz, t)).mul_(0.5);
      single = false;
      left -= 1;
      continue;
    }
    const at::Tensor p = take(), q = take(), r = take(), m = take(), z = take();
    // Twice the gradients of q and of the new m, without their transposes.
    at::Tensor wq = z.defined() ? at::matmul(dz, z) : dz;
    if (p.defined()) {
      const at::Tensor dp = with_transpose(at::matmul(dm, m)).mul_(0.5);
      if (!z.defined()) wq = wq.clone();
      accumulate(wq, dp, q, 2);
    }
    const at::Tensor dq = with_transpose(wq).mul_(0.5 / 16);
    const at::Tensor dr = with_transpose(at::matmul(dq, r));
    at::Tensor wm = at::matmul(dr, m).mul_(2);
    if (p.defined()) accumulate(wm, dm, p, 1);
    dm = with_transpose(wm).mul_(0.5).sub_(dr, 4.5).sub_(dq, 8.625);
    if (z.defined()) dz = with_transpose(at::matmul(dz, q)).mul_(0.5);
    left -= 2;
  }
  const at::Tensor m = exact(kept[0]);
  if (!dm.defined()) return m * d_norm;
  dm = exact(dm);
  // m = a / norm, and norm = |a|.
  d_norm = d_norm - frobenius(dm, m) / norm;
  return (dm / norm).add_(m * d_norm);
}

}  // namespace ndbench
