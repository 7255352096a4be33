#include "symmetric.h"

#include "strips.h"

#include <algorithm>

namespace ndbench {
namespace {

// Rows of a panel, about: narrower ones skip more multiplications, and those that are left run slower.
constexpr int64_t PANEL = 96;

// On the CPU a product of matrices of at least so many rows is computed by panels; elsewhere one large kernel is faster than
// several small ones.
constexpr int64_t PANELS_FROM = 320;

// Rows of a panel of `out`; all of them where it has no panels.
int64_t panel_rows(const at::Tensor& out) {
  const int64_t n = out.size(-2);
  if (out.dim() == 3 || n < PANELS_FROM || !out.is_cpu()) return n;
  const int64_t panels = n / PANEL;
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

// out <- beta out + alpha left right, on the diagonal and below.
void accumulate_below(at::Tensor& out, const Factors& product, double beta, double alpha) {
  const int64_t n = out.size(-2), panel = panel_rows(out);
  for (int64_t low = 0; low < n; low += panel) {
    const int64_t high = std::min(n, low + panel);
    at::Tensor part = out.slice(-2, low, high).slice(-1, 0, high);
    accumulate(part, {product.left.slice(-2, low, high), product.right.slice(-1, 0, high)}, beta, alpha);
  }
}

at::Tensor empty_for(const Factors& product) {
  std::vector<int64_t> sizes = product.left.sizes().vec();
  sizes.back() = sizes[sizes.size() - 2];
  return at::empty(sizes, product.left.options());
}

}  // namespace

std::optional<at::Tensor> symmetric_at_once(Sum sum) {
  sum.symmetric = true;
  return are_strips(sum.products.front().left) ? sum_of_strips(sum) : by_kernel(sum);
}

at::Tensor symmetric_sum(Sum sum) {
  if (auto out = symmetric_at_once(sum)) return *out;
  at::Tensor out = sum.c.defined() ? sum.c.clone() : empty_for(sum.products.front());
  double kept = sum.c.defined() ? sum.beta : 0;
  for (const Factors& product : sum.products) {
    accumulate_below(out, product, kept, sum.alpha);
    kept = 1;
  }
  make_whole(out, sum.gamma);
  return out;
}

void add_below(at::Tensor& out, const Factors& product, double alpha) {
  const double kept = out.defined() ? 1 : 0;
  if (!out.defined()) out = empty_for(product);
  accumulate_below(out, product, kept, alpha);
}

void make_whole(at::Tensor& out, double ridge) {
  const int64_t n = out.size(-2), panel = panel_rows(out);
  for (int64_t low = 0; low + panel < n; low += panel) {
    const int64_t high = low + panel;
    out.slice(0, low, high).slice(1, high, n).copy_(out.slice(0, high, n).slice(1, low, high).t());
  }
  if (ridge != 0) out.diagonal(0, -2, -1).add_(ridge);
}

}  // namespace ndbench
