R"cuda(
// Products of matrices in single precision on tensor cores: each number is split into two of TF32, of 11 bits each, and three
// of the four products of the parts are added up in float32; the fourth is below its last digit. Where TF32 is allowed, the
// first parts alone.

// out = alpha (a0 b0 + a1 b1) + beta c + gamma I, matrices of `batch`, and the sums over k in `splits` parts, each with an out of
// its own. Numbers of a row (or, the other way round, of a column) lie side by side; rows begin at multiples of 16 bytes.
struct Product {
  const float* a[2];
  const float* b[2];
  const float* c;
  float* out;
  long long batch_a, batch_b, batch_c, batch_out;
  int lda, ldb, m, n, k;
  int terms, splits, chunk;
  float alpha, beta, gamma;
  int symmetric, exact;
};

constexpr int DEPTH = 16, STAGES = 3;

#ifdef __CUDACC__
// Begins to copy 16 bytes, or zeros where they are outside.
__device__ void copy16(float* to, const float* from, bool inside) {
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(from), "r"(inside ? 16 : 0));
}

// The copies since the last call belong together.
__device__ void end_of_copies() { asm volatile("cp.async.commit_group;"); }

// Waits for all copies but those of the last `LEFT` groups.
template <int LEFT>
__device__ void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(LEFT));
}

// A warp adds the product of 16 by 8 and 8 by 8 numbers; each of its threads holds some of each.
__device__ void multiply_add(float* sum, const unsigned* a, const unsigned* b) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#endif

// A piece of an operand, ROWS by DEPTH. ALONG_K: numbers of one row lie side by side, else those of one k.
template <int ROWS, bool ALONG_K>
struct Piece {
  static constexpr int STRIDE = ALONG_K ? DEPTH + 4 : ROWS + 8;
  static constexpr int SIZE = STRIDE * (ALONG_K ? ROWS : DEPTH);

  __device__ static void load(float* piece, const float* from, int ld, int row0, int rows, int k0, int k_end, int thread,
                              int threads) {
    constexpr int ACROSS = (ALONG_K ? DEPTH : ROWS) / 4, CHUNKS = ROWS * DEPTH / 4;
    for (int i = thread; i < CHUNKS; i += threads) {
      const int down = i / ACROSS, across = i % ACROSS * 4;
      const int row = row0 + (ALONG_K ? down : across), k = k0 + (ALONG_K ? across : down);
      const bool inside = row < rows && k < k_end;
      const long long offset = ALONG_K ? static_cast<long long>(row) * ld + k : static_cast<long long>(k) * ld + row;
      copy16(piece + down * STRIDE + across, from + (inside ? offset : 0), inside);
    }
  }

  __device__ static float at(const float* piece, int row, int k) {
    return ALONG_K ? piece[row * STRIDE + k] : piece[k * STRIDE + row];
  }
};

struct Parts {
  unsigned high, low;
};

__device__ Parts split(float x) {
  const unsigned bits = __float_as_uint(x);
  // Rounding would make a number of what is none.
  const bool is_finite = (bits & 0x7f800000u) != 0x7f800000u;
  const unsigned high = is_finite ? (bits + 0x1000u) & 0xffffe000u : bits;
  return {high, __float_as_uint(x - __uint_as_float(high))};
}

// A block of threads computes BM by BN, each warp WM by WN of it.
template <int BM, int BN, int WM, int WN, bool A_ALONG_K, bool B_ALONG_K>
__device__ void compute(const Product& p) {
  using A = Piece<BM, A_ALONG_K>;
  using B = Piece<BN, B_ALONG_K>;
  constexpr int THREADS = BM / WM * (BN / WN) * 32, TILES_M = WM / 16, TILES_N = WN / 8;
  __shared__ __align__(16) float pieces[STAGES][A::SIZE + B::SIZE];

  const int m0 = blockIdx.y * BM, n0 = blockIdx.x * BN;
  if (p.symmetric && n0 >= m0 + BM) return;
  const int matrix = blockIdx.z / p.splits, part = blockIdx.z % p.splits;
  const int k_first = part * p.chunk, k_end = min(p.k, k_first + p.chunk);
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
  const int warp_m = warp / (BN / WN) * WM, warp_n = warp % (BN / WN) * WN;
  const int group = lane / 4, member = lane % 4;
  const int per_term = (k_end - k_first + DEPTH - 1) / DEPTH, steps = per_term * p.terms;

  const auto load = [&](int step) {
    if (step < steps) {
      const int term = step / per_term, k0 = k_first + step % per_term * DEPTH;
      float* to = pieces[step % STAGES];
      A::load(to, p.a[term] + matrix * p.batch_a, p.lda, m0, p.m, k0, k_end, thread, THREADS);
      B::load(to + A::SIZE, p.b[term] + matrix * p.batch_b, p.ldb, n0, p.n, k0, k_end, thread, THREADS);
    }
    end_of_copies();
  };

  float sums[TILES_M][TILES_N][4] = {};
  for (int step = 0; step < STAGES - 1; ++step) load(step);
  for (int step = 0; step < steps; ++step) {
    wait_for_copies<STAGES - 2>();
    __syncthreads();
    load(step + STAGES - 1);
    const float* a_piece = pieces[step % STAGES];
    const float* b_piece = a_piece + A::SIZE;
#pragma unroll
    for (int k = 0; k < DEPTH; k += 8) {
      unsigned a_high[TILES_M][4], a_low[TILES_M][4], b_high[TILES_N][2], b_low[TILES_N][2];
#pragma unroll
      for (int i = 0; i < TILES_M; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          const int row = warp_m + i * 16 + group + j % 2 * 8;
          const Parts parts = split(A::at(a_piece, row, k + member + j / 2 * 4));
          a_high[i][j] = parts.high;
          a_low[i][j] = parts.low;
        }
      }
#pragma unroll
      for (int i = 0; i < TILES_N; ++i) {
#pragma unroll
        for (int j = 0; j < 2; ++j) {
          const Parts parts = split(B::at(b_piece, warp_n + i * 8 + group, k + member + j * 4));
          b_high[i][j] = parts.high;
          b_low[i][j] = parts.low;
        }
      }
      if (p.exact) {
#pragma unroll
        for (int i = 0; i < TILES_M; ++i)
#pragma unroll
          for (int j = 0; j < TILES_N; ++j) multiply_add(sums[i][j], a_low[i], b_high[j]);
#pragma unroll
        for (int i = 0; i < TILES_M; ++i)
#pragma unroll
          for (int j = 0; j < TILES_N; ++j) multiply_add(sums[i][j], a_high[i], b_low[j]);
      }
#pragma unroll
      for (int i = 0; i < TILES_M; ++i)
#pragma unroll
        for (int j = 0; j < TILES_N; ++j) multiply_add(sums[i][j], a_high[i], b_high[j]);
    }
  }

  float* out = p.out + blockIdx.z * p.batch_out;
  const bool first = part == 0;
  const float* c = first && p.c ? p.c + matrix * p.batch_c : nullptr;
#pragma unroll
  for (int i = 0; i < TILES_M; ++i) {
#pragma unroll
    for (int j = 0; j < TILES_N; ++j) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int row = m0 + warp_m + i * 16 + group + e / 2 * 8, column = n0 + warp_n + j * 8 + member * 2 + e % 2;
        if (row >= p.m || column >= p.n || (p.symmetric && column > row)) continue;
        float value = p.alpha * sums[i][j][e];
        if (c) value += p.beta * c[static_cast<long long>(row) * p.n + column];
        if (first && row == column) value += p.gamma;
        out[static_cast<long long>(row) * p.n + column] = value;
        if (p.symmetric && column < row) out[static_cast<long long>(column) * p.n + row] = value;
      }
    }
  }
}

#define KERNEL(name, BM, BN, WM, WN, A_ALONG_K, B_ALONG_K)                                            \
  extern "C" __global__ void __launch_bounds__(BM / WM * (BN / WN) * 32) name(const Product product) { \
    compute<BM, BN, WM, WN, A_ALONG_K, B_ALONG_K>(product);                                           \
  }

KERNEL(small_nn, 64, 32, 32, 16, true, false)
KERNEL(small_nt, 64, 32, 32, 16, true, true)
KERNEL(small_tn, 64, 32, 32, 16, false, false)
KERNEL(large_nn, 128, 64, 32, 32, true, false)
KERNEL(large_nt, 128, 64, 32, 32, true, true)
KERNEL(large_tn, 128, 64, 32, 32, false, false)
)cuda"
