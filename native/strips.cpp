#include "strips.h"

#include "tile.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/alignment.h>

#include <algorithm>
#include <atomic>

namespace ndbench {
namespace {

// Tiles, one below the other, that one thread computes at a time.
constexpr int64_t TOGETHER = 24;

// Multiplications that are too few to wake another thread for.
constexpr int64_t TO_A_THREAD = 1 << 20;

// What libtorch found on this processor, or was told to use of it.
bool has_avx512() {
#ifdef __x86_64__
  static const bool has = at::get_cpu_capability() == "AVX512";
  return has;
#else
  return false;
#endif
}

// Elsewhere nothing is laid in strips.
void compute_here([[maybe_unused]] const TilePart& part) {
#ifdef __x86_64__
  compute(part);
#endif
}

int64_t strips_of(int64_t n) { return (n + STRIP - 1) / STRIP; }

// Tiles read and write whole lines of the cache.
static_assert(c10::gAlignment >= 64);

// Where matrix `index` begins.
const float* numbers(const at::Tensor& strips, int64_t index) {
  return strips.const_data_ptr<float>() + index * strips.size(1) * strips.size(2) * STRIP;
}

// The parts of a sum, and how many parts a matrix has.
std::vector<TilePart> parts_of(const Sum& sum, at::Tensor& out) {
  const int64_t rows = 2 * out.size(1);
  TilePart part{};
  part.products = static_cast<int64_t>(sum.products.size());
  part.n = out.size(2);
  part.beta = static_cast<float>(sum.beta);
  part.alpha = static_cast<float>(sum.alpha);
  part.gamma = static_cast<float>(sum.gamma);
  std::vector<TilePart> parts;
  for (int64_t matrix = 0; matrix < out.size(0); ++matrix) {
    for (int64_t p = 0; p < part.products; ++p) {
      part.left[p] = numbers(sum.products[p].left, matrix);
      part.right[p] = numbers(sum.products[p].right, matrix);
    }
    part.c = sum.c.defined() ? numbers(sum.c, matrix) : nullptr;
    part.out = out.mutable_data_ptr<float>() + matrix * out.stride(0);
    for (part.strip = 0; part.strip < out.size(1); part.strip += TILE_STRIPS) {
      for (part.from = 2 * part.strip; part.from < rows; part.from = part.to) {
        part.to = std::min(rows, part.from + TOGETHER);
        parts.push_back(part);
      }
    }
  }
  return parts;
}

}  // namespace

bool are_strips(const at::Tensor& a) { return a.dim() == 4; }

bool strips_pay(const at::Tensor& a, at::ScalarType kind) {
  return a.is_cpu() && a.dim() == 2 && a.scalar_type() == at::kFloat && kind == at::kFloat && a.numel() > 0 && has_avx512();
}

at::Tensor to_strips(const at::Tensor& a) {
  const int64_t n = a.size(-1), strips = strips_of(n);
  const at::Tensor whole = strips * STRIP == n ? a : at::constant_pad_nd(a, {0, strips * STRIP - n});
  const at::Tensor rows = whole.reshape({-1, n, strips, STRIP});
  // Memory of its own: it begins at a line of the cache.
  return at::empty({rows.size(0), strips, n, STRIP}, a.options()).copy_(rows.transpose(1, 2));
}

at::Tensor from_strips(const at::Tensor& strips, at::IntArrayRef sizes) {
  const at::Tensor whole = strips.transpose(1, 2).flatten(2);
  return whole.slice(-1, 0, sizes.back()).reshape(sizes);
}

at::Tensor sum_of_strips(const Sum& sum) {
  const at::Tensor& like = sum.products.empty() ? sum.c : sum.products.front().left;
  at::Tensor out = at::empty(like.sizes(), like.options());
  const std::vector<TilePart> parts = parts_of(sum, out);
  const int64_t count = static_cast<int64_t>(parts.size()), n = out.size(2);
  const int64_t multiplications = out.size(0) * n * n * n * static_cast<int64_t>(sum.products.size());
  const int64_t threads = std::clamp<int64_t>(multiplications / TO_A_THREAD, 1, std::min<int64_t>(count, at::get_num_threads()));
  std::atomic<int64_t> next{0};
  // Long parts come first; whoever is free takes the next.
  at::parallel_for(0, threads, 1, [&](int64_t, int64_t) {
    alignas(64) float sums[TOGETHER * TILE_ROWS * TILE_COLUMNS];
    for (int64_t taken; (taken = next++) < count;) {
      TilePart part = parts[taken];
      part.sums = sums;
      compute_here(part);
    }
  });
  return out;
}

}  // namespace ndbench
