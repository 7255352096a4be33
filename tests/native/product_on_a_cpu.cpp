// Runs the kernel of `native/product.cu` on a CPU: the threads of a block take turns, and what they ask of a GPU is done as its
// manual says. Compares every layout with products in double precision, and watches what is read and written.
#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#define __device__
#define __global__
#define __shared__ static
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(n)

namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::printf("%s\n", what);
  std::exit(1);
}

// Threads that take turns.
struct Index {
  unsigned x, y, z;
};
constexpr size_t STACK = 64 << 10;
struct Fiber {
  ucontext_t context;
  std::vector<char> stack = std::vector<char>(STACK);
  bool done = false;
  // Copies that have begun, by groups.
  std::vector<std::vector<std::function<void()>>> copies{{}};
};
std::vector<Fiber> fibers;
ucontext_t scheduler;
size_t current;
Index blockIdx, threadIdx;

void turn() { swapcontext(&fibers[current].context, &scheduler); }

// Threads that wait for one another.
struct Barrier {
  size_t members, waiting = 0, passed = 0;
  void wait() {
    const size_t round = passed;
    if (++waiting == members) {
      waiting = 0;
      ++passed;
    }
    while (passed == round) turn();
  }
};
Barrier block{0};
struct Warp {
  Barrier barrier{32};
  unsigned a[32][4], b[32][2];
};
std::vector<Warp> warps;

void __syncthreads() { block.wait(); }
unsigned __float_as_uint(float x) {
  unsigned bits;
  std::memcpy(&bits, &x, 4);
  return bits;
}
float __uint_as_float(unsigned bits) {
  float x;
  std::memcpy(&x, &bits, 4);
  return x;
}
using std::min;

// What may be read.
std::vector<const std::vector<float>*> readable;

void copy16(float* to, const float* from, bool inside) {
  require(reinterpret_cast<uintptr_t>(from) % 16 == 0 || !inside, "a copy from an address that is no multiple of 16");
  const auto holds = [from](const std::vector<float>* v) { return from >= v->data() && from + 4 <= v->data() + v->size(); };
  require(!inside || std::any_of(readable.begin(), readable.end(), holds), "a copy from outside");
  fibers[current].copies.back().push_back([=] {
    if (inside) std::copy(from, from + 4, to);
    else std::fill(to, to + 4, 0.0f);
  });
}

void end_of_copies() { fibers[current].copies.emplace_back(); }

// As late as a GPU may do it.
template <int LEFT>
void wait_for_copies() {
  auto& copies = fibers[current].copies;
  for (size_t group = 0; group + 1 + LEFT < copies.size(); ++group) {
    for (const auto& copy : copies[group]) copy();
    copies[group].clear();
  }
}

// The fragments of m16n8k8 for TF32, whose low 13 bits count for nothing.
void multiply_add(float* sum, const unsigned* a, const unsigned* b) {
  Warp& warp = warps[current / 32];
  const size_t lane = current % 32, group = lane / 4, member = lane % 4;
  std::copy(a, a + 4, warp.a[lane]);
  std::copy(b, b + 2, warp.b[lane]);
  warp.barrier.wait();
  const auto tf32 = [](unsigned bits) { return __uint_as_float(bits & 0xffffe000u); };
  for (size_t e = 0; e < 4; ++e) {
    const size_t row = group + e / 2 * 8, column = member * 2 + e % 2;
    for (size_t k = 0; k < 8; ++k) {
      sum[e] += tf32(warp.a[row % 8 * 4 + k % 4][row / 8 + k / 4 * 2]) * tf32(warp.b[column * 4 + k % 4][k / 4]);
    }
  }
  warp.barrier.wait();
}

#include "kernel.h"

using Kernel = void (*)(Product);
Kernel running;
Product given;

void launch(Kernel kernel, const Product& product, Index grid, size_t threads) {
  running = kernel;
  given = product;
  for (blockIdx.z = 0; blockIdx.z < grid.z; ++blockIdx.z)
    for (blockIdx.y = 0; blockIdx.y < grid.y; ++blockIdx.y)
      for (blockIdx.x = 0; blockIdx.x < grid.x; ++blockIdx.x) {
        fibers = std::vector<Fiber>(threads);
        warps = std::vector<Warp>(threads / 32);
        block = {threads};
        for (Fiber& fiber : fibers) {
          getcontext(&fiber.context);
          fiber.context.uc_stack = {fiber.stack.data(), 0, STACK};
          fiber.context.uc_link = nullptr;
          makecontext(&fiber.context, +[] {
            running(given);
            fibers[current].done = true;
            for (;;) turn();
          }, 0);
        }
        const auto done = [](const Fiber& fiber) { return fiber.done; };
        while (!std::all_of(fibers.begin(), fibers.end(), done))
          for (current = 0; current < threads; ++current) {
            threadIdx = {unsigned(current), 0, 0};
            if (!fibers[current].done) swapcontext(&scheduler, &fibers[current].context);
          }
      }
}

struct Case {
  const char* name;
  Kernel kernel;
  int rows, columns, threads;
  bool a_along_k, b_along_k;
};

// Room for `matrices` of `rows` by `across` with rows `apart` apart.
std::vector<float> noise(size_t count) {
  static std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  std::vector<float> numbers(count);
  for (float& x : numbers) x = normal(generator);
  return numbers;
}

struct Shape {
  int m, n, k, matrices, splits, terms;
  bool symmetric;
};

void compare(const Case& c, const Shape& s, bool exact) {
  const int extra = 4;  // between rows
  const int lda = (c.a_along_k ? s.k : s.m) + extra, ldb = (c.b_along_k ? s.k : s.n) + extra;
  const size_t size_a = size_t(lda) * (c.a_along_k ? s.m : s.k), size_b = size_t(ldb) * (c.b_along_k ? s.n : s.k);
  std::vector<float> a[2], b[2];
  readable.clear();
  for (int t = 0; t < s.terms; ++t) {
    a[t] = noise(size_a * s.matrices);
    b[t] = noise(size_b * s.matrices);
  }
  const auto index_a = [&](int matrix, int i, int k) { return matrix * size_a + (c.a_along_k ? size_t(i) * lda + k : size_t(k) * lda + i); };
  const auto index_b = [&](int matrix, int k, int j) { return matrix * size_b + (c.b_along_k ? size_t(j) * ldb + k : size_t(k) * ldb + j); };
  if (s.symmetric) {
    // a b + b^T a^T, the second from copies.
    for (int matrix = 0; matrix < s.matrices; ++matrix)
      for (int i = 0; i < s.m; ++i)
        for (int k = 0; k < s.k; ++k) {
          a[1][index_a(matrix, i, k)] = b[0][index_b(matrix, k, i)];
          b[1][index_b(matrix, k, i)] = a[0][index_a(matrix, i, k)];
        }
  }
  for (int t = 0; t < s.terms; ++t) readable.insert(readable.end(), {&a[t], &b[t]});
  std::vector<float> added = noise(size_t(s.m) * s.n * s.matrices);
  if (s.symmetric)
    for (int matrix = 0; matrix < s.matrices; ++matrix)
      for (int i = 0; i < s.m; ++i)
        for (int j = 0; j < i; ++j) added[(size_t(matrix) * s.m + j) * s.n + i] = added[(size_t(matrix) * s.m + i) * s.n + j];
  const size_t guard = 64, outs = size_t(s.m) * s.n * s.matrices * s.splits;
  std::vector<float> out(outs + 2 * guard, -7.0f);
  Product p{};
  for (int t = 0; t < s.terms; ++t) {
    p.a[t] = a[t].data();
    p.b[t] = b[t].data();
  }
  p.c = added.data();
  p.out = out.data() + guard;
  p.batch_a = size_a;
  p.batch_b = size_b;
  p.batch_c = p.batch_out = (long long)s.m * s.n;
  p.lda = lda, p.ldb = ldb, p.m = s.m, p.n = s.n, p.k = s.k;
  p.terms = s.terms, p.splits = s.splits, p.chunk = ((s.k + s.splits - 1) / s.splits + DEPTH - 1) / DEPTH * DEPTH;
  p.alpha = 0.5f, p.beta = -4.5f, p.gamma = 3.375f;
  p.symmetric = s.symmetric, p.exact = exact;
  const auto blocks = [](int length, int of) { return unsigned((length + of - 1) / of); };
  launch(c.kernel, p, {blocks(s.n, c.columns), blocks(s.m, c.rows), unsigned(s.matrices * s.splits)}, c.threads);
  for (size_t i = 0; i < guard; ++i) require(out[i] == -7.0f && out[guard + outs + i] == -7.0f, "written outside");
  double worst = 0, largest = 0;
  for (int matrix = 0; matrix < s.matrices; ++matrix)
    for (int i = 0; i < s.m; ++i)
      for (int j = 0; j < s.n; ++j) {
        double want = -4.5 * added[(size_t(matrix) * s.m + i) * s.n + j] + (i == j ? 3.375 : 0.0), got = 0;
        for (int t = 0; t < s.terms; ++t)
          for (int k = 0; k < s.k; ++k) want += 0.5 * double(a[t][index_a(matrix, i, k)]) * b[t][index_b(matrix, k, j)];
        for (int part = 0; part < s.splits; ++part)
          got += out[guard + (size_t(matrix * s.splits + part) * s.m + i) * s.n + j];
        if (s.symmetric) {
          const float mirrored = out[guard + (size_t(matrix) * s.m + j) * s.n + i];
          require(s.splits > 1 || float(got) == mirrored, "not symmetric");
        }
        worst = std::max(worst, std::abs(got - want));
        largest = std::max(largest, std::abs(want));
      }
  const double error = worst / largest;
  if (!(error < (exact ? 1e-6 : 2e-3)) || (!exact && error < 1e-6)) {
    std::printf("%s %d x %d x %d, %d matrices, %d splits, %d terms%s%s: error %g\n", c.name, s.m, s.n, s.k, s.matrices, s.splits, s.terms,
                s.symmetric ? ", symmetric" : "", exact ? "" : ", one part", error);
    std::exit(1);
  }
}

// What is no number stays none.
void keep_nan(const Case& c, bool exact) {
  std::vector<float> a(64 * 64, 1.0f), b(64 * 64, 1.0f), out(64 * 64, 0.0f);
  a[5 * 65] = __uint_as_float(0x7fffffffu);
  readable = {&a, &b};
  Product p{};
  p.a[0] = a.data(), p.b[0] = b.data(), p.out = out.data();
  p.lda = p.ldb = p.m = p.n = p.k = p.chunk = 64;
  p.terms = p.splits = 1, p.alpha = 1, p.exact = exact;
  launch(c.kernel, p, {unsigned(64 / c.columns), unsigned((64 + c.rows - 1) / c.rows), 1}, c.threads);
  for (int i = 0; i < 64; ++i)
    for (int j = 0; j < 64; ++j) require(std::isnan(out[i * 64 + j]) == (i == 5), "not a number became one, or the other way round");
}

}  // namespace

int main() {
  const Case cases[] = {
      {"small_nn", small_nn, 64, 32, 128, true, false}, {"small_nt", small_nt, 64, 32, 128, true, true},
      {"small_tn", small_tn, 64, 32, 128, false, false}, {"large_nn", large_nn, 128, 64, 256, true, false},
      {"large_nt", large_nt, 128, 64, 256, true, true}, {"large_tn", large_tn, 128, 64, 256, false, false},
  };
  const Shape shapes[] = {
      {64, 32, 16, 1, 1, 1, false}, {132, 68, 36, 1, 1, 2, false}, {20, 8, 4, 3, 1, 1, false},
      {36, 100, 200, 1, 3, 1, false}, {12, 12, 148, 2, 2, 1, false}, {100, 100, 100, 1, 1, 2, true},
      {140, 140, 52, 2, 1, 2, true},
  };
  for (const Case& c : cases)
    for (const Shape& s : shapes) {
      compare(c, s, true);
      compare(c, s, false);
    }
  for (const bool exact : {false, true}) keep_nan(cases[0], exact);
  std::printf("as in double precision\n");
}
