// Sums of products of symmetric matrices in strips against double precision. What lies beside a matrix must stay as it is.
#include "../../native/tile.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>

namespace {

using namespace ndbench;

constexpr float UNTOUCHED = 12345.0f;

std::mt19937 random_numbers(1);

// A matrix of n rows in strips, between numbers that are no part of it.
class Strips {
 public:
  explicit Strips(int64_t n) : n_(n), strips_((n + STRIP - 1) / STRIP) {
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, sizeof(float) * (size() + 2 * STRIP))) std::exit(2);
    memory_.reset(static_cast<float*>(memory));
    for (int64_t i = 0; i < size() + 2 * STRIP; ++i) memory_[i] = UNTOUCHED;
  }

  static Strips symmetric(int64_t n) {
    Strips made(n);
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < made.size(); ++i) made.data()[i] = 0;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j <= i; ++j) made.at(i, j) = made.at(j, i) = normal(random_numbers);
    }
    return made;
  }

  float* data() const { return memory_.get() + STRIP; }
  float& at(int64_t i, int64_t j) const { return data()[(j / STRIP * n_ + i) * STRIP + j % STRIP]; }
  int64_t size() const { return strips_ * n_ * STRIP; }
  int64_t columns() const { return strips_ * STRIP; }

  bool is_alone() const {
    for (int64_t i = 0; i < STRIP; ++i) {
      if (memory_[i] != UNTOUCHED || data()[size() + i] != UNTOUCHED) return false;
    }
    return true;
  }

 private:
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };
  int64_t n_, strips_;
  std::unique_ptr<float[], Free> memory_;
};

void check(int64_t n, int64_t products, bool has_c, int64_t together) {
  // The result must be symmetric: of a square, or of a product and its transpose.
  const Strips a = Strips::symmetric(n), other = Strips::symmetric(n), c = Strips::symmetric(n), out(n);
  const Strips& b = products == 1 ? a : other;
  TilePart part{};
  part.products = products;
  part.left[0] = part.right[1] = a.data();
  part.right[0] = part.left[1] = b.data();
  part.c = has_c ? c.data() : nullptr;
  part.out = out.data();
  part.n = n;
  part.beta = -1.5f;
  part.alpha = 0.25f;
  part.gamma = 3;
  void* sums = nullptr;
  if (posix_memalign(&sums, 64, sizeof(float) * together * TILE_ROWS * TILE_COLUMNS)) std::exit(2);
  part.sums = static_cast<float*>(sums);
  const int64_t strips = out.columns() / STRIP;
  for (part.strip = 0; part.strip < strips; part.strip += TILE_STRIPS) {
    for (part.from = 2 * part.strip; part.from < 2 * strips; part.from = part.to) {
      part.to = part.from + together < 2 * strips ? part.from + together : 2 * strips;
      compute(part);
    }
  }
  std::free(sums);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < out.columns(); ++j) {
      double expected = 0, size = 1;
      for (int64_t p = 0; j < n && p < products; ++p) {
        const Strips &left = p == 0 ? a : b, &right = p == 0 ? b : a;
        for (int64_t k = 0; k < n; ++k) {
          const double product = 0.25 * left.at(i, k) * right.at(k, j);
          expected += product;
          size += std::fabs(product);
        }
      }
      if (j < n && has_c) expected -= 1.5 * c.at(i, j);
      if (i == j) expected += 3;
      const bool is_right = std::fabs(out.at(i, j) - expected) <= 1e-6 * size;
      const bool is_symmetric = j >= n || out.at(i, j) == out.at(j, i);
      if (is_right && is_symmetric && (j < n || out.at(i, j) == 0)) continue;
      std::printf("%ld rows, %ld products: (%ld, %ld) is %g instead of %g\n", n, products, i, j, out.at(i, j), expected);
      std::exit(1);
    }
  }
  if (out.is_alone()) return;
  std::printf("%ld rows, %ld products: wrote beside the matrix\n", n, products);
  std::exit(1);
}

}  // namespace

// How many matrices were checked; none on another processor.
int main() {
  int64_t checked = 0;
  for (int64_t n = 1; n <= 250 && __builtin_cpu_supports("avx512f"); n += n < 70 ? 1 : 13) {
    for (int64_t products = 0; products <= MOST_PRODUCTS; ++products) {
      for (const bool has_c : {false, true}) {
        check(n, products, has_c, n % 2 ? 24 : 5);
        ++checked;
      }
    }
  }
  std::printf("%ld\n", checked);
}
